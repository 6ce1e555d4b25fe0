"""Adversarial losses of discriminators of patches at one or several scales.

Scores are a list of float32 [batch, n, n, 1], one map per scale, unbounded, higher for
real images. Every function returns one value per image, float32 [batch]: the sum over
scales of the mean over positions.
"""

import tensorflow as tf


def lsgan_discriminator_loss(real_scores, fake_scores):
    """(D(x) - 1)^2 + D(x~)^2 (Mao et al., 2017)."""
    real = _over_scales(real_scores, lambda scores: tf.square(scores - 1.0))
    return real + _over_scales(fake_scores, tf.square)


def lsgan_generator_loss(fake_scores):
    """(D(x~) - 1)^2."""
    return _over_scales(fake_scores, lambda scores: tf.square(scores - 1.0))


def cross_entropy_discriminator_loss(real_scores, fake_scores):
    """-log s(D(x)) - log(1 - s(D(x~))), s the sigmoid (Goodfellow et al., 2014)."""
    real = _over_scales(real_scores, lambda scores: tf.nn.softplus(-scores))
    return real + _over_scales(fake_scores, tf.nn.softplus)


def cross_entropy_generator_loss(fake_scores):
    """-log s(D(x~)), s the sigmoid."""
    return _over_scales(fake_scores, lambda scores: tf.nn.softplus(-scores))


# By --gan_loss, the discriminator's side and the generators'.
GAN_LOSSES = {
    "lsgan": (lsgan_discriminator_loss, lsgan_generator_loss),
    "cross_entropy": (cross_entropy_discriminator_loss, cross_entropy_generator_loss),
}


def _over_scales(score_maps, loss):
    maps = tf.nest.flatten(score_maps)  # Of one scale alone, it is not a list.
    return tf.add_n([mean_per_image(loss(scores)) for scores in maps])


def mean_per_image(values):
    """The mean over all but the first axis of [batch, height, width, maps]."""
    return tf.reduce_mean(values, axis=[1, 2, 3])
