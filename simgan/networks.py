"""Refiner and discriminator of Shrivastava et al. (2017), appendix, for grey images.

Batch norm everywhere is of Han et al. (2019), section III-C; the original has none.
"""

import dataclasses
from typing import Any

import keras

from dataset.errors import UserError
from simgan.layers import ConvNorm, ResidualBlock


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What the original's two pairs of networks differ in, but for their depth.

    Attributes:
      first_kernel_size: of the refiner's first convolution.
      convolutions: the discriminator's first two, each (kernel size, strides).
      pool_strides, last_strides: of its pooling and of the 3x3 convolution after it.
    """

    first_kernel_size: int
    convolutions: tuple
    pool_strides: int
    last_strides: int

    @property
    def stride(self):
        """Pixels between the centers of two neighbouring patches."""
        (_, first), (_, second) = self.convolutions
        return first * second * self.pool_strides * self.last_strides


ARCHITECTURES = {
    "hands": Architecture(7, ((7, 4), (5, 2)), 2, 2),  # Of images of 224 px.
    "eyes": Architecture(3, ((3, 2), (3, 2)), 1, 1),  # Of images of 55 x 35 px.
}


def check_size(image_size, architecture="hands"):
    """Refuses images of less than one patch."""
    stride = ARCHITECTURES[architecture].stride
    if image_size < stride:
        raise UserError(
            f"--synthetic_dir: images are {image_size} px; the discriminator's patches"
            f" need {stride} px at least."
        )


def build_refiner(
    image_size: int,
    *,
    num_blocks: int = 10,
    base_maps: int = 64,
    block_kernel_size: int = 3,
    architecture: str = "hands",
    output_activation: str | None = "tanh",
    block_scale: float = 1.0,
    **norm: Any,
) -> keras.Model:
    """The refiner R: no pooling, every pixel is refined in place.

    Args:
      image_size: height and width, in pixels.
      num_blocks: residual blocks.
      base_maps: feature maps of every convolution but the last.
      block_kernel_size: of the residual blocks' convolutions; the original's filters
        "7x7 with 64 feature maps" may be those of all, or of the first alone.
      architecture: a key of `ARCHITECTURES`; the refiner has its first filters.
      output_activation: "tanh" or "linear", after the last convolution.
      block_scale: of the residual blocks' last batch norm, at the beginning.
      **norm: `momentum` and `synchronized`, see `layers.ConvNorm`.

    Returns:
      Model of synthetic images float32 [batch, size, size, 1] in [-1, 1] to refined
      ones, the same.
    """
    images = keras.Input([image_size, image_size, 1], name="synthetic_images")
    first = ARCHITECTURES[architecture].first_kernel_size
    x = keras.layers.Conv2D(base_maps, first, padding="same", name="features")(images)
    for block in range(num_blocks):
        x = ResidualBlock(
            base_maps,
            block_kernel_size,
            scale=block_scale,
            name=f"block_{block}",
            **norm,
        )(x)
    x = keras.layers.Conv2D(1, 1, dtype="float32", name="to_image")(x)
    refined_images = keras.layers.Activation(
        output_activation, dtype="float32", name="refined_images"
    )(x)
    return keras.Model(images, refined_images, name="refiner")


def build_discriminator(
    image_size: int, *, base_maps: int = 64, architecture: str = "hands", **norm: Any
) -> keras.Model:
    """The discriminator D of local patches.

    Args:
      image_size: height and width, in pixels.
      base_maps: feature maps of the second convolution; of the others in proportion.
      architecture: a key of `ARCHITECTURES`.
      **norm: `momentum` and `synchronized`, see `layers.ConvNorm`.

    Returns:
      Model of images float32 [batch, size, size, 1] to the logits of a softmax per
      position, float32 [batch, n, n, 2]. Of "hands" n = size / 32, rounded up, 8 for
      256 px, and a position sees 71 px; of "eyes" n = size / 4, and it sees 23 px.
    """

    def conv(x, maps, kernel_size, strides=1):
        # The last convolution must be fed by a non-linearity: without one after each,
        # D would be linear but for its pooling.
        x = ConvNorm(maps, kernel_size, strides, **norm)(x)
        return keras.layers.ReLU()(x)

    sizes = ARCHITECTURES[architecture]
    images = keras.Input([image_size, image_size, 1], name="images")
    x = conv(images, base_maps * 3 // 2, *sizes.convolutions[0])
    x = conv(x, base_maps, *sizes.convolutions[1])
    x = keras.layers.MaxPooling2D(3, strides=sizes.pool_strides, padding="same")(x)
    x = conv(x, base_maps // 2, 3, sizes.last_strides)
    x = conv(x, base_maps // 2, 1)
    logits = keras.layers.Conv2D(2, 1, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")
