"""The network whose features the perceptual loss compares: VGG-16, frozen.

Simonyan and Zisserman (2015); its last convolution, as in MUNIT's re-release.
"""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras.applications import vgg16

from dataset.errors import UserError
from features.networks import draw_weights
from features.weights import read_weights, weights_path

NETWORK = "vgg16"
LAYER = "block5_conv3"
LEAST_SIZE = 32  # Keras' own limit.


def build_features(
    image_size: int, weights: str, seed: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function of images to their features; no model tracks its weights.

    So that these, which nobody changes, are in no checkpoint.

    Args:
      image_size: height and width, in pixels, 32 at least.
      weights: see `features.weights.weights_path`; `none` are drawn at random.
      seed: of random weights.

    Returns:
      Function of float32 [batch, size, size, 1] in [-1, 1] to float32 [batch,
      size / 16, size / 16, 512].

    Raises:
      UserError: the images are too small, or the weights not to be had or of another
        network.
    """
    if image_size < LEAST_SIZE:
        raise UserError(
            f"--perceptual_weight: images are {image_size} px; VGG-16 needs"
            f" {LEAST_SIZE} px at least."
        )
    path = weights_path(weights, NETWORK)
    network = vgg16.VGG16(
        include_top=False, weights=None, input_shape=[image_size, image_size, 3]
    )
    if path:
        read_weights(network, path, NETWORK)
    else:
        draw_weights(network, seed)
    network = keras.Model(network.input, network.get_layer(LAYER).output)
    network.trainable = False

    def features(images):
        colours = tf.repeat(127.5 * (images + 1), 3, axis=-1)
        inputs = vgg16.preprocess_input(colours)
        return tf.cast(network(inputs, training=False), tf.float32)

    return features
