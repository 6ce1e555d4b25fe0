"""Adversarial losses: values by hand, one per image."""

import math

import numpy as np
import tensorflow as tf

from gan import losses


def scores(*scales):
    """Score maps of one image: of each scale a list of scores."""
    return [tf.reshape(tf.constant(s, tf.float32), [1, len(s), 1, 1]) for s in scales]


def test_lsgan_losses_by_hand():
    real, fake = scores([1.0, 3.0], [0.5]), scores([0.0, 2.0], [-1.0])
    # Real: (0 + 4) / 2 + 0.25; fake: (0 + 4) / 2 + 1.
    np.testing.assert_allclose(losses.lsgan_discriminator_loss(real, fake), [5.25])
    # (1 + 1) / 2 + 4.
    np.testing.assert_allclose(losses.lsgan_generator_loss(fake), [5.0])


def test_lsgan_losses_are_zero_at_their_targets():
    ones, zeros = scores([1.0, 1.0], [1.0]), scores([0.0, 0.0], [0.0])
    np.testing.assert_allclose(losses.lsgan_discriminator_loss(ones, zeros), [0.0])
    np.testing.assert_allclose(losses.lsgan_generator_loss(ones), [0.0])


def test_cross_entropy_losses_by_hand():
    third = math.log(2.0)  # The sigmoid of log 2 is 2/3.
    real, fake = scores([third, -third], [0.0]), scores([third, third], [0.0])
    of_real = (math.log(3 / 2) + math.log(3)) / 2 + math.log(2)
    of_fake = math.log(3) + math.log(2)
    np.testing.assert_allclose(
        losses.cross_entropy_discriminator_loss(real, fake), [of_real + of_fake], 1e-6
    )
    expected = math.log(3 / 2) + math.log(2)
    np.testing.assert_allclose(
        losses.cross_entropy_generator_loss(fake), [expected], 1e-6
    )


def test_one_scale_need_not_be_a_list():
    loss = losses.lsgan_generator_loss(scores([3.0])[0])
    np.testing.assert_allclose(loss, [4.0])


def test_every_loss_gives_one_value_per_image():
    maps = [tf.zeros([3, n, n, 1]) for n in (4, 2)]
    for discriminator_loss, generator_loss in losses.GAN_LOSSES.values():
        assert discriminator_loss(maps, maps).shape == [3]
        assert generator_loss(maps).shape == [3]
