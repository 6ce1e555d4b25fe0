"""The tumor detector: ResNet-50, or a smaller one, with the head of Han et al. (2019).

https://arxiv.org/abs/1905.13456
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from classifier import resnet
from classifier.layers import Dropout, ResNetInput

MIN_IMAGE_SIZE = 32  # ResNet halves its input five times.
# Settings of a training without which its detector cannot be built.
SIZE_SETTINGS = ("image_size", "blocks", "base_maps")


def build_detector(
    image_size: int,
    *,
    blocks: Sequence[int] = resnet.BLOCKS,
    base_maps: int = resnet.BASE_MAPS,
    dropout: float = 0.5,
    batch_norm_momentum: float = 0.99,
    sync_batch_norm: bool = False,
) -> keras.Model:
    """The detector: a grey image of any size to the logit of a tumor in it.

    Args:
      image_size: height and width at which ResNet sees the image.
      blocks, base_maps: its size, see `resnet.build_resnet`.
      dropout: share of the pooled features that a training step leaves out.
      batch_norm_momentum: share of the moving averages that a step keeps.
      sync_batch_norm: whether batch norms average over all replicas.

    Returns:
      A functional `keras.Model` of images float32 [batch, height, width, 1] in [-1, 1]
      to logits float32 [batch].
    """
    norm = {"momentum": batch_norm_momentum, "synchronized": sync_batch_norm}
    images = keras.Input([None, None, 1], name="images")
    backbone = resnet.build_resnet(
        image_size, blocks=blocks, base_maps=base_maps, norm=norm
    )
    features = backbone(ResNetInput(image_size, name="resnet_input")(images))
    # Also stands where there was an input once: checkpoints know layers by number.
    to_float32 = keras.layers.Activation("linear", dtype="float32", name="features")
    features = to_float32(features)
    kept = Dropout(dropout, name="dropout")(features)
    linear = keras.layers.Dense(1, dtype="float32", name="dense")(kept)
    normal = keras.layers.BatchNormalization(**norm, dtype="float32", name="norm")
    logits = keras.layers.Reshape([], dtype="float32", name="logits")(normal(linear))
    return keras.Model(images, logits, name="detector")


def tumor_probability(detector, images):
    """Probability of a tumor, float32 [batch], of images as the detector takes them."""
    return tf.sigmoid(detector(images, training=False))
