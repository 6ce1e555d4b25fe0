"""Layers of Karras et al. (2018), https://arxiv.org/abs/1710.10196.

Images and feature maps are [batch, height, width, maps].
"""

import math

import keras
import tensorflow as tf

from gan.layers import SMALLEST_JOINED, upsample, upsampled_conv

SQRT_2 = math.sqrt(2.0)


class _Equalized(keras.layers.Layer):
    """Equalized learning rate (section 4.1): w = N(0, 1) * gain / sqrt(fan_in).

    The constant is applied at run time, so that every weight has the same dynamic
    range and Adam the same step for all of them. Biases start at 0 and are not scaled.
    """

    def __init__(self, maps, gain, use_bias, **kwargs):
        super().__init__(**kwargs)
        self.maps = maps
        self.gain = gain
        self.use_bias = use_bias

    def add_weights(self, kernel_shape):
        fan_in = math.prod(kernel_shape[:-1])
        self.scale = self.gain / math.sqrt(fan_in)
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernel_shape,
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=[self.maps], initializer="zeros"
            )

    def add_bias(self, outputs):
        return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs

    def get_config(self):
        config = {"maps": self.maps, "gain": self.gain, "use_bias": self.use_bias}
        return {**super().get_config(), **config}


class EqualizedConv2D(_Equalized):
    """Convolution, stride 1, zero padding, with equalized learning rate.

    With `upsampled`, of the image enlarged by 2 by nearest neighbours.
    """

    def __init__(
        self,
        maps,
        kernel_size,
        gain=SQRT_2,
        use_bias=True,
        upsampled=False,
        **kwargs,
    ):
        super().__init__(maps, gain, use_bias, **kwargs)
        self.kernel_size = kernel_size
        self.upsampled = upsampled

    def build(self, input_shape):
        self.add_weights([self.kernel_size] * 2 + [input_shape[-1], self.maps])

    def call(self, inputs):
        kernel = self.kernel * tf.cast(self.scale, self.compute_dtype)
        if self.upsampled:
            if inputs.shape[1] >= SMALLEST_JOINED:
                return self.add_bias(upsampled_conv(inputs, kernel, "CONSTANT"))
            inputs = upsample(inputs)
        return self.add_bias(tf.nn.conv2d(inputs, kernel, strides=1, padding="SAME"))

    def get_config(self):
        config = {"kernel_size": self.kernel_size, "upsampled": self.upsampled}
        return {**super().get_config(), **config}


class EqualizedDense(_Equalized):
    """Dense layer with equalized learning rate; [batch, features] in."""

    def __init__(self, maps, gain=SQRT_2, use_bias=True, **kwargs):
        super().__init__(maps, gain, use_bias, **kwargs)

    def build(self, input_shape):
        self.add_weights([input_shape[-1], self.maps])

    def call(self, inputs):
        kernel = self.kernel * tf.cast(self.scale, self.compute_dtype)
        return self.add_bias(tf.matmul(inputs, kernel))


class Bias(keras.layers.Layer):
    """Adds one number per feature map."""

    def build(self, input_shape):
        self.bias = self.add_weight(
            name="bias", shape=[input_shape[-1]], initializer="zeros"
        )

    def call(self, inputs):
        return tf.nn.bias_add(inputs, self.bias)


class PixelNorm(keras.layers.Layer):
    """Section 4.2: x / sqrt(mean over maps of x^2 + 1e-8), in float32."""

    def call(self, inputs):
        x = tf.cast(inputs, tf.float32)
        square = tf.reduce_mean(tf.square(x), axis=-1, keepdims=True)
        return tf.cast(x * tf.math.rsqrt(square + 1e-8), inputs.dtype)


def downsample(images):
    """Average pooling of [batch, height, width, maps] by 2."""
    return tf.nn.avg_pool2d(images, 2, strides=2, padding="VALID")


class FadeIn(keras.layers.Layer):
    """(1 - alpha) * old + alpha * new, one alpha in [0, 1] per image (figure 2)."""

    def call(self, inputs):
        old, new, alpha = inputs
        alpha = tf.cast(alpha, new.dtype)[:, None, None, None]
        return (1 - alpha) * old + alpha * new


class MinibatchStddev(keras.layers.Layer):
    """Section 3: appends the standard deviation within a group of images as a map.

    A group is `group_size` images that follow one another, so that it lies on one
    replica; one number per group: the deviation of each position and map over the
    group (biased), averaged over positions and maps. In float32.
    """

    def __init__(self, group_size, **kwargs):
        super().__init__(**kwargs)
        self.group_size = group_size

    def call(self, inputs):
        shape = tf.shape(inputs)
        height, width, maps = inputs.shape[1:]
        x = tf.cast(inputs, tf.float32)
        # [batch, height, width, maps] -> [groups, members, height, width, maps]
        x = tf.reshape(x, [-1, self.group_size, height, width, maps])
        deviation = tf.sqrt(tf.math.reduce_variance(x, axis=1) + 1e-8)
        per_group = tf.reduce_mean(deviation, axis=[1, 2, 3])
        # [groups] -> [batch, height, width, 1]
        per_image = tf.repeat(per_group, self.group_size)[:, None, None, None]
        extra = tf.broadcast_to(per_image, [shape[0], height, width, 1])
        return tf.concat([inputs, tf.cast(extra, inputs.dtype)], axis=-1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}
