"""Loss terms of UNIT, https://arxiv.org/abs/1703.00848, section 3, and its re-release.

Equation 2 of Han et al. (2019). Images are float32 [batch, height, width, 1], latents
float32 [batch, height, width, maps], scores a list of float32 [batch, n, n, 1], one map
per scale of the discriminator, unbounded, higher for real images. Every function
returns one value per image, float32 [batch].
"""

import tensorflow as tf


def reconstruction_loss(images, reconstructions):
    """|x - x'|, averaged over pixels; of the cycle, too."""
    return _mean_per_image(tf.abs(images - reconstructions))


def kl_loss(latents):
    """h^2, averaged: KL(N(h, I) || N(0, I)), which is the sum of h^2 / 2, rescaled."""
    return _mean_per_image(tf.square(latents))


def lsgan_discriminator_loss(real_scores, fake_scores):
    """(D(x) - 1)^2 + D(x~)^2 (Mao et al., 2017), over the scales."""
    real = _over_scales(real_scores, lambda scores: tf.square(scores - 1.0))
    return real + _over_scales(fake_scores, tf.square)


def lsgan_generator_loss(fake_scores):
    """(D(x~) - 1)^2, over the scales."""
    return _over_scales(fake_scores, lambda scores: tf.square(scores - 1.0))


def cross_entropy_discriminator_loss(real_scores, fake_scores):
    """-log s(D(x)) - log(1 - s(D(x~))), s the sigmoid, over the scales (2017)."""
    real = _over_scales(real_scores, lambda scores: tf.nn.softplus(-scores))
    return real + _over_scales(fake_scores, tf.nn.softplus)


def cross_entropy_generator_loss(fake_scores):
    """-log s(D(x~)), s the sigmoid, over the scales."""
    return _over_scales(fake_scores, lambda scores: tf.nn.softplus(-scores))


# By --gan_loss, the discriminator's side and the generators'.
GAN_LOSSES = {
    "lsgan": (lsgan_discriminator_loss, lsgan_generator_loss),
    "cross_entropy": (cross_entropy_discriminator_loss, cross_entropy_generator_loss),
}


def _over_scales(score_maps, loss):
    """The sum over scales of the mean over positions."""
    maps = tf.nest.flatten(score_maps)  # Of one scale alone, it is not a list.
    return tf.add_n([_mean_per_image(loss(scores)) for scores in maps])


def _mean_per_image(values):
    return tf.reduce_mean(values, axis=[1, 2, 3])
