"""Loss terms of UNIT, https://arxiv.org/abs/1703.00848, section 3, and its re-release.

Equation 2 of Han et al. (2019), beside the adversarial losses of `gan.losses`. Images
are float32 [batch, height, width, 1], latents float32 [batch, height, width, maps].
Every function returns one value per image, float32 [batch].
"""

import tensorflow as tf

from gan.losses import mean_per_image


def reconstruction_loss(images, reconstructions):
    """|x - x'|, averaged over pixels; of the cycle, too."""
    return mean_per_image(tf.abs(images - reconstructions))


def kl_loss(latents):
    """h^2, averaged: KL(N(h, I) || N(0, I)), which is the sum of h^2 / 2, rescaled."""
    return mean_per_image(tf.square(latents))
