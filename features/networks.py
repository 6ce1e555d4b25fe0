"""Features by a network of Keras, pooled over the image.

https://keras.io/api/applications/
"""

import math

import numpy as np
import tensorflow as tf
from keras.applications import densenet, inception_v3, resnet50

from dataset.errors import UserError
from dataset.folders import file_sha256
from features.weights import read_weights, weights_path

# Name: what builds it, its module (for `preprocess_input`), its own input size in px.
NETWORKS = {
    "densenet121": (densenet.DenseNet121, densenet, 224),
    "densenet169": (densenet.DenseNet169, densenet, 224),
    "densenet201": (densenet.DenseNet201, densenet, 224),
    "inception_v3": (inception_v3.InceptionV3, inception_v3, 299),
    "resnet50": (resnet50.ResNet50, resnet50, 224),
}
MIN_IMAGE_SIZE = {"inception_v3": 75}  # The others: 32.


class NetworkFeatures:
    """A network without its top: grey images to the means of its last feature maps.

    Args:
      name: of `NETWORKS`.
      weights: `imagenet`, `none` (drawn at random by `seed`) or a path.
      image_size: height and width at which it sees an image; 0 for its own.
      seed: of random weights.

    Attributes:
      num_features: length of a feature vector.
      blocks: {name: slice}, of which it is one.
      facts: dict for a manifest: what the features are.

    Raises:
      UserError: the size is too small, or the weights are not to be had.
    """

    def __init__(self, name, weights, *, image_size=0, seed=0):
        build, module, own_size = NETWORKS[name]
        size = image_size or own_size
        if size < MIN_IMAGE_SIZE.get(name, 32):
            raise UserError(
                f"--feature_size={size}: expected {MIN_IMAGE_SIZE.get(name, 32)} px at"
                f" least for {name}."
            )
        path = weights_path(weights, name)
        network = build(
            include_top=False, weights=None, pooling="avg", input_shape=[size, size, 3]
        )
        if path:
            read_weights(network, path, name)
        else:
            draw_weights(network, seed)
        self.num_features = network.output_shape[-1]
        self.blocks = {"network": slice(0, self.num_features)}
        self.facts = {
            "backbone": name,
            "weights": weights,
            "weights_sha256": path and file_sha256(path),
            "image_size": size,
            "num_features": self.num_features,
            "description": _describe(name, weights),
        }

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.uint8)])
        def features(images):
            resized = tf.image.resize(images, [size, size], antialias=True)
            inputs = module.preprocess_input(tf.repeat(resized, 3, axis=-1))
            return network(inputs, training=False)

        self._features = features

    def __call__(self, images):
        """Features float32 [batch, num_features] of uint8 [batch, height, width, 1]."""
        return self._features(images)


def draw_weights(network, seed):
    """Random weights that are a function of the seed: He et al. (2015), normal.

    Batch norms and biases stay as they are: neutral.
    """
    rng = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        if weight.shape.rank >= 2:  # [height, width, channels in, channels out]
            scale = math.sqrt(2 / math.prod(weight.shape[:-1]))
            weight.assign(rng.normal(0, scale, weight.shape))


def _describe(name, weights):
    pooled = f"means of the last feature maps of {name}"
    if weights == "none":
        return f"{pooled} with random weights, never trained: a weak measure"
    origin = "ImageNet" if weights == "imagenet" else weights
    return f"{pooled} with weights of {origin}"
