"""Layers of UNIT (Liu et al., 2017, https://arxiv.org/abs/1703.00848, and its 2018
re-release by the authors).

Feature maps are [batch, height, width, maps].
"""

import warnings

import keras
import tensorflow as tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # It tells at every import that it has ended.
    import tensorflow_addons as tfa


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


def instance_norm():
    """Each map of each image to mean 0 and variance 1, in float32; no weights.

    It takes away what a bias before it adds, so that none is wanted.
    """
    return tfa.layers.InstanceNormalization(
        center=False, scale=False, epsilon=1e-5, dtype="float32"
    )


def layer_norm(scale="ones"):
    """Each image to mean 0, variance 1; scale and offset per map; in float32.

    Args:
      scale: what the scales begin with, `ones` or `uniform`: draws from U(0, 1).
    """
    initializers = {
        "ones": keras.initializers.Ones(),
        "uniform": keras.initializers.RandomUniform(0.0, 1.0),
    }
    return keras.layers.GroupNormalization(
        groups=1, epsilon=1e-5, gamma_initializer=initializers[scale], dtype="float32"
    )


class ResidualBlock(keras.layers.Layer):
    """x + IN(conv(ReLU(IN(conv(x))))), nothing after the sum."""

    def __init__(self, maps, **kwargs):
        super().__init__(**kwargs)
        self.maps = maps
        self.conv_a = ReflectConv2D(maps, 3, use_bias=False)
        self.norm_a = instance_norm()
        self.conv_b = ReflectConv2D(maps, 3, use_bias=False)
        self.norm_b = instance_norm()

    def call(self, inputs):
        x = tf.nn.relu(self.norm_a(self.conv_a(inputs)))
        x = self.norm_b(self.conv_b(x))
        return inputs + tf.cast(x, inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "maps": self.maps}


class Upsample(keras.layers.Layer):
    """Nearest-neighbour upsampling by 2.

    By repetition, since the gradient of `tf.image.resize` is not deterministic.
    """

    def call(self, inputs):
        return tf.repeat(tf.repeat(inputs, 2, axis=1), 2, axis=2)
