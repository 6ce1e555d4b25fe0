"""Adaptive instance norm (Huang and Belongie, 2017), and the residual block with it.

Feature maps are [batch, height, width, maps].
"""

import keras
import tensorflow as tf

from gan.layers import ReflectConv2D
from gan.norms import instance_norm


class AdaIN(keras.layers.Layer):
    """gamma * (z - mean) / deviation + beta, per map of each image, in float32."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.norm = instance_norm()

    def call(self, inputs):
        """Of [z, gamma, beta]; the latter two are float32 [batch, maps]."""
        z, gamma, beta = inputs
        return gamma[:, None, None] * self.norm(z) + beta[:, None, None]


class AdaINResidualBlock(keras.layers.Layer):
    """x + AdaIN(conv(ReLU(AdaIN(conv(x))))), nothing after the sum."""

    def __init__(self, maps, **kwargs):
        super().__init__(**kwargs)
        self.maps = maps
        # What a bias adds, the norm takes away.
        self.conv_a = ReflectConv2D(maps, 3, use_bias=False)
        self.norm_a = AdaIN()
        self.conv_b = ReflectConv2D(maps, 3, use_bias=False)
        self.norm_b = AdaIN()

    def call(self, inputs):
        """Of [x, statistics]; these are [batch, 2 norms, gamma and beta, maps]."""
        x, statistics = inputs
        (gamma_a, beta_a), (gamma_b, beta_b) = (
            tf.unstack(of_norm, axis=1) for of_norm in tf.unstack(statistics, axis=1)
        )
        y = tf.nn.relu(self.norm_a([self.conv_a(x), gamma_a, beta_a]))
        y = self.norm_b([self.conv_b(y), gamma_b, beta_b])
        return x + tf.cast(y, x.dtype)

    def get_config(self):
        return {**super().get_config(), "maps": self.maps}
