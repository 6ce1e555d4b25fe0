"""Adaptive instance norm and its residual block: values by hand."""

import numpy as np
import pytest
import tensorflow as tf

from munit.layers import AdaIN, AdaINResidualBlock


@pytest.fixture
def maps():
    """Two images' maps, each of a mean and deviation of its own."""
    noise = tf.random.stateless_normal([2, 6, 6, 3], seed=[0, 0])
    return noise * [[[[1.0, 2.0, 3.0]]], [[[0.5, 4.0, 1.0]]]] + [5.0, 0.0, -2.0]


def statistics(x):
    """Deviation and mean of each map of each image, [batch, maps] each."""
    means, variances = tf.nn.moments(x, axes=[1, 2])
    return tf.sqrt(variances), means


def test_adain_is_the_identity_with_the_statistics_that_the_maps_have(maps):
    np.testing.assert_allclose(AdaIN()([maps, *statistics(maps)]), maps, atol=1e-3)


def test_adain_gives_each_map_of_each_image_its_deviation_and_mean(maps):
    gamma = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    beta = tf.constant([[0.0, -1.0, 7.0], [2.0, 0.0, 0.0]])
    layer = AdaIN()
    deviations, means = statistics(layer([maps, gamma, beta]))
    np.testing.assert_allclose(deviations, gamma, rtol=1e-3)
    np.testing.assert_allclose(means, beta, atol=1e-4)
    assert layer.weights == []


def test_adain_by_hand():
    """0 and 2 are of mean 1 and deviation 1: -1 and 1."""
    z = tf.reshape(tf.constant([0.0, 2.0]), [1, 1, 2, 1])
    styled = AdaIN()([z, tf.constant([[3.0]]), tf.constant([[10.0]])])
    np.testing.assert_allclose(tf.reshape(styled, [-1]), [7.0, 13.0], atol=1e-4)


def of_block(*rows):
    """Statistics [2 images, 2 norms, gamma and beta, 3 maps], a row for each two."""
    return tf.tile(
        tf.reshape(tf.constant(rows, tf.float32), [1, 2, 2, 3]), [2, 1, 1, 1]
    )


def test_block_adds_nothing_without_statistics_and_the_last_offset_alone(maps):
    block = AdaINResidualBlock(3)
    no, some, offset = [0.0] * 3, [1.0, 2.0, 3.0], [7.0, 0.0, -1.0]
    np.testing.assert_array_equal(block([maps, of_block(no, no, no, no)]), maps)
    added = block([maps, of_block(some, some, no, offset)]) - maps
    np.testing.assert_allclose(added, tf.broadcast_to(offset, [2, 6, 6, 3]), atol=1e-5)


def test_first_norm_of_the_block_is_before_its_second_convolution(maps):
    """Its offset reaches what the second norm has not removed: what ReLU cuts."""
    block = AdaINResidualBlock(3)
    one, no = [1.0] * 3, [0.0] * 3
    cut, uncut = (block([maps, of_block(one, b, one, no)]) for b in (no, [99.0] * 3))
    assert np.abs(cut - uncut).max() > 0.1
    conv = block.conv_b(99.0 + block.norm_a.norm(block.conv_a(maps)))
    expected = maps + block.norm_b.norm(conv)
    np.testing.assert_allclose(uncut, expected, atol=1e-3)


def test_norms_are_float32_under_reduced_precision(maps):
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    block = AdaINResidualBlock(3)
    types = block.norm_a.compute_dtype, block.conv_a.conv.compute_dtype
    outputs = block([maps, of_block(*[[1.0] * 3] * 4)])
    tf.keras.mixed_precision.set_global_policy("float32")
    assert types == ("float32", "bfloat16") and outputs.dtype == tf.bfloat16
    assert AdaINResidualBlock.from_config(block.get_config()).maps == 3
