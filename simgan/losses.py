"""Loss terms of Shrivastava et al. (2017), https://arxiv.org/abs/1612.07828, section 2.

Equation 3 of Han et al. (2019). Images are float32 [batch, height, width, 1]; logits
are those of the discriminator, float32 [batch, n, n, 2]: of each local patch, whether
it is refined (0) or real (1). Every function returns one value per image, float32
[batch], a mean over patches or pixels.
"""

import tensorflow as tf

REFINED, REAL = 0, 1


def adversarial_loss(refined_logits):
    """-log(1 - D(R(x))), D the probability of "refined": the refiner's side (eq. 4)."""
    return _cross_entropy(refined_logits, REAL)


def discriminator_loss(real_logits, refined_logits):
    """-log D(R(x)) - log(1 - D(y)): the discriminator's side (eq. 2)."""
    return _cross_entropy(refined_logits, REFINED) + _cross_entropy(real_logits, REAL)


def regularization_loss(refined_images, synthetic_images):
    """|R(x) - x|: keeps what the image shows (eq. 3, features are the identity)."""
    return tf.reduce_mean(tf.abs(refined_images - synthetic_images), axis=[1, 2, 3])


def _cross_entropy(logits, label):
    log_probabilities = tf.nn.log_softmax(logits)
    return -tf.reduce_mean(log_probabilities[..., label], axis=[1, 2])
