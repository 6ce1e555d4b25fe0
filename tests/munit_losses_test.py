"""MUNIT's loss terms: values by hand, one per image."""

import numpy as np
import tensorflow as tf

from munit import losses


def images(*values):
    """One 1x2 image for each pair of values."""
    return tf.reshape(tf.constant(values, tf.float32), [-1, 1, 2, 1])


def test_reconstruction_loss_is_the_mean_absolute_difference_of_each_image():
    loss = losses.reconstruction_loss(
        images([0.5, -1.0], [0, 0]), images([0.25, 0.0], [0, 0])
    )
    np.testing.assert_allclose(loss, [(0.25 + 1.0) / 2, 0.0])


def test_reconstruction_loss_of_styles_is_the_mean_over_their_numbers():
    styles = tf.constant([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    loss = losses.reconstruction_loss(styles, tf.constant([[1.0, 0.0, 7.0], [3, 3, 3]]))
    np.testing.assert_allclose(loss, [2.0, 3.0])


def test_perceptual_loss_does_not_see_mean_and_deviation_of_a_map():
    features = tf.random.stateless_normal([2, 4, 4, 3], [0, 0])
    styled = features * [2.0, 3.0, 4.0] + [1.0, -5.0, 0.0]
    np.testing.assert_allclose(losses.perceptual_loss(features, styled), 0, atol=1e-4)


def test_perceptual_loss_by_hand():
    """0, 2 and 5, 1 normalised: -1, 1 and 1, -1, apart by 2 in both places."""
    loss = losses.perceptual_loss(images([0, 2], [0, 2]), images([5, 1], [3, 9]))
    np.testing.assert_allclose(loss, [4.0, 0.0], atol=1e-3)
