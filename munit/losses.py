"""Loss terms of MUNIT, https://arxiv.org/abs/1804.04732, sections 3.2 and 5.1.

Beside the adversarial losses of `gan.losses`. Images are float32 [batch, height, width,
1], contents float32 [batch, height, width, maps], styles float32 [batch, length]. Every
function returns one value per image, float32 [batch].
"""

import tensorflow as tf

from gan.losses import mean_per_image

EPSILON = 1e-5


def reconstruction_loss(values, reconstructions):
    """|v - v'|, averaged: of images, equation 1, contents and styles, 2 and 3."""
    difference = tf.abs(values - reconstructions)
    return tf.reduce_mean(difference, axis=range(1, len(difference.shape)))


def perceptual_loss(features, translated_features):
    """(IN(f(x)) - IN(f(x')))^2, averaged: the domain-invariant perceptual loss.

    Args:
      features, translated_features: maps of a network that has seen an image, and its
        translation, float32 [batch, height, width, maps].
    """
    difference = _normalized(features) - _normalized(translated_features)
    return mean_per_image(tf.square(difference))


def _normalized(features):
    """Each map of each image to mean 0 and variance 1."""
    means, variances = tf.nn.moments(features, axes=[1, 2], keepdims=True)
    return (features - means) * tf.math.rsqrt(variances + EPSILON)
