"""Layers of several networks. Feature maps are [batch, height, width, maps]."""

import keras
import numpy as np
import tensorflow as tf

# Height and width from which enlarging and convolving in one is faster, on CPU cores.
SMALLEST_JOINED = 16


class ReflectConv2D(keras.layers.Layer):
    """Convolution of the image continued by its mirror image.

    Height and width are kept by odd kernels, divided by the stride by even ones of
    twice its size. The gradient of the padding is a fixed sequence of sums, the same
    whenever it is computed, on CPU and GPU.

    With `upsampled`, of the image enlarged by 2 by nearest neighbours: kernels of 5x5.
    """

    def __init__(
        self,
        maps,
        kernel_size,
        strides=1,
        use_bias=True,
        kernel_initializer="he_normal",
        upsampled=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if upsampled and (kernel_size, strides) != (5, 1):
            raise ValueError("upsampled: kernels of 5x5 with stride 1 alone.")
        self.padding = (kernel_size - 1) // 2
        self.upsampled = upsampled
        self.conv = keras.layers.Conv2D(
            maps,
            kernel_size,
            strides,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        # Its weights are used without calling it, or it is called on larger maps.
        if self.upsampled:
            self.conv.build((None, None, None, input_shape[-1]))
        super().build(input_shape)

    def call(self, inputs):
        if self.upsampled:
            if inputs.shape[1] >= SMALLEST_JOINED:
                return self._enlarge_and_convolve(inputs)
            inputs = upsample(inputs)
        return self.conv(_pad(inputs, self.padding, "REFLECT"))

    def _enlarge_and_convolve(self, inputs):
        kernel = tf.cast(self.conv.kernel, inputs.dtype)
        x = upsampled_conv(inputs, kernel, "SYMMETRIC")
        x = tf.add_n([x, *_reflected_edges(inputs, kernel)])
        if not self.conv.use_bias:
            return x
        return tf.nn.bias_add(x, tf.cast(self.conv.bias, x.dtype))

    def get_config(self):
        config = {
            "maps": self.conv.filters,
            "kernel_size": self.conv.kernel_size[0],
            "strides": self.conv.strides[0],
            "use_bias": self.conv.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.conv.kernel_initializer
            ),
            "upsampled": self.upsampled,
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


def upsampled_conv(x, kernel, padding):
    """The convolution of x, enlarged by 2 by nearest neighbours, without enlarging it.

    Of a kernel's columns two and more lie on the same pixel of x. Which of them
    differs between the even and the odd columns of the output, and so between its
    rows: four smaller kernels give its pixels by turns, and need 16 products for 36 of
    3x3, 36 for 100 of 5x5. The sums are the same up to rounding.

    Args:
      x: [batch, height, width, maps].
      kernel: [size, size, maps, new maps], `size` odd.
      padding: what x is continued with, as in `tf.pad`: CONSTANT (zeros), SYMMETRIC.

    Returns:
      [batch, 2 * height, 2 * width, new maps].
    """
    size, _, maps, new_maps = kernel.shape
    height, width = x.shape[1:3]
    reach = size // 2
    taps = reach + 1  # Of a smaller kernel.
    lies_on = _pixels_of_columns(size)
    sums = np.einsum("pas,qbt->abpqst", lies_on, lies_on)
    sums = tf.constant(sums.reshape([4 * taps**2, size**2]), kernel.dtype)
    kernels = tf.matmul(sums, tf.reshape(kernel, [size**2, maps * new_maps]))
    # [rows, columns, four kernels, maps, new maps]
    kernels = tf.reshape(kernels, [taps, taps, 4, maps, new_maps])
    kernels = tf.transpose(kernels, [0, 1, 3, 2, 4])
    kernels = tf.reshape(kernels, [taps, taps, maps, 4 * new_maps])
    x = tf.nn.conv2d(_pad(x, taps // 2, padding), kernels, strides=1, padding="VALID")
    if reach % 2:  # Kernels of odd rows and columns begin a pixel later.
        quarters = tf.split(x, 4, axis=-1)
        starts = [(row, column) for row in range(2) for column in range(2)]
        x = tf.concat(
            [
                quarter[:, row : row + height, column : column + width]
                for quarter, (row, column) in zip(quarters, starts)
            ],
            axis=-1,
        )
    return tf.nn.depth_to_space(x, 2)


def _pixels_of_columns(size):
    """1 where a kernel's column lies on a pixel of the image that was enlarged.

    Returns:
      [2, size // 2 + 1, size]: of even and odd columns of the output, the pixels from
      the first that is needed on, the kernel's columns.
    """
    reach = size // 2
    lies_on = np.zeros([2, reach + 1, size])
    for odd in range(2):
        pixels = (odd + np.arange(size) - reach) // 2
        lies_on[odd, pixels - pixels[0], np.arange(size)] = 1
    return lies_on


def _reflected_edges(x, kernel):
    """What reflecting the enlarged x adds to `upsampled_conv` with SYMMETRIC.

    A kernel of 5x5 reaches two pixels beyond the edge. The mirror image of the enlarged
    x has pixels x[0] and x[1] there, SYMMETRIC x[0] twice: the outermost row and column
    of the output differ, by what the kernel's own outermost makes of x[1] - x[0].

    Returns:
      List of [batch, 2 * height, 2 * width, new maps], to be added.
    """
    height, width = 2 * x.shape[1], 2 * x.shape[2]
    below, above = [0, height - 1], [height - 1, 0]
    right, left = [0, width - 1], [width - 1, 0]
    edges = [
        # Rows with columns as they are reflected; columns with rows as they were not.
        (x[:, 1:2] - x[:, :1], kernel[:1], 2, "REFLECT", [below, [0, 0]]),
        (x[:, -2:-1] - x[:, -1:], kernel[-1:], 2, "REFLECT", [above, [0, 0]]),
        (x[:, :, 1:2] - x[:, :, :1], kernel[:, :1], 1, "SYMMETRIC", [[0, 0], right]),
        (x[:, :, -2:-1] - x[:, :, -1:], kernel[:, -1:], 1, "SYMMETRIC", [[0, 0], left]),
    ]
    return [
        tf.pad(_convolve_edge(*edge), [[0, 0], *around, [0, 0]])
        for *edge, around in edges
    ]


def _convolve_edge(difference, kernel, axis, padding):
    enlarged = tf.repeat(difference, 2, axis=axis)
    paddings = [[2, 2] if n == axis else [0, 0] for n in range(4)]
    enlarged = tf.pad(enlarged, paddings, padding)
    return tf.nn.conv2d(enlarged, kernel, strides=1, padding="VALID")


def _pad(x, width, mode):
    around = [width, width]
    return tf.pad(x, [[0, 0], around, around, [0, 0]], mode)
