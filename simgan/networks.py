"""Refiner and discriminator of Shrivastava et al. (2017), appendix, for grey images.

Batch norm everywhere is of Han et al. (2019), section III-C; the original has none.
"""

import keras

from dataset.shards import UserError
from simgan.layers import ConvNorm, ResidualBlock

STRIDE = 32  # Pixels between the centers of two neighbouring patches.


def check_size(image_size):
    """Refuses images of less than one patch."""
    if image_size < STRIDE:
        raise UserError(
            f"--synthetic_dir: images are {image_size} px; the discriminator's patches"
            f" want {STRIDE} px at least."
        )


def build_refiner(
    image_size, *, num_blocks=10, base_maps=64, block_kernel_size=3, **norm
):
    """The refiner R: no pooling, every pixel is refined in place.

    Args:
      image_size: height and width, in pixels.
      num_blocks: residual blocks.
      base_maps: feature maps of every convolution but the last.
      block_kernel_size: of the residual blocks' convolutions; the original's filters
        "7x7 with 64 feature maps" may be those of all, or of the first alone.
      **norm: `momentum` and `synchronized`, see `layers.ConvNorm`.

    Returns:
      Model of synthetic images float32 [batch, size, size, 1] in [-1, 1] to refined
      ones, the same.
    """
    images = keras.Input([image_size, image_size, 1], name="synthetic_images")
    x = keras.layers.Conv2D(base_maps, 7, padding="same", name="features")(images)
    for block in range(num_blocks):
        name = f"block_{block}"
        x = ResidualBlock(base_maps, block_kernel_size, name=name, **norm)(x)
    x = keras.layers.Conv2D(1, 1, dtype="float32", name="to_image")(x)
    refined_images = keras.layers.Activation(
        "tanh", dtype="float32", name="refined_images"
    )(x)
    return keras.Model(images, refined_images, name="refiner")


def build_discriminator(image_size, *, base_maps=64, **norm):
    """The discriminator D of local patches.

    Args:
      image_size: height and width, in pixels.
      base_maps: feature maps of the second convolution; of the others in proportion.
      **norm: `momentum` and `synchronized`, see `layers.ConvNorm`.

    Returns:
      Model of images float32 [batch, size, size, 1] to the logits of a softmax per
      position, float32 [batch, n, n, 2] with n = size / 32, rounded up: 8 for 256 px.
      A position sees 71 px.
    """

    def conv(x, maps, kernel_size, strides=1):
        # The last convolution must be fed by a non-linearity: without one after each,
        # D would be linear but for its pooling.
        x = ConvNorm(maps, kernel_size, strides, **norm)(x)
        return keras.layers.ReLU()(x)

    images = keras.Input([image_size, image_size, 1], name="images")
    x = conv(images, base_maps * 3 // 2, 7, 4)
    x = conv(x, base_maps, 5, 2)
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = conv(x, base_maps // 2, 3, 2)
    x = conv(x, base_maps // 2, 1)
    logits = keras.layers.Conv2D(2, 1, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="discriminator")
