"""Layers of PGGAN against numbers computed by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from pggan import layers


def test_equalized_convolution_scales_by_gain_over_root_of_fan_in():
    layer = layers.EqualizedConv2D(1, 3)
    images = tf.ones([1, 5, 5, 2])
    layer(images)
    layer.set_weights([np.ones([3, 3, 2, 1]), np.array([0.25])])
    # 18 weights of 1 * sqrt(2) / sqrt(18) over ones, and the unscaled bias.
    expected = 18 * math.sqrt(2 / 18) + 0.25
    assert layer(images)[0, 2, 2, 0].numpy() == pytest.approx(expected)


def test_equalized_dense_with_the_gain_of_the_first_layer():
    layer = layers.EqualizedDense(1, gain=math.sqrt(2) / 4)
    layer(tf.ones([1, 8]))
    layer.set_weights([np.full([8, 1], 2.0), np.zeros(1)])
    assert layer(tf.ones([1, 8])).numpy() == pytest.approx(2 * math.sqrt(2 * 8) / 4)


def test_initial_weights_are_standard_normal_and_biases_zero():
    layer = layers.EqualizedConv2D(64, 3)
    layer.build([None, 8, 8, 64])
    assert np.std(layer.kernel.numpy()) == pytest.approx(1.0, abs=0.02)
    assert not layer.bias.numpy().any()


def test_convolution_of_the_enlarged_image_in_one_equals_both_by_turns():
    size = layers.SMALLEST_JOINED
    x = tf.random.stateless_normal([2, size, size, 3], seed=[0, 0])
    joined = layers.EqualizedConv2D(4, 3, upsampled=True)
    plain = layers.EqualizedConv2D(4, 3)
    joined(x), plain(x)
    plain.set_weights(joined.get_weights())
    np.testing.assert_allclose(joined(x), plain(layers.upsample(x)), atol=1e-5)


def test_pixel_norm_gives_unit_mean_square_over_maps():
    outputs = layers.PixelNorm()(tf.constant([[[[3.0, 4.0]]]]))
    root = math.sqrt((9 + 16) / 2)
    np.testing.assert_allclose(outputs[0, 0, 0], [3 / root, 4 / root], rtol=1e-6)


def test_pixel_norm_of_zero_is_zero():
    assert not layers.PixelNorm()(tf.zeros([1, 2, 2, 3])).numpy().any()


def test_minibatch_stddev_of_two_groups():
    images = np.zeros([4, 1, 1, 2], np.float32)
    images[:, 0, 0] = [[0, 0], [2, 6], [5, 5], [5, 5]]
    outputs = layers.MinibatchStddev(2)(tf.constant(images))
    # First group: deviations 1 and 3, mean 2. Second group: none, so sqrt(1e-8).
    np.testing.assert_allclose(outputs[:, 0, 0, 2], [2, 2, 1e-4, 1e-4], rtol=1e-5)
    np.testing.assert_array_equal(outputs[..., :2], images)


def test_minibatch_stddev_of_equal_images_has_a_finite_gradient():
    images = tf.ones([4, 2, 2, 3])
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layers.MinibatchStddev(4)(images)
    assert np.isfinite(tape.gradient(outputs, images).numpy()).all()


def test_downsample_averages():
    images = tf.reshape(tf.range(4.0), [1, 2, 2, 1])
    assert layers.downsample(images).numpy().item() == 1.5


def test_fade_in_is_exact_at_both_ends():
    old, new = tf.constant([[[[0.1]]]]), tf.constant([[[[0.7]]]])
    fade = layers.FadeIn()
    assert fade([old, new, tf.zeros([1])]) == old
    assert fade([old, new, tf.ones([1])]) == new
    assert fade([old, new, tf.fill([1], 0.25)]).numpy() == pytest.approx(0.25)


@pytest.mark.parametrize(
    "layer",
    [
        layers.EqualizedConv2D(3, 5, gain=2.0, use_bias=False),
        layers.EqualizedConv2D(3, 3, upsampled=True),
        layers.EqualizedDense(3, use_bias=False),
        layers.MinibatchStddev(4),
    ],
)
def test_layers_are_rebuilt_from_their_config(layer):
    assert type(layer).from_config(layer.get_config()).get_config() == (
        layer.get_config()
    )
