"""Encoders and decoder of MUNIT (Huang et al., 2018, appendix B), for grey images.

Sizes are also those of the authors' re-release. A content is 4 times smaller than its
image and has 4 * base_maps maps; a style is one vector for the whole image.
"""

import keras

from gan.autoencoders import RESIDUAL_BLOCKS, downsample, upsample_to_images
from gan.layers import ReflectConv2D
from gan.norms import ResidualBlock
from munit.layers import AdaINResidualBlock


def build_content_encoder(
    image_size: int, *, base_maps: int = 64, name: str = "content_encoder"
) -> keras.Model:
    """The content encoder of one domain, with instance norm, which removes style.

    Args:
      image_size: height and width, in pixels, a multiple of 4.
      base_maps: feature maps after the first convolution.
      name: of the model.

    Returns:
      Model of images float32 [batch, size, size, 1] to contents float32 [batch,
      size / 4, size / 4, 4 * base_maps].
    """
    images = keras.Input([image_size, image_size, 1], name="images")
    x = downsample(images, base_maps)
    for _ in range(RESIDUAL_BLOCKS):
        x = ResidualBlock(4 * base_maps)(x)
    x = keras.layers.Activation("linear", dtype="float32", name="contents")(x)
    return keras.Model(images, x, name=name)


def build_style_encoder(
    image_size: int,
    *,
    base_maps: int = 64,
    style_size: int = 8,
    name: str = "style_encoder",
) -> keras.Model:
    """The style encoder of one domain, without norms, which would remove the style.

    Args:
      image_size, base_maps, name: see `build_content_encoder`.
      style_size: length of a style.

    Returns:
      Model of images float32 [batch, size, size, 1] to styles float32 [batch,
      style_size].
    """
    images = keras.Input([image_size, image_size, 1], name="images")
    x = keras.layers.ReLU()(ReflectConv2D(base_maps, 7)(images))
    for times in (2, 4, 4, 4):
        x = keras.layers.ReLU()(ReflectConv2D(times * base_maps, 4, strides=2)(x))
    x = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
    x = _dense(style_size, name="styles")(x)
    return keras.Model(images, x, name=name)


def build_decoder(
    image_size: int,
    *,
    base_maps: int = 64,
    style_size: int = 8,
    mlp_units: int = 256,
    norm_scale: str = "ones",
    name: str = "decoder",
) -> keras.Model:
    """The decoder of one domain; an MLP makes the statistics of its norms of a style.

    Args:
      image_size, base_maps, name: see `build_content_encoder`.
      style_size: length of a style.
      mlp_units: units of the MLP's two hidden layers.
      norm_scale: `scale` of the layer norms, see `gan.norms.layer_norm`.

    Returns:
      Model of [contents, styles], float32 [batch, size / 4, size / 4, 4 * base_maps]
      and float32 [batch, style_size], to images float32 [batch, size, size, 1] in
      [-1, 1].
    """
    size, maps = image_size // 4, 4 * base_maps
    contents = keras.Input([size, size, maps], name="contents")
    styles = keras.Input([style_size], name="styles")
    statistics = _build_mlp(style_size, mlp_units, maps)(styles)
    x = contents
    for block in range(RESIDUAL_BLOCKS):
        x = AdaINResidualBlock(maps)([x, statistics[:, block]])
    images = upsample_to_images(x, base_maps, norm_scale)
    return keras.Model([contents, styles], images, name=name)


def _build_mlp(style_size, units, maps):
    """Styles to gamma and beta of each block's two norms."""
    shape = [RESIDUAL_BLOCKS, 2, 2, maps]  # Blocks, norms, gamma and beta, maps.
    return keras.Sequential(
        [
            keras.Input([style_size]),
            _dense(units, activation="relu"),
            _dense(units, activation="relu"),
            _dense(RESIDUAL_BLOCKS * 2 * 2 * maps),
            keras.layers.Reshape(shape, dtype="float32"),
        ],
        name="mlp",
    )


def _dense(units, **kwargs):
    """In float32: a style is few numbers, whose errors all of an image would have."""
    initializer = keras.initializers.HeNormal()
    return keras.layers.Dense(
        units, kernel_initializer=initializer, dtype="float32", **kwargs
    )
