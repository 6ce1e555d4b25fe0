"""The ends that the autoencoders of UNIT and MUNIT have in common, for grey images.

As in the authors' re-releases of 2018, https://arxiv.org/abs/1703.00848 and
https://arxiv.org/abs/1804.04732. Between them, maps are 4 times smaller than the
image, and 4 * base_maps in number.
"""

import keras

from dataset.errors import UserError
from gan.discriminators import smallest_size
from gan.layers import ReflectConv2D
from gan.norms import instance_norm, layer_norm

RESIDUAL_BLOCKS = 4  # Of an encoder, and of a decoder.


def check_size(image_size, discriminator_scales):
    """Refuses images that the networks cannot halve as often as they do."""
    smallest = smallest_size(discriminator_scales)
    if image_size % 4 or image_size < smallest:
        raise UserError(
            f"--synthetic_dir: images are {image_size} px; expected a multiple of 4"
            f" from {smallest} px on, for --discriminator_scales="
            f"{discriminator_scales}."
        )


def downsample(images, base_maps):
    """Images [batch, size, size, 1] to maps [batch, size / 4, size / 4, 4 * base_maps].

    A convolution of 7x7 and two of 4x4 with stride 2, instance norm after each.
    """
    x = ReflectConv2D(base_maps, 7, use_bias=False)(images)
    x = keras.layers.ReLU()(instance_norm()(x))
    for maps in (2 * base_maps, 4 * base_maps):
        x = ReflectConv2D(maps, 4, strides=2, use_bias=False)(x)
        x = keras.layers.ReLU()(instance_norm()(x))
    return x


def upsample_to_images(x, base_maps, norm_scale):
    """Maps [batch, size / 4, size / 4, 4 * base_maps] to images in [-1, 1].

    Twice nearest neighbours and a convolution of 5x5 with layer norm, whose `scale` is
    `norm_scale`; one of 7x7, and tanh. The images are float32 [batch, size, size, 1].
    """
    for maps in (2 * base_maps, base_maps):
        x = keras.layers.Identity()(x)  # Once `Upsample`: checkpoints count layers.
        x = ReflectConv2D(maps, 5, upsampled=True)(x)
        x = keras.layers.ReLU()(layer_norm(norm_scale)(x))
    x = ReflectConv2D(1, 7)(x)
    return keras.layers.Activation("tanh", dtype="float32", name="images")(x)
