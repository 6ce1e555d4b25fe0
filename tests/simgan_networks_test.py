"""Refiner and discriminator: sizes, patches, non-linearities, batch norm."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dataset.errors import UserError
from simgan import layers, networks
from simgan.layers import ConvNorm, ResidualBlock


@pytest.fixture(autouse=True)
def seed():
    """Few feature maps at random may all be dead."""
    keras.utils.set_random_seed(0)


def test_parameter_counts():
    # 7x7 conv: 3,136 + 64; ten blocks: 2 * (36,864 + 256) each; 1x1 conv: 64 + 1.
    assert networks.build_refiner(256).count_params() == 745_665
    # Convs: 4,704, 153,600, 18,432, 1,024, 66; batch norms: 4 * (96 + 64 + 32 + 32).
    assert networks.build_discriminator(256).count_params() == 178_722


def test_parameters_with_7x7_in_all_blocks_are_those_of_that_reading():
    """A program that reads the appendix so has 4,018,625, biases, and no batch norm.

    A norm's offset stands for a bias; its scale, and its two moving averages, are new.
    """
    refiner = networks.build_refiner(256, block_kernel_size=7)
    scales = 10 * 2 * 64
    assert refiner.count_params() == 4_018_625 + 3 * scales


@pytest.mark.parametrize("size, reach", [(3, 3 + 2), (7, 3 + 6)])
def test_refined_pixel_depends_on_what_its_filters_reach(size, reach):
    refiner = networks.build_refiner(
        32, num_blocks=1, base_maps=4, block_kernel_size=size
    )
    image = tf.zeros([1, 32, 32, 1])
    changed = image.numpy()
    changed[0, 16, 16] = 9
    difference = np.abs(refiner(image) - refiner(changed))[0, :, :, 0]
    rows = np.flatnonzero(difference.max(axis=1))
    assert [rows[0], rows[-1]] == [16 - reach, 16 + reach]


def test_parameter_counts_of_the_networks_for_eyes():
    # 3x3 conv: 576 + 64; four blocks: 2 * (36,864 + 256) each; 1x1 conv: 64 + 1.
    eyes = {"architecture": "eyes"}
    refiner = networks.build_refiner(32, num_blocks=4, **eyes)
    assert refiner.count_params() == 640 + 4 * 74_240 + 65
    # Convs: 864, 55,296, 18,432, 1,024, 66; batch norms: 4 * (96 + 64 + 32 + 32).
    assert networks.build_discriminator(32, **eyes).count_params() == 76_578


@pytest.mark.parametrize("size", [3, 7])
def test_convolution_of_few_maps_has_the_gradient_of_any(size):
    x = tf.random.stateless_normal([2, 9, 8, 3], seed=[0, 0])
    kernel = tf.random.stateless_normal([size, size, 3, 4], seed=[0, 1])

    def outputs_and_gradients(convolve):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = convolve(x, kernel)
            loss = tf.reduce_sum(tf.square(y))
        return [y, *tape.gradient(loss, [x, kernel])]

    def plain(x, kernel):
        return tf.nn.conv2d(x, kernel, strides=1, padding="SAME")

    results = outputs_and_gradients(layers.few_maps_conv)
    for own, expected in zip(results, outputs_and_gradients(plain), strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-3)


def test_large_images_take_that_gradient_and_small_ones_tensorflows(monkeypatch):
    calls = []

    def convolve(x, kernel):
        calls.append(x.shape[1])
        return tf.nn.conv2d(x, kernel, strides=1, padding="SAME")

    monkeypatch.setattr(layers, "few_maps_conv", convolve)
    for size in (16, layers.SMALLEST_PRODUCTS):
        networks.build_refiner(size, num_blocks=1, base_maps=4)
    assert set(calls) == {layers.SMALLEST_PRODUCTS}


def test_refiner_whose_blocks_have_scale_0_is_its_first_and_last_convolution():
    """ReLU(x + 0) of what is not negative is itself."""
    refiner = networks.build_refiner(
        16, num_blocks=3, base_maps=4, block_scale=0.0, output_activation="linear"
    )
    images = tf.random.stateless_normal([2, 16, 16, 1], [0, 0])
    maps = tf.nn.relu(refiner.get_layer("features")(images))
    expected = refiner.get_layer("to_image")(maps)
    for training in (False, True):
        refined = refiner(images, training=training)
        np.testing.assert_allclose(refined, expected, atol=1e-6)


def test_linear_refiner_is_not_bounded_and_tanh_of_it_is_the_other():
    refiners = []
    for activation in ("linear", "tanh"):
        tf.keras.utils.set_random_seed(1)
        made = networks.build_refiner(
            16, num_blocks=1, base_maps=4, output_activation=activation
        )
        refiners.append(made)
    linear, bounded = refiners
    images = 9 * tf.random.stateless_normal([2, 16, 16, 1], [0, 0])
    assert np.abs(linear(images)).max() > 1
    np.testing.assert_allclose(tf.tanh(linear(images)), bounded(images), rtol=1e-5)


def test_refiner_keeps_size_and_range():
    refiner = networks.build_refiner(40, num_blocks=2, base_maps=4)
    images = tf.random.stateless_uniform([3, 40, 40, 1], [0, 0], -1, 1)
    refined = refiner(images, training=True).numpy()
    assert refined.shape == (3, 40, 40, 1) and refined.dtype == np.float32
    assert np.abs(refined).max() <= 1


@pytest.mark.parametrize(
    "image_size, patches", [(256, 8), (240, 8), (128, 4), (64, 2), (32, 1)]
)
def test_discriminator_has_two_logits_per_patch(image_size, patches):
    discriminator = networks.build_discriminator(image_size, base_maps=2)
    assert discriminator.output_shape == (None, patches, patches, 2)


@pytest.mark.parametrize("image_size, patches", [(32, 8), (64, 16), (33, 9)])
def test_discriminator_for_eyes_has_a_patch_for_every_4_px(image_size, patches):
    discriminator = networks.build_discriminator(
        image_size, base_maps=2, architecture="eyes"
    )
    assert discriminator.output_shape == (None, patches, patches, 2)


def test_a_patch_of_the_discriminator_for_eyes_sees_23_px():
    discriminator = networks.build_discriminator(64, base_maps=4, architecture="eyes")
    image = tf.random.stateless_normal([64, 64], [0, 0]).numpy()
    # Image n differs from the first in its row n - 1.
    images = np.concatenate([image[None], image + 9 * np.eye(64)[:, :, None]])
    logits = discriminator(images[..., None]).numpy()[:, 8, 8]
    rows = np.flatnonzero((logits[1:] != logits[0]).any(axis=1))
    assert rows[-1] - rows[0] + 1 == 23


def test_images_of_less_than_one_patch_are_refused():
    networks.check_size(32)
    with pytest.raises(UserError, match="--synthetic_dir: images are 31 px"):
        networks.check_size(31)


def test_a_patch_does_not_see_the_other_end_of_the_image():
    discriminator = networks.build_discriminator(256, base_maps=4)
    image = tf.random.stateless_normal([1, 256, 256, 1], [0, 0])
    changed = image.numpy()
    changed[:, :20, :20] += 5
    before, after = discriminator(image), discriminator(changed)
    difference = np.abs(before - after).max(axis=(0, 3))
    assert difference[0, 0] > 1e-4
    assert difference[3:].max() == difference[:, 3:].max() == 0


def activations(model, image_size):
    """Name and output of every layer that has been called, for one random image."""
    layers = [layer for layer in model.layers if layer.output is not None]
    probe = keras.Model(model.input, [layer.output for layer in layers])
    image = tf.random.stateless_normal([1, image_size, image_size, 1], [0, 0])
    return layers, probe(image)


def test_every_convolution_of_the_discriminator_but_the_last_is_followed_by_relu():
    """Else what the last layer is fed with is linear in the image."""
    discriminator = networks.build_discriminator(64, base_maps=8)
    layers, outputs = activations(discriminator, 64)
    kinds = [type(layer).__name__ for layer in layers]
    assert kinds.count("ConvNorm") == 4
    for place, kind in enumerate(kinds):
        if kind == "ConvNorm":
            assert kinds[place + 1] == "ReLU"
            assert outputs[place].numpy().min() < 0 <= outputs[place + 1].numpy().min()
    assert kinds[-2:] == ["ReLU", "Conv2D"]


def test_residual_block_with_silent_convolutions_is_relu():
    block = ResidualBlock(3)
    images = tf.random.stateless_normal([2, 5, 5, 3], [0, 0])
    block(images)
    for part in (block.first, block.second):
        part.conv.kernel.assign(tf.zeros_like(part.conv.kernel))
    np.testing.assert_allclose(block(images), tf.nn.relu(images))


def test_batch_norm_uses_the_batch_in_training_and_moving_averages_after():
    layer = ConvNorm(2, 1, momentum=0.5)
    images = 3 + tf.random.stateless_normal([8, 4, 4, 1], [0, 0])
    trained = layer(images, training=True)
    np.testing.assert_allclose(tf.reduce_mean(trained, [0, 1, 2]), 0, atol=1e-5)
    means = tf.reduce_mean(layer.conv(images), [0, 1, 2])
    np.testing.assert_allclose(layer.norm.moving_mean, means / 2, rtol=1e-5)
    assert not np.allclose(layer(images), trained, atol=0.1)


def test_moving_averages_serve_after_a_short_training():
    """Momentum 0.9: 50 batches are enough, so that inference is like training."""
    block = ResidualBlock(2, momentum=0.9)
    images = 2 + tf.random.stateless_normal([50, 8, 6, 6, 2], [0, 0])
    for batch in images:
        trained = block(batch, training=True)
    np.testing.assert_allclose(block(batch), trained, atol=0.5)
    assert np.abs(block(batch) - trained).mean() < 0.1


@pytest.mark.parametrize(
    "layer",
    [
        ConvNorm(3, 5, 2, momentum=0.7, synchronized=True),
        ResidualBlock(3, 5, momentum=0.7, synchronized=True, scale=0.5),
    ],
)
def test_layer_comes_back_from_its_config(layer):
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config
    assert config["momentum"] == 0.7 and config["synchronized"] is True
    assert config["kernel_size"] == 5


def test_networks_are_saved_and_loaded(tmp_path):
    refiner = networks.build_refiner(16, num_blocks=1, base_maps=2, momentum=0.8)
    refiner.save(tmp_path / "refiner.keras")
    custom = {"ResidualBlock": ResidualBlock}
    loaded = keras.models.load_model(tmp_path / "refiner.keras", custom_objects=custom)
    images = tf.random.stateless_normal([1, 16, 16, 1], [0, 0])
    np.testing.assert_array_equal(refiner(images), loaded(images))
