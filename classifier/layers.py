"""What surrounds ResNet-50 in the detector: its input, its dropout."""

import keras
import tensorflow as tf


def resize(images, size):
    """Resizes images, bilinear, with the filter widened where they shrink.

    Written as two matrix products, so that it runs on every device, under XLA and
    deterministically; equal to `tf.image.resize(..., antialias=True)` (rounding apart).

    Args:
      images: float32 [..., height, width, 1].
      size: height and width of the result.

    Returns:
      float32 [..., size, size, 1].
    """
    if images.shape[-3:-1] == (size, size):
        return images
    height, width = tf.unstack(tf.shape(images)[-3:-1])
    rows, columns = _resizing(height, size), _resizing(width, size)
    resized = rows @ tf.squeeze(images, -1) @ tf.transpose(columns)
    return resized[..., None]


def _resizing(length, size):
    """The float32 [size, length] matrix that resizes a line of `length` pixels."""
    scale = tf.cast(length, tf.float32) / size
    centers = (tf.range(size, dtype=tf.float32) + 0.5) * scale - 0.5
    distances = tf.abs(centers[:, None] - tf.range(tf.cast(length, tf.float32)))
    weights = tf.maximum(1.0 - distances / tf.maximum(scale, 1.0), 0.0)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


@keras.saving.register_keras_serializable("classifier")
class ResNetInput(keras.layers.Layer):
    """Grey images of any size as ResNet-50 takes them.

    float32 [batch, height, width, 1] in [-1, 1] to float32 [batch, size, size, 3]: grey
    levels 0 to 255 in three channels, less ImageNet's mean of each channel.
    """

    def __init__(self, size, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.size = size

    def call(self, images):
        levels = (resize(images, self.size) + 1.0) * 127.5
        return keras.applications.resnet50.preprocess_input(
            tf.repeat(levels, 3, axis=-1)
        )

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("classifier")
class Dropout(keras.layers.Layer):
    """Dropout (Srivastava et al., 2014) of float32 [batch, features] in training.

    Attributes:
      draw_mask: `draw_mask(shape, rate)` gives what the features are multiplied by, see
        `SteppedModel.dropout_mask`. It has to be set before the layer is trained.
    """

    def __init__(self, rate, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.rate = rate
        self.draw_mask = None

    def call(self, features, training=None):
        if not training:
            return features
        return features * self.draw_mask(features.shape[1:], self.rate)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
