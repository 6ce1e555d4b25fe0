"""Sizes of PGGAN's networks, and what growing promises."""

import numpy as np
import pytest
import tensorflow as tf

from gan.layers import upsample
from pggan import networks
from pggan.layers import downsample
from pggan.train import count_weights

SMALL = {"fmap_base": 64, "fmap_max": 16}


@pytest.fixture(scope="module")
def generators():
    return networks.build_generators(16, latent_size=8, **SMALL)


@pytest.fixture(scope="module")
def discriminators():
    return networks.build_discriminators(16, stddev_group=2, **SMALL)


def latents(images=2):
    return tf.random.stateless_normal([images, 8], seed=[0, 0])


def images(size, count=2):
    return tf.random.stateless_normal([count, size, size, 1], seed=[0, size])


def test_feature_maps_of_the_paper():
    maps = [networks.feature_maps(r - 1, 8192, 512) for r in range(2, 9)]
    assert maps == [512, 512, 512, 512, 256, 128, 64]


def test_parameters_at_256_px():
    assert count_weights(networks.build_generators(256)) == 23_039_303
    assert count_weights(networks.build_discriminators(256)) == 23_047_361


def test_generators_image_at_the_start_of_a_fade_is_the_smaller_networks(generators):
    z = latents()
    faded = generators["16px"]([z, tf.zeros([2])])
    np.testing.assert_array_equal(faded, upsample(generators["8px"]([z, tf.ones([2])])))


def test_generators_image_at_the_end_of_a_fade_is_the_grown_networks(generators):
    z = latents()
    faded = generators["16px"]([z, tf.ones([2])])
    to_image = generators["16px"].get_layer("to_image_16px")
    grown = tf.keras.Model(generators["16px"].inputs, to_image.output)
    np.testing.assert_array_equal(faded, grown([z, tf.ones([2])]))
    assert np.abs(faded - upsample(downsample(faded))).max() > 0.01


def test_discriminators_scores_at_the_start_of_a_fade_are_the_smaller_networks(
    discriminators,
):
    x = images(16)
    faded = discriminators["16px"]([x, tf.zeros([2])])
    smaller = discriminators["8px"]([downsample(x), tf.ones([2])])
    np.testing.assert_allclose(faded, smaller, rtol=1e-5)


def test_networks_of_all_resolutions_share_their_layers(generators, discriminators):
    for models in (generators, discriminators):
        small = {id(w) for w in models["8px"].weights}
        large = {id(w) for w in models["16px"].weights}
        assert len(small & large) >= len(small) - 2  # All but 4 px to or from image.


def test_generator_is_not_clipped(generators):
    outputs = generators["16px"]([latents(64), tf.ones([64])])
    assert np.abs(outputs).max() > 1.0


def test_one_alpha_per_image(generators):
    z = tf.repeat(latents(1), 2, axis=0)
    both = generators["16px"]([z, tf.constant([0.0, 1.0])])
    for n, alpha in enumerate((0.0, 1.0)):
        alone = generators["16px"]([z, tf.fill([2], alpha)])
        np.testing.assert_allclose(both[n], alone[n], atol=1e-6)
