"""Layers, norms and the discriminator that GANs share."""

import numpy as np
import pytest
import tensorflow as tf

from gan import layers, norms
from gan.discriminators import build_multi_scale_discriminator


def test_score_maps_are_16_8_and_4_wide_at_256_px():
    maps = build_multi_scale_discriminator(256, base_maps=2).output_shape
    assert maps == [(None, n, n, 1) for n in (16, 8, 4)]


def test_reflect_convolution_continues_the_image_by_its_mirror():
    conv = layers.ReflectConv2D(1, 3, kernel_initializer="ones")
    image = tf.reshape(tf.range(9.0), [1, 3, 3, 1])  # 0 1 2 / 3 4 5 / 6 7 8
    around = 4 + 3 + 4 + 1 + 0 + 1 + 4 + 3 + 4  # Of the corner: mirrored, not zero.
    assert float(conv(image)[0, 0, 0, 0]) == around


@pytest.mark.parametrize("kernel, strides, size", [(7, 1, 8), (5, 1, 8), (4, 2, 4)])
def test_reflect_convolution_keeps_or_divides_the_size(kernel, strides, size):
    outputs = layers.ReflectConv2D(3, kernel, strides)(tf.zeros([1, 8, 8, 2]))
    assert outputs.shape == [1, size, size, 3]


def test_instance_norm_normalises_each_map_of_each_image_without_weights():
    x = 5 + 3 * tf.random.stateless_normal([2, 6, 6, 3], seed=[0, 0])
    norm = norms.instance_norm()
    y = norm(x).numpy()
    np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.var((1, 2)), 1, atol=1e-4)
    assert norm.weights == []


def test_layer_norm_normalises_each_image_and_scales_each_map():
    x = 5 + 3 * tf.random.stateless_normal([2, 6, 6, 3], seed=[0, 0]).numpy()
    norm = norms.layer_norm()
    norm.build(x.shape)
    norm.set_weights(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 7.0]]))
    mean, variance = (f(x, (1, 2, 3), keepdims=True) for f in (np.mean, np.var))
    expected = (x - mean) / np.sqrt(variance + 1e-5) * [1, 2, 3] + [0, 0, 7]
    np.testing.assert_allclose(norm(x), expected, atol=1e-4)


def test_residual_block_adds_to_its_input_and_nothing_comes_after():
    block = norms.ResidualBlock(2)
    x = tf.random.stateless_normal([1, 4, 4, 2], seed=[0, 0])
    block(x)
    block.set_weights([np.zeros_like(w) for w in block.get_weights()])
    np.testing.assert_array_equal(block(x), x)


def test_halving_does_not_count_padding():
    discriminator = build_multi_scale_discriminator(64, base_maps=2)
    halved = discriminator.get_layer("halve")(tf.ones([1, 64, 64, 1]))
    np.testing.assert_allclose(halved, tf.ones([1, 32, 32, 1]))


@pytest.mark.parametrize("base_maps, deviation", [(64, 0.02), (16, 0.04)])
def test_discriminator_starts_with_scores_of_a_size_for_any_width(base_maps, deviation):
    discriminator = build_multi_scale_discriminator(64, base_maps=base_maps, scales=1)
    kernels = [w for w in discriminator.get_weights() if w.ndim == 4]
    assert np.std(kernels[2]) == pytest.approx(deviation, rel=0.05)


def test_upsampling_repeats_pixels():
    image = tf.reshape([1.0, 2.0, 3.0, 4.0], [1, 2, 2, 1])
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(layers.Upsample()(image)[0, :, :, 0], expected)


@pytest.mark.parametrize("size", [3, 7])
def test_convolution_joined_with_upsampling_is_that_of_the_enlarged_image(size, draw):
    x, kernel = _draws([2, 5, 4, 3], [size, size, 3, 2], draw)
    enlarged = layers.upsample(x)
    expected = tf.nn.conv2d(enlarged, kernel, strides=1, padding="SAME")
    joined = layers.upsampled_conv(x, kernel, "CONSTANT")
    np.testing.assert_allclose(joined, expected, atol=1e-4)


@pytest.mark.parametrize("use_bias", [True, False])
def test_joined_upsampling_and_reflect_convolution_equal_one_after_the_other(
    use_bias, draw
):
    height, width = layers.SMALLEST_JOINED, 6
    x, _ = _draws([2, height, width, 3], [1], draw)
    joined = layers.ReflectConv2D(4, 5, upsampled=True, use_bias=use_bias)
    plain = layers.ReflectConv2D(4, 5, use_bias=use_bias)
    joined(x)
    plain(layers.upsample(x))
    joined.set_weights([w + 0.1 for w in joined.get_weights()])  # The bias, too.
    plain.set_weights(joined.get_weights())

    def outputs_and_gradients(layer, enlarge):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(enlarge(x))
            loss = tf.reduce_sum(tf.square(y))
        return [y, *tape.gradient(loss, [x, *layer.trainable_variables])]

    results = outputs_and_gradients(joined, tf.identity)
    expected = outputs_and_gradients(plain, layers.upsample)
    for own, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-3)


def _draws(shape, kernel_shape, draw):
    seed = draw.randrange(10**6)
    return [
        tf.random.stateless_normal(s, seed=[seed, n])
        for n, s in enumerate((shape, kernel_shape))
    ]


def test_layers_are_restored_from_their_configuration():
    for layer in (
        layers.ReflectConv2D(3, 4, 2),
        layers.ReflectConv2D(3, 5, upsampled=True),
        norms.ResidualBlock(2),
    ):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()


def test_enlarging_convolution_of_maps_smaller_than_its_kernel_is_built():
    joined = layers.ReflectConv2D(3, 5, upsampled=True)
    joined.build((None, 2, 2, 4))
    assert joined(np.ones([1, 2, 2, 4], np.float32)).shape == (1, 4, 4, 3)
