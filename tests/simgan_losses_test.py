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
    each = [np.log(2)] * 3
    for reduction, patches in (("sum", 64), ("mean", 1)):
        reduce = losses.REDUCTIONS[reduction]
        adversarial = losses.adversarial_loss(zeros, reduce)
        discriminator = losses.discriminator_loss(zeros, zeros, reduce)
        np.testing.assert_allclose(adversarial, np.multiply(each, patches), rtol=1e-6)
        np.testing.assert_allclose(
            discriminator, np.multiply(each, 2 * patches), rtol=1e-6
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


def test_patches_are_judged_one_by_one_and_added():
    """Not the patches' mean logits: three undecided, one taken for refined."""
    patches = np.zeros([1, 2, 2, 2], np.float32)
    patches[0, 1, 1] = [np.log(3), 0]
    total = 3 * np.log(2) - np.log(1 / 4)
    np.testing.assert_allclose(losses.adversarial_loss(patches), [total], rtol=1e-6)
    mean = losses.adversarial_loss(patches, tf.reduce_mean)
    np.testing.assert_allclose(mean, [total / 4], rtol=1e-6)


def test_regularization_loss_is_the_distance_of_all_pixels_or_their_mean():
    synthetic = tf.zeros([2, 2, 2, 1])
    refined = tf.constant([1.0, -1.0, 0.5, 0.5, 0, 0, 0, 0])
    refined = tf.reshape(refined, [2, 2, 2, 1])
    total = losses.regularization_loss(refined, synthetic)
    np.testing.assert_allclose(total, [3.0, 0.0])
    mean = losses.regularization_loss(refined, synthetic, tf.reduce_mean)
    np.testing.assert_allclose(mean, [0.75, 0.0])


def test_sums_are_as_many_times_the_means_as_there_are_patches():
    """64 at 256 px, where a weight of 10.24 on means is one of 0.01 on sums."""
    patches = tf.random.stateless_normal([2, 8, 8, 2], [0, 0])
    refined = tf.random.stateless_uniform([2, 256, 256, 1], [0, 1], -1, 1)

    def objective(reduce, weight):
        regularization = losses.regularization_loss(refined, -refined, reduce)
        return losses.adversarial_loss(patches, reduce) + weight * regularization

    sums, means = objective(tf.reduce_sum, 0.01), objective(tf.reduce_mean, 10.24)
    np.testing.assert_allclose(sums, 64 * means, rtol=1e-5)


def test_losses_of_extreme_logits_are_finite():
    extreme = logits(1e4, -1e4)
    assert float(losses.adversarial_loss(extreme)[0]) == pytest.approx(2e4)
    assert float(losses.discriminator_loss(-extreme, extreme)[0]) == 0.0
