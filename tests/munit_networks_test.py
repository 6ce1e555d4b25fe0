"""MUNIT's networks: sizes, what style and content know, precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan.norms import ResidualBlock
from munit import networks
from munit.layers import AdaINResidualBlock

# Weights of each layer at 256 px, counted by hand from Huang et al. (2018), appendix B,
# for one colour. Biases before instance norms, 2,496 of the content encoder and 2,048
# of the decoder, are left out: they have no effect.
COUNTS = {
    "content_encoder": [
        ("c7s1-64", 7 * 7 * 64),
        ("d128", 4 * 4 * 64 * 128),
        ("d256", 4 * 4 * 128 * 256),
        ("4 R256", 4 * 2 * 3 * 3 * 256 * 256),
    ],
    "style_encoder": [
        ("c7s1-64", 7 * 7 * 64 + 64),
        ("d128", 4 * 4 * 64 * 128 + 128),
        ("d256", 4 * 4 * 128 * 256 + 256),
        ("d256", 4 * 4 * 256 * 256 + 256),
        ("d256", 4 * 4 * 256 * 256 + 256),
        ("fc8", 256 * 8 + 8),
    ],
    "decoder": [
        ("mlp of 256, 256", 8 * 256 + 256 + 256 * 256 + 256),
        ("4 blocks, 2 norms, gamma and beta of 256", 257 * 4 * 2 * 2 * 256),
        ("4 R256", 4 * 2 * 3 * 3 * 256 * 256),
        ("u128 and its layer norm", 5 * 5 * 256 * 128 + 3 * 128),
        ("u64 and its layer norm", 5 * 5 * 128 * 64 + 3 * 64),
        ("c7s1-1", 7 * 7 * 64 + 1),
    ],
}
SUMS = {"content_encoder": 5_377_088, "style_encoder": 2_758_664, "decoder": 6_867_073}


def build(name, image_size, **sizes):
    keras.utils.set_random_seed(0)
    return getattr(networks, f"build_{name}")(image_size, **sizes)


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_at_256_px_are_those_of_the_publication(name):
    assert sum(number for _, number in COUNTS[name]) == SUMS[name]
    assert build(name, 256).count_params() == SUMS[name]


def test_networks_at_256_px_have_the_weights_of_each_layer():
    """As a table: a layer that is too large does not make up for one too small."""
    found = {
        name: [w.shape.num_elements() for w in build(name, 256).weights]
        for name in COUNTS
    }
    content = [3_136, 131_072, 524_288] + [589_824] * 8
    assert found["content_encoder"] == content
    style = [3_136, 64, 131_072, 128, 524_288, 256, 1_048_576, 256, 1_048_576, 256]
    assert found["style_encoder"] == [*style, 2_048, 8]
    mlp = [2_048, 256, 65_536, 256, 1_048_576, 4_096]
    ends = [819_200, *[128] * 3, 204_800, *[64] * 3, 3_136, 1]
    assert sorted(found["decoder"]) == sorted([*mlp, *[589_824] * 8, *ends])


def images(count=2):
    return tf.random.stateless_uniform([count, 32, 32, 1], [0, 0], -1, 1)


def test_sizes_of_content_style_and_image():
    content = build("content_encoder", 64, base_maps=2)
    style = build("style_encoder", 64, base_maps=2, style_size=5)
    assert content.output_shape == (None, 16, 16, 8)
    assert style.output_shape == (None, 5)
    decoder = build("decoder", 64, base_maps=2, style_size=5, mlp_units=3)
    styles = 100 * tf.random.stateless_normal([1, 5], [0, 0])
    decoded = decoder(
        [100 * tf.random.stateless_normal([1, 16, 16, 8], [0, 0]), styles]
    )
    assert decoded.shape == [1, 64, 64, 1] and np.abs(decoded).max() <= 1.0
    blocks = {
        name: [type(x) for x in network.layers]
        for name, network in (("content", content), ("decoder", decoder))
    }
    assert blocks["content"].count(ResidualBlock) == 4
    assert blocks["decoder"].count(AdaINResidualBlock) == 4


def test_content_does_not_know_brightness_and_contrast_but_style_does():
    """c(2 x + 0.5) is c(x): only that encoder has norms, from its first layer on."""
    content = build("content_encoder", 32, base_maps=4)
    style = build("style_encoder", 32, base_maps=4)
    x = images()
    np.testing.assert_allclose(content(2 * x + 0.5), content(x), atol=1e-2)
    assert np.abs(style(2 * x + 0.5) - style(x)).max() > 0.05


def test_every_number_of_a_style_changes_the_image():
    decoder = build("decoder", 32, base_maps=4, style_size=3)
    contents = tf.random.stateless_normal([1, 8, 8, 16], [0, 0])
    zero = decoder([contents, tf.zeros([1, 3])]).numpy()
    for number in range(3):
        other = decoder([contents, tf.one_hot([number], 3)]).numpy()
        assert np.abs(other - zero).max() > 1e-3


def test_each_block_has_statistics_of_its_own():
    decoder = build("decoder", 32, base_maps=2, style_size=2, mlp_units=4)
    statistics = decoder.get_layer("mlp")(tf.ones([1, 2])).numpy()
    assert statistics.shape == (1, 4, 2, 2, 8)
    assert len(np.unique(statistics)) == statistics.size
    zeros = np.zeros_like(statistics)
    mlp = decoder.get_layer("mlp").layers[-2]
    contents = tf.random.stateless_normal([1, 8, 8, 8], [0, 0])
    seen = set()
    for block in range(4):
        bias = zeros.copy()
        bias[:, block] = 1
        mlp.set_weights([np.zeros_like(mlp.kernel), bias.ravel()])
        seen.add(decoder([contents, tf.ones([1, 2])]).numpy().tobytes())
    assert len(seen) == 4


def test_latents_are_float32_under_reduced_precision():
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    found = [build(name, 32, base_maps=2) for name in COUNTS]
    tf.keras.mixed_precision.set_global_policy("float32")
    assert [network.output.dtype for network in found] == [tf.float32] * 3
    assert found[2].get_layer("mlp").output.dtype == tf.float32
