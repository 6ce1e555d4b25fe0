"""UNIT's networks: sizes, sharing, precision."""

import numpy as np
import pytest
import tensorflow as tf

from gan.discriminators import build_multi_scale_discriminator
from gan.norms import ResidualBlock
from unit import networks


def test_parameters_at_256_px_are_those_of_the_rerelease():
    """Less the biases before instance norms, which have no effect: 2,496 and 2,048."""
    encoder, _ = networks.build_encoders(256, shared_blocks=0)
    decoder, _ = networks.build_decoders(256, shared_blocks=0)
    discriminator = build_multi_scale_discriminator(256)
    assert encoder.count_params() == 5_379_584 - 2_496
    assert decoder.count_params() == 5_748_353 - 2_048
    assert discriminator.count_params() == 8_265_027


def test_latent_is_a_quarter_of_the_image_and_decodes_to_its_size():
    encoder, _ = networks.build_encoders(64, base_maps=2)
    decoder, _ = networks.build_decoders(64, base_maps=2)
    assert encoder.output_shape == (None, 16, 16, 8)
    images = decoder(100 * tf.random.stateless_normal([1, 16, 16, 8], seed=[0, 0]))
    assert images.shape == [1, 64, 64, 1]
    assert np.abs(images).max() <= 1.0


def residual_blocks(model):
    return [x for x in model.layers if isinstance(x, ResidualBlock)]


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
    variables = [{id(v) for v in model.variables} for model in encoders]
    assert len(variables[0] & variables[1]) == 2 * shared


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
    block = ResidualBlock(4)
    upper = [block.norm_a.compute_dtype, block.conv_a.conv.compute_dtype]
    outputs = block(tf.ones([1, 4, 4, 4], tf.bfloat16))
    latents = networks.build_encoders(32, base_maps=2)[0].output.dtype
    tf.keras.mixed_precision.set_global_policy("float32")
    assert upper == ["float32", "bfloat16"]
    assert outputs.dtype == tf.bfloat16 and latents == tf.float32
