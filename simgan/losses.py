"""Loss terms of Shrivastava et al. (2017), https://arxiv.org/abs/1612.07828, section 2.

Equation 3 of Han et al. (2019); "eq." below: of Shrivastava et al. Images are float32
[batch, height, width, 1]; logits are those of the discriminator, float32 [batch, n, n,
2]: of each local patch, whether it is refined (0) or real (1). Every function returns
one value per image, float32 [batch]: the sum over its patches or pixels, which is the
original's, or their mean.

With p patches and n pixels, sums of which the regularization weighs w have p times the
gradient of means of which it weighs w n / p: 0.01 is 10.24 at 32^2 pixels per patch.
"""

import tensorflow as tf

REFINED, REAL = 0, 1
REDUCTIONS = {"sum": tf.reduce_sum, "mean": tf.reduce_mean}
REGULARIZATION_WEIGHTS = {"sum": 0.01, "mean": 10.0}  # Where none is given.


def adversarial_loss(refined_logits, reduce=tf.reduce_sum):
    """-log(1 - D(R(x))), D the probability of "refined": the refiner's side (eq. 3)."""
    return _cross_entropy(refined_logits, REAL, reduce)


def discriminator_loss(real_logits, refined_logits, reduce=tf.reduce_sum):
    """-log D(R(x)) - log(1 - D(y)): the discriminator's side (eq. 2)."""
    of_refined = _cross_entropy(refined_logits, REFINED, reduce)
    return of_refined + _cross_entropy(real_logits, REAL, reduce)


def regularization_loss(refined_images, synthetic_images, reduce=tf.reduce_sum):
    """|R(x) - x|: keeps what the image shows (in eq. 4, features are the image)."""
    return reduce(tf.abs(refined_images - synthetic_images), axis=[1, 2, 3])


def _cross_entropy(logits, label, reduce):
    log_probabilities = tf.nn.log_softmax(logits)
    return -reduce(log_probabilities[..., label], axis=[1, 2])
