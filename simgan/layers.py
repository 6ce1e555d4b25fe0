"""Layers of SimGAN (Shrivastava et al., 2017), with batch norm as Han et al. (2019).

Feature maps are [batch, height, width, maps].
"""

import keras
import tensorflow as tf

# Height and width from which `few_maps_conv` is as fast as TensorFlow's own, or faster.
SMALLEST_PRODUCTS = 64
MOST_MAPS = 64


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

    def build(self, input_shape):
        if self._is_by_products(input_shape):  # Its kernel is used without calling it.
            self.conv.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=False):
        return self.norm(self._convolve(inputs), training=training)

    def _is_by_products(self, input_shape):
        _, *sizes, maps = input_shape
        few_maps = max(maps, self.conv.filters) <= MOST_MAPS
        large = None not in sizes and min(sizes) >= SMALLEST_PRODUCTS
        plain = self.conv.kernel_size[0] == 3 and self.conv.strides[0] == 1
        return plain and few_maps and large

    def _convolve(self, inputs):
        on_processors = not tf.config.list_logical_devices("GPU")
        precise = inputs.dtype == tf.float32
        if not (self._is_by_products(inputs.shape) and on_processors and precise):
            return self.conv(inputs)
        return few_maps_conv(inputs, tf.convert_to_tensor(self.conv.kernel))

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


@tf.custom_gradient
def few_maps_conv(x, kernel):
    """Convolution, stride 1, zero padding; its gradient for processors without AVX-512.

    There oneDNN takes twice as long for the gradient of a kernel between few maps as
    for the convolution. One matrix product for each of its pixels is as fast as that.

    Args:
      x: [batch, height, width, maps].
      kernel: [size, size, maps, new maps], `size` odd.

    Returns:
      [batch, height, width, new maps].
    """

    def gradient(upstream):
        to_x = tf.nn.conv2d_transpose(
            upstream, kernel, tf.shape(x), strides=1, padding="SAME"
        )
        return to_x, _kernel_gradient(x, upstream, kernel.shape)

    return tf.nn.conv2d(x, kernel, strides=1, padding="SAME"), gradient


def _kernel_gradient(x, upstream, shape):
    """Of every pixel of the kernel the sum over positions of x and `upstream`."""
    size, _, maps, new_maps = shape
    height, width = x.shape[1:3]
    reach = size // 2
    x = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    upstream = tf.reshape(upstream, [-1, new_maps])
    products = [
        tf.matmul(
            tf.reshape(x[:, row : row + height, column : column + width], [-1, maps]),
            upstream,
            transpose_a=True,
        )
        for row in range(size)
        for column in range(size)
    ]
    return tf.reshape(tf.stack(products), shape)
