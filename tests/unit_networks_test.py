"""UNIT's networks and layers: sizes, sharing, padding, norms."""

import numpy as np
import pytest
import tensorflow as tf

from dataset.shards import UserError
from unit import layers, networks


def test_parameters_at_256_px_are_those_of_the_rerelease():
    """Less the biases before instance norms, which have no effect: 2,496 and 2,048."""
    encoder, _ = networks.build_encoders(256, shared_blocks=0)
    decoder, _ = networks.build_decoders(256, shared_blocks=0)
    discriminator = networks.build_discriminator(256)
    assert encoder.count_params() == 5_379_584 - 2_496
    assert decoder.count_params() == 5_748_353 - 2_048
    assert discriminator.count_params() == 8_265_027


def test_score_maps_are_16_8_and_4_wide_at_256_px():
    maps = networks.build_discriminator(256, base_maps=2).output_shape
    assert maps == [(None, n, n, 1) for n in (16, 8, 4)]


def test_latent_is_a_quarter_of_the_image_and_decodes_to_its_size():
    encoder, _ = networks.build_encoders(64, base_maps=2)
    decoder, _ = networks.build_decoders(64, base_maps=2)
    assert encoder.output_shape == (None, 16, 16, 8)
    images = decoder(100 * tf.random.stateless_normal([1, 16, 16, 8], seed=[0, 0]))
    assert images.shape == [1, 64, 64, 1]
    assert np.abs(images).max() <= 1.0


def residual_blocks(model):
    return [x for x in model.layers if isinstance(x, layers.ResidualBlock)]


@pytest.mark.parametrize("shared", [0, 1, 4])
def test_domains_share_last_blocks_of_encoders_and_first_of_decoders(shared):
    encoders = networks.build_encoders(32, base_maps=2, shared_blocks=shared)
    decoders = networks.build_decoders(32, base_maps=2, shared_blocks=shared)
    own = 4 - shared
    a, b = map(residual_blocks, encoders)
    assert [x is y for x, y in zip(a, b, strict=True)] == [False] * own + [
        True
    ] * shared
    a, b = map(residual_blocks, decoders)
    assert [x is y for x, y in zip(a, b, strict=True)] == [True] * shared + [
        False
    ] * own
    variables = [{v.ref() for v in model.variables} for model in encoders]
    assert len(variables[0] & variables[1]) == 2 * shared


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
    norm = layers.instance_norm()
    y = norm(x).numpy()
    np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.var((1, 2)), 1, atol=1e-4)
    assert norm.weights == []


def test_layer_norm_normalises_each_image_and_scales_each_map():
    x = 5 + 3 * tf.random.stateless_normal([2, 6, 6, 3], seed=[0, 0]).numpy()
    norm = layers.layer_norm()
    norm.build(x.shape)
    norm.set_weights(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 7.0]]))
    mean, variance = (f(x, (1, 2, 3), keepdims=True) for f in (np.mean, np.var))
    wanted = (x - mean) / np.sqrt(variance + 1e-5) * [1, 2, 3] + [0, 0, 7]
    np.testing.assert_allclose(norm(x), wanted, atol=1e-4)


def scales(model):
    return [w.numpy() for w in model.trainable_weights if "gamma" in w.name]


def test_scales_of_layer_norms_begin_with_1_or_with_draws_from_0_to_1():
    ones, _ = networks.build_decoders(32, base_maps=32)
    for scale in scales(ones):
        np.testing.assert_array_equal(scale, np.ones_like(scale))
    for decoder in networks.build_decoders(32, base_maps=32, norm_scale="uniform"):
        draws = np.concatenate(scales(decoder))
        assert draws.shape == (64 + 32,) and len(set(draws)) == 96
        assert 0 <= draws.min() < 0.1 and 0.9 < draws.max() <= 1
        assert draws.mean() == pytest.approx(0.5, abs=0.12)


def test_norms_are_float32_under_reduced_precision():
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    block = layers.ResidualBlock(4)
    upper = [block.norm_a.compute_dtype, block.conv_a.conv.compute_dtype]
    outputs = block(tf.ones([1, 4, 4, 4], tf.bfloat16))
    latents = networks.build_encoders(32, base_maps=2)[0].output.dtype
    tf.keras.mixed_precision.set_global_policy("float32")
    assert upper == ["float32", "bfloat16"]
    assert outputs.dtype == tf.bfloat16 and latents == tf.float32


def test_residual_block_adds_to_its_input_and_nothing_comes_after():
    block = layers.ResidualBlock(2)
    x = tf.random.stateless_normal([1, 4, 4, 2], seed=[0, 0])
    block(x)
    block.set_weights([np.zeros_like(w) for w in block.get_weights()])
    np.testing.assert_array_equal(block(x), x)


def test_halving_does_not_count_padding():
    discriminator = networks.build_discriminator(64, base_maps=2)
    halved = discriminator.get_layer("halve")(tf.ones([1, 64, 64, 1]))
    np.testing.assert_allclose(halved, tf.ones([1, 32, 32, 1]))


@pytest.mark.parametrize("base_maps, deviation", [(64, 0.02), (16, 0.04)])
def test_discriminator_starts_with_scores_of_a_size_for_any_width(base_maps, deviation):
    discriminator = networks.build_discriminator(64, base_maps=base_maps, scales=1)
    kernels = [w for w in discriminator.get_weights() if w.ndim == 4]
    assert np.std(kernels[2]) == pytest.approx(deviation, rel=0.05)


def test_upsampling_repeats_pixels():
    image = tf.reshape([1.0, 2.0, 3.0, 4.0], [1, 2, 2, 1])
    wanted = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(layers.Upsample()(image)[0, :, :, 0], wanted)


def test_layers_are_restored_from_their_configuration():
    for layer in (layers.ReflectConv2D(3, 4, 2), layers.ResidualBlock(2)):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()


def test_images_too_small_for_the_scales_are_refused():
    networks.check_size(64, 3)
    networks.check_size(32, 2)
    with pytest.raises(UserError, match="images are 32 px; wanted .* from 64 px on"):
        networks.check_size(32, 3)
    with pytest.raises(UserError, match="images are 66 px; wanted a multiple of 4"):
        networks.check_size(66, 1)
    maps = networks.build_discriminator(64, base_maps=2, scales=3)(
        tf.zeros([1, 64, 64, 1])
    )
    assert [m.shape[1] for m in maps] == [4, 2, 1]
