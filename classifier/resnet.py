"""ResNet-50 (He et al., 2016), and the same network with fewer blocks and maps.

https://arxiv.org/abs/1512.03385
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

BLOCKS = (3, 4, 6, 3)
BASE_MAPS = 64
NORM_EPSILON = 1.001e-5  # That of Keras' ResNet-50.


def build_resnet(
    image_size: int,
    *,
    blocks: Sequence[int] = BLOCKS,
    base_maps: int = BASE_MAPS,
    norm: Mapping[str, Any] | None = None,
) -> keras.Model:
    """ResNet up to its pooled features, by default ResNet-50.

    Layers, names and their order are those of `keras.applications.ResNet50` without its
    top, so that files of its weights fit. Keras' own has neither the number of maps nor
    batch norm's settings as arguments.

    Args:
      image_size: height and width of the input, float32 [batch, size, size, 3].
      blocks: number of residual blocks in each of the four stages.
      base_maps: maps of the first convolution; outputs of stages have 4, 8, 16 and 32
        times as many.
      norm: keyword arguments of each batch norm.

    Returns:
      A functional `keras.Model` to float32 [batch, 32 * base_maps].
    """
    norm = norm or {}
    images = keras.Input([image_size, image_size, 3])
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(images)
    x = _convolution(x, base_maps, 7, "conv1", norm, strides=2)
    x = keras.layers.Activation("relu", name="conv1_relu")(x)
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, number in enumerate(blocks):
        for block in range(number):
            x = _residual_block(
                x,
                base_maps * 2**stage,
                f"conv{stage + 2}_block{block + 1}",
                norm,
                projected=block == 0,
                strides=2 if stage and not block else 1,
            )
    features = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.Model(images, features, name="resnet")


def _residual_block(x, maps, name, norm, *, projected, strides):
    """A bottleneck of `maps` maps beside a shortcut; its output has four times as many.

    Where size or maps change, the shortcut is `projected`: a 1x1 convolution.
    """
    shortcut = x
    if projected:
        shortcut = _convolution(x, 4 * maps, 1, f"{name}_0", norm, strides=strides)
    x = _convolution(x, maps, 1, f"{name}_1", norm, strides=strides)
    x = keras.layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = _convolution(x, maps, 3, f"{name}_2", norm, padding="same")
    x = keras.layers.Activation("relu", name=f"{name}_2_relu")(x)
    x = _convolution(x, 4 * maps, 1, f"{name}_3", norm)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.Activation("relu", name=f"{name}_out")(x)


def _convolution(x, maps, size, name, norm, **options):
    """A convolution and its batch norm."""
    x = keras.layers.Conv2D(maps, size, name=f"{name}_conv", **options)(x)
    return keras.layers.BatchNormalization(
        epsilon=NORM_EPSILON, name=f"{name}_bn", **norm
    )(x)
