"""Encoders, decoders and discriminators of UNIT, for grey images.

As in the authors' re-release of 2018. A latent is 4 times smaller than its image and
has 4 * base_maps maps. Domain a is synthetic, domain b real.
"""

import math

import keras

from dataset.shards import UserError
from unit.layers import (
    ReflectConv2D,
    ResidualBlock,
    Upsample,
    instance_norm,
    layer_norm,
)

RESIDUAL_BLOCKS = 4
DOWNSAMPLINGS = 4  # Of a discriminator, at each of its scales.
MIN_SCALE_SIZE = 2**DOWNSAMPLINGS  # A row of one pixel has no mirror image.


def check_size(image_size, discriminator_scales):
    """Refuses images that the networks cannot halve as often as they do."""
    smallest = MIN_SCALE_SIZE * 2 ** (discriminator_scales - 1)
    if image_size % 4 or image_size < smallest:
        raise UserError(
            f"--synthetic_dir: images are {image_size} px; wanted a multiple of 4 from"
            f" {smallest} px on, for --discriminator_scales={discriminator_scales}."
        )


def build_encoders(image_size, *, base_maps=64, shared_blocks=1):
    """The encoders of both domains; their last residual blocks are the same objects.

    Args:
      image_size: height and width, in pixels, a multiple of 4.
      base_maps: feature maps after the first convolution.
      shared_blocks: how many of the 4 residual blocks are shared (Liu et al., 2017: the
        last; the re-release of 2018: none).

    Returns:
      Two models: images float32 [batch, size, size, 1] to the means of their latents,
      float32 [batch, size / 4, size / 4, 4 * base_maps].
    """
    shared = _residual_blocks(shared_blocks, 4 * base_maps)

    def build(name):
        images = keras.Input([image_size, image_size, 1], name="images")
        x = ReflectConv2D(base_maps, 7, use_bias=False)(images)
        x = keras.layers.ReLU()(instance_norm()(x))
        for maps in (2 * base_maps, 4 * base_maps):
            x = ReflectConv2D(maps, 4, strides=2, use_bias=False)(x)
            x = keras.layers.ReLU()(instance_norm()(x))
        own = _residual_blocks(RESIDUAL_BLOCKS - shared_blocks, 4 * base_maps)
        for block in own + shared:
            x = block(x)
        x = keras.layers.Activation("linear", dtype="float32", name="latents")(x)
        return keras.Model(images, x, name=name)

    return build("encoder_a"), build("encoder_b")


def build_decoders(image_size, *, base_maps=64, shared_blocks=1, norm_scale="ones"):
    """The decoders of both domains; their first residual blocks are the same objects.

    The arguments are those of `build_encoders`, and `norm_scale` is `scale` of
    `layers.layer_norm`.

    Returns:
      Two models: latents float32 [batch, size / 4, size / 4, 4 * base_maps] to images
      float32 [batch, size, size, 1] in [-1, 1].
    """
    shared = _residual_blocks(shared_blocks, 4 * base_maps)

    def build(name):
        size = image_size // 4
        latents = keras.Input([size, size, 4 * base_maps], name="latents")
        own = _residual_blocks(RESIDUAL_BLOCKS - shared_blocks, 4 * base_maps)
        x = latents
        for block in shared + own:
            x = block(x)
        for maps in (2 * base_maps, base_maps):
            x = ReflectConv2D(maps, 5)(Upsample()(x))
            x = keras.layers.ReLU()(layer_norm(norm_scale)(x))
        x = ReflectConv2D(1, 7)(x)
        x = keras.layers.Activation("tanh", dtype="float32", name="images")(x)
        return keras.Model(latents, x, name=name)

    return build("decoder_a"), build("decoder_b")


def _residual_blocks(count, maps):
    return [ResidualBlock(maps) for _ in range(count)]


def build_discriminator(image_size, *, base_maps=64, scales=3, name=None):
    """A discriminator that judges patches at several scales.

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
    return keras.layers.Conv2D(1, 1, kernel_initializer=initializer(), dtype="float32")(
        x
    )


def build_refiner(encoder_a, decoder_b):
    """The model that refines: x_ab, encoded with a, decoded with b, without noise."""
    outputs = decoder_b(encoder_a(encoder_a.input))
    return keras.Model(encoder_a.input, outputs, name="refiner")
