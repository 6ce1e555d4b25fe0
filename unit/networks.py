"""Encoders and decoders of UNIT, for grey images.

As in the authors' re-release of 2018. A latent is 4 times smaller than its image and
has 4 * base_maps maps. Domain a is synthetic, domain b real.
"""

import keras

from gan.autoencoders import RESIDUAL_BLOCKS, downsample, upsample_to_images
from gan.norms import ResidualBlock


def build_encoders(
    image_size: int, *, base_maps: int = 64, shared_blocks: int = 1
) -> tuple[keras.Model, keras.Model]:
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
        x = downsample(images, base_maps)
        own = _residual_blocks(RESIDUAL_BLOCKS - shared_blocks, 4 * base_maps)
        for block in own + shared:
            x = block(x)
        x = keras.layers.Activation("linear", dtype="float32", name="latents")(x)
        return keras.Model(images, x, name=name)

    return build("encoder_a"), build("encoder_b")


def build_decoders(
    image_size: int,
    *,
    base_maps: int = 64,
    shared_blocks: int = 1,
    norm_scale: str = "ones",
) -> tuple[keras.Model, keras.Model]:
    """The decoders of both domains; their first residual blocks are the same objects.

    The arguments are those of `build_encoders`, and `norm_scale` is `scale` of
    `gan.norms.layer_norm`.

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
        images = upsample_to_images(x, base_maps, norm_scale)
        return keras.Model(latents, images, name=name)

    return build("decoder_a"), build("decoder_b")


def _residual_blocks(count, maps):
    return [ResidualBlock(maps) for _ in range(count)]
