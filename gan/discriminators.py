"""The discriminator of UNIT and MUNIT: patches at several scales, for grey images.

As in the authors' re-release of UNIT of 2018 (https://arxiv.org/abs/1703.00848).
"""

import math

import keras
import tensorflow as tf

from gan.layers import ReflectConv2D

DOWNSAMPLINGS = 4  # At each of the scales.


def smallest_size(scales):
    """Height and width, in pixels, of the smallest images for so many scales."""
    # A row of one pixel has no mirror image.
    return 2 ** (DOWNSAMPLINGS + scales - 1)


def build_multi_scale_discriminator(
    image_size: int, *, base_maps: int = 64, scales: int = 3, name: str | None = None
) -> keras.Model:
    """A discriminator of patches at several scales.

    Args:
      image_size: height and width, in pixels.
      base_maps: feature maps after the first convolution.
      scales: number of scales, each half as large as the one before.
      name: of the model.

    Returns:
      Model of images float32 [batch, size, size, 1] to a list of `scales` maps of
      scores, float32 [batch, n, n, 1] with n = size / 16, size / 32, ...: 16, 8 and 4
      for 256 px.
    """
    images = keras.Input([image_size, image_size, 1], name="images")
    # Padding "same" of an average does not count the padding.
    halve = keras.layers.AveragePooling2D(3, strides=2, padding="same", name="halve")
    x, scores = images, []
    for scale in range(scales):
        x = halve(x) if scale else x
        scores.append(_score_map(x, base_maps))
    return keras.Model(images, scores, name=name)


def _score_map(x, base_maps):
    def initializer():
        # N(0, 0.02) at 64 maps. Without norms, narrower networks would begin with
        # scores near nothing, and learn as slowly, if their weights were no larger.
        return keras.initializers.RandomNormal(0.0, 0.02 * math.sqrt(64 / base_maps))

    for n in range(DOWNSAMPLINGS):
        conv = ReflectConv2D(
            base_maps * 2**n, 4, strides=2, kernel_initializer=initializer()
        )
        x = keras.layers.LeakyReLU(0.2)(conv(x))
    last = keras.layers.Conv2D(1, 1, kernel_initializer=initializer(), dtype="float32")
    return last(x)


def scores_of(discriminator, real_images, fake_images):
    """The score maps of real and of fake images, a list each, in one call."""
    images = tf.concat([real_images, fake_images], axis=0)
    maps = tf.nest.flatten(discriminator(images, training=True))
    real_scores, fake_scores = zip(*(tf.split(scores, 2) for scores in maps))
    return real_scores, fake_scores
