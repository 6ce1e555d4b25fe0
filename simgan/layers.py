"""Layers of SimGAN (Shrivastava et al., 2017), with batch norm as Han et al. (2019).

Feature maps are [batch, height, width, maps].
"""

import keras
import tensorflow as tf


class ConvNorm(keras.layers.Layer):
    """Convolution, zero-padded, and batch norm, whose offset takes the bias' place.

    Args:
      maps, kernel_size, strides: of the convolution.
      momentum: part of the moving averages that stays in each update.
      synchronized: whether statistics are those of all replicas' images together.
      scale: of batch norm, at the beginning.
    """

    def __init__(
        self,
        maps,
        kernel_size,
        strides=1,
        *,
        momentum=0.99,
        synchronized=False,
        scale=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.scale = scale
        self.conv = keras.layers.Conv2D(
            maps,
            kernel_size,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        )
        # Its statistics are float32 in any case. What it returns is for a convolution,
        # and a cast to float32 and back would take a twentieth of a bfloat16 step.
        self.norm = keras.layers.BatchNormalization(
            momentum=momentum,
            synchronized=synchronized,
            gamma_initializer=keras.initializers.Constant(scale),
        )

    def call(self, inputs, training=False):
        return self.norm(self.conv(inputs), training=training)

    def get_config(self):
        config = {
            "maps": self.conv.filters,
            "kernel_size": self.conv.kernel_size[0],
            "strides": self.conv.strides[0],
            "momentum": self.norm.momentum,
            "synchronized": self.norm.synchronized,
            "scale": self.scale,
        }
        return {**super().get_config(), **config}


class ResidualBlock(keras.layers.Layer):
    """ReLU(x + BN(conv(ReLU(BN(conv(x)))))); arguments as of `ConvNorm`.

    Args:
      scale: of the last batch norm, at the beginning; with 0 the block is a ReLU then.
    """

    def __init__(
        self,
        maps,
        kernel_size=3,
        *,
        momentum=0.99,
        synchronized=False,
        scale=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        norm = {"momentum": momentum, "synchronized": synchronized}
        self.first = ConvNorm(maps, kernel_size, **norm)
        self.second = ConvNorm(maps, kernel_size, scale=scale, **norm)

    def call(self, inputs, training=False):
        x = tf.nn.relu(self.first(inputs, training=training))
        x = self.second(x, training=training)
        return tf.nn.relu(inputs + x)

    def get_config(self):
        config = self.second.get_config()
        names = ("maps", "kernel_size", "momentum", "synchronized", "scale")
        own = {name: config[name] for name in names}
        return {**super().get_config(), **own}
