"""Norms over the positions of an image, and the residual block of instance norms.

Feature maps are [batch, height, width, maps].
"""

import keras
import tensorflow as tf

from gan.layers import ReflectConv2D
from training import lanes


def instance_norm():
    """Each map of each image to mean 0 and variance 1, in float32; no weights.

    It takes away what a bias before it adds, so that none is needed.
    """
    return lanes.instance_norm(epsilon=1e-5)


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
