"""Loss terms of SimGAN, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from simgan import losses


def logits(refined, real):
    """Of one image with one patch."""
    return tf.constant([[[[refined, real]]]], tf.float32)


def test_undecided_patches_cost_log_2_each():
    zeros = tf.zeros([3, 8, 8, 2])
    np.testing.assert_allclose(losses.adversarial_loss(zeros), [np.log(2)] * 3)
    np.testing.assert_allclose(
        losses.discriminator_loss(zeros, zeros), [2 * np.log(2)] * 3
    )


def test_adversarial_loss_wants_refined_images_to_pass_for_real():
    # Softmax of (0, log 3) is (1/4, 3/4).
    as_real = losses.adversarial_loss(logits(0.0, np.log(3)))
    as_refined = losses.adversarial_loss(logits(np.log(3), 0.0))
    np.testing.assert_allclose(as_real, [-np.log(3 / 4)], rtol=1e-6)
    np.testing.assert_allclose(as_refined, [-np.log(1 / 4)], rtol=1e-6)


def test_discriminator_loss_wants_each_kind_to_be_known():
    real, refined = logits(0.0, np.log(3)), logits(np.log(7), 0.0)
    right = losses.discriminator_loss(real, refined)
    wrong = losses.discriminator_loss(refined, real)
    np.testing.assert_allclose(right, [-np.log(3 / 4) - np.log(7 / 8)], rtol=1e-6)
    np.testing.assert_allclose(wrong, [-np.log(1 / 8) - np.log(1 / 4)], rtol=1e-6)


def test_patches_are_judged_one_by_one_and_averaged():
    """Not the patches' mean logits: three undecided, one taken for refined."""
    patches = np.zeros([1, 2, 2, 2], np.float32)
    patches[0, 1, 1] = [np.log(3), 0]
    wanted = (3 * np.log(2) - np.log(1 / 4)) / 4
    np.testing.assert_allclose(losses.adversarial_loss(patches), [wanted], rtol=1e-6)


def test_regularization_loss_is_the_mean_distance_of_pixels():
    synthetic = tf.zeros([2, 2, 2, 1])
    refined = tf.constant([1.0, -1.0, 0.5, 0.5, 0, 0, 0, 0])
    refined = tf.reshape(refined, [2, 2, 2, 1])
    np.testing.assert_allclose(
        losses.regularization_loss(refined, synthetic), [0.75, 0.0]
    )


def test_losses_of_extreme_logits_are_finite():
    extreme = logits(1e4, -1e4)
    assert float(losses.adversarial_loss(extreme)[0]) == pytest.approx(2e4)
    assert float(losses.discriminator_loss(-extreme, extreme)[0]) == 0.0
