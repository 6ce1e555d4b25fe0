"""Resizing, ResNet-50's input and dropout."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from classifier.layers import Dropout, ResNetInput, resize


@pytest.mark.parametrize("length", [7, 32, 63, 240, 256])
def test_resize_is_the_antialiased_resize_of_tensorflow(length):
    images = tf.random.stateless_uniform([2, length, length + 3, 1], [0, length], -1, 1)
    expected = tf.image.resize(images, [48, 48], antialias=True)
    np.testing.assert_allclose(resize(images, 48), expected, atol=1e-4)


def test_resize_keeps_an_image_of_the_right_size_to_the_last_bit():
    images = tf.random.stateless_uniform([2, 32, 32, 1], [0, 0])
    np.testing.assert_array_equal(resize(images, 32), images)
    resize_any = tf.function(
        lambda x: resize(x, 32), [tf.TensorSpec([None, None, None, 1])]
    )
    np.testing.assert_array_equal(resize_any(images), images)


def test_resize_of_one_image_is_that_of_a_batch():
    images = tf.random.stateless_uniform([3, 50, 40, 1], [0, 0])
    one_by_one = tf.stack([resize(image, 32) for image in images])
    np.testing.assert_allclose(resize(images, 32), one_by_one, atol=1e-6)


def test_resize_keeps_a_constant_image_constant():
    np.testing.assert_allclose(resize(-tf.ones([1, 57, 43, 1]), 32), -1.0, atol=1e-6)


def test_resnet_input_is_grey_levels_less_the_mean_of_each_channel():
    images = tf.constant([-1.0, 0.0, 1.0])[:, None, None, None] * tf.ones([3, 8, 8, 1])
    channels = ResNetInput(8)(images)
    levels = np.array([0.0, 127.5, 255.0])[:, None]
    # Mean blue, green and red of ImageNet, in the order in which ResNet-50 has them.
    expected = levels - [103.939, 116.779, 123.68]
    np.testing.assert_allclose(channels[:, 3, 5], expected, rtol=1e-6)


def test_dropout_multiplies_by_the_mask_of_its_rate_in_training_alone():
    dropout = Dropout(0.25)
    dropout.draw_mask = lambda shape, rate: tf.constant([0.0, 1.0]) / (1.0 - rate)
    features = tf.constant([[1.0, 3.0]])
    np.testing.assert_array_equal(dropout(features, training=True), [[0.0, 4.0]])
    np.testing.assert_array_equal(dropout(features, training=False), features)


@pytest.mark.parametrize("layer", [ResNetInput(48), Dropout(0.25)])
def test_layer_comes_back_from_its_config(layer):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
