"""UNIT's loss terms: values by hand, one per image."""

import numpy as np
import tensorflow as tf

from unit import losses


def images(*values):
    """One 1x2 image for each pair of values."""
    return tf.reshape(tf.constant(values, tf.float32), [-1, 1, 2, 1])


def test_reconstruction_loss_is_the_mean_absolute_difference_of_each_image():
    loss = losses.reconstruction_loss(
        images([0.5, -1.0], [0, 0]), images([0.25, 0.0], [0, 0])
    )
    np.testing.assert_allclose(loss, [(0.25 + 1.0) / 2, 0.0])


def test_kl_loss_is_the_mean_square_and_zero_for_a_zero_latent():
    np.testing.assert_allclose(losses.kl_loss(images([1, -3], [0, 0])), [5.0, 0.0])
