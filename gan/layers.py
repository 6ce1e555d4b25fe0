"""Layers of several networks. Feature maps are [batch, height, width, maps]."""

import keras
import tensorflow as tf


class ReflectConv2D(keras.layers.Layer):
    """Convolution of the image continued by its mirror image.

    Height and width are kept by odd kernels, divided by the stride by even ones of
    twice its size. The gradient of the padding is a fixed sequence of sums, the same
    whenever it is computed, on CPU and GPU.
    """

    def __init__(
        self,
        maps,
        kernel_size,
        strides=1,
        use_bias=True,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.padding = (kernel_size - 1) // 2
        self.conv = keras.layers.Conv2D(
            maps,
            kernel_size,
            strides,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
        )

    def call(self, inputs):
        around = [self.padding] * 2
        paddings = [[0, 0], around, around, [0, 0]]
        return self.conv(tf.pad(inputs, paddings, "REFLECT"))

    def get_config(self):
        config = {
            "maps": self.conv.filters,
            "kernel_size": self.conv.kernel_size[0],
            "strides": self.conv.strides[0],
            "use_bias": self.conv.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.conv.kernel_initializer
            ),
        }
        return {**super().get_config(), **config}


class Upsample(keras.layers.Layer):
    """Nearest-neighbour upsampling by 2."""

    def call(self, inputs):
        return upsample(inputs)


def upsample(images):
    """Nearest-neighbour upsampling of [batch, height, width, maps] by 2.

    By repetition, since the gradient of `tf.image.resize` is not deterministic.
    """
    return tf.repeat(tf.repeat(images, 2, axis=1), 2, axis=2)
