"""Loss terms of Karras et al. (2018), https://arxiv.org/abs/1710.10196, appendix A.1.

Equation 1 of Han et al. (2019). Scores are raw discriminator outputs, float32 [batch],
higher for real images. Every function returns one value per image, float32 [batch].
"""

import tensorflow as tf


def discriminator_loss(real_scores, fake_scores):
    """D(G(z)) - D(x): the discriminator's side of the Wasserstein loss."""
    return fake_scores - real_scores


def generator_loss(fake_scores):
    """-D(G(z)): the generator's side of the Wasserstein loss."""
    return -fake_scores


def guide_loss(probabilities, guide_probability):
    """KL(q || p): 0 where a detector gives an image its own class with p = q.

    With q little more than 1/2 an image is hard for it, and yet of its class.

    Args:
      probabilities: p, float32 [batch].
      guide_probability: q, a number.
    """
    # Where p is rounded to 0 or 1 there would be neither a value nor a slope.
    p = tf.clip_by_value(probabilities, 1e-6, 1 - 1e-6)
    q = guide_probability
    return q * tf.math.log(q / p) + (1 - q) * tf.math.log((1 - q) / (1 - p))


def drift_penalty(real_scores):
    """D(x)^2: keeps the scores near zero, where their offset is arbitrary."""
    return tf.square(real_scores)


def gradient_penalty(discriminator, real_images, fake_images, mix, enlargement=1):
    """(||grad D(x~)||_2 - 1)^2 with x~ = x + u (G(z) - x) (Gulrajani et al., 2017).

    The gradient may be that of images enlarged e times, each pixel e x e equal ones, of
    which D is shown the means. Every one of the e^2 has 1 / e^2 of the pixel's slope,
    and the norm is 1 / e of it: (||grad||_2 / e - 1)^2 = (||grad||_2 - e)^2 / e^2.

    Args:
      discriminator: function of images to scores.
      real_images: float32 [batch, height, width, 1].
      fake_images: float32 [batch, height, width, 1].
      mix: u ~ U(0, 1), float32 [batch].
      enlargement: e.
    """
    mixed_images = real_images + mix[:, None, None, None] * (fake_images - real_images)
    with tf.GradientTape() as tape:
        tape.watch(mixed_images)
        scores = discriminator(mixed_images)
    gradients = tf.cast(tape.gradient(scores, mixed_images), tf.float32)
    # The square root has no gradient at 0.
    norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]) + 1e-12)
    return tf.square(norms / enlargement - 1.0)
