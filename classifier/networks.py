"""The tumor detector: ResNet-50, or a smaller one, with the head of Han et al. (2019).

https://arxiv.org/abs/1905.13456
"""

import keras
import tensorflow as tf

from classifier import resnet
from classifier.layers import Dropout, ResNetInput

MIN_IMAGE_SIZE = 32  # ResNet halves its input five times.
# Settings of a training without which its detector cannot be built.
SIZE_SETTINGS = ("image_size", "blocks", "base_maps")


def build_detector(
    image_size,
    *,
    blocks=resnet.BLOCKS,
    base_maps=resnet.BASE_MAPS,
    dropout=0.5,
    batch_norm_momentum=0.99,
    sync_batch_norm=False,
):
    """The detector: a grey image of any size to the logit of a tumor in it.

    Args:
      image_size: height and width at which ResNet sees the image.
      blocks, base_maps: its size, see `resnet.build_resnet`.
      dropout: share of the pooled features that a training step leaves out.
      batch_norm_momentum: share of the moving averages that a step keeps.
      sync_batch_norm: whether batch norms average over all replicas.

    Returns:
      A functional `keras.Model` of two inputs, images float32 [batch, height, width, 1]
      in [-1, 1] and the dropout's U(0, 1) draws float32 [batch, features] (of no effect
      outside training), to logits float32 [batch].
    """
    norm = {"momentum": batch_norm_momentum, "synchronized": sync_batch_norm}
    images = keras.Input([None, None, 1], name="images")
    draws = keras.Input([resnet.num_features(base_maps)], name="draws")
    backbone = resnet.build_resnet(
        image_size, blocks=blocks, base_maps=base_maps, norm=norm
    )
    features = backbone(ResNetInput(image_size, name="resnet_input")(images))
    kept = Dropout(dropout, name="dropout")([features, draws])
    linear = keras.layers.Dense(1, dtype="float32", name="dense")(kept)
    normal = keras.layers.BatchNormalization(**norm, dtype="float32", name="norm")
    logits = keras.layers.Reshape([], dtype="float32", name="logits")(normal(linear))
    return keras.Model([images, draws], logits, name="detector")


def num_draws(detector):
    """Number of the dropout's draws for an image: one for each pooled feature."""
    _, draws = detector.input_shape
    return draws[-1]


def logits(detector, images):
    """Logits of a tumor, float32 [batch], outside training."""
    draws = tf.zeros([tf.shape(images)[0], num_draws(detector)])
    return detector([images, draws], training=False)


def tumor_probability(detector, images):
    """Probability of a tumor, float32 [batch], of images as the detector takes them."""
    return tf.sigmoid(logits(detector, images))
