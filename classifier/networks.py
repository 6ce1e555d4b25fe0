"""The tumor detector: ResNet-50 (He et al., 2016) with the head of Han et al. (2019).

https://arxiv.org/abs/1512.03385, https://arxiv.org/abs/1905.13456
"""

import keras
import tensorflow as tf

from classifier.layers import Dropout, ResNetInput

NUM_FEATURES = 2048
MIN_IMAGE_SIZE = 32  # ResNet-50 halves its input five times.


def build_detector(
    image_size, *, dropout=0.5, batch_norm_momentum=0.99, sync_batch_norm=False
):
    """The detector: a grey image of any size to the logit of a tumor in it.

    Args:
      image_size: height and width at which ResNet-50 sees the image.
      dropout: share of the pooled features that a training step leaves out.
      batch_norm_momentum: share of the moving averages that a step keeps.
      sync_batch_norm: whether batch norms average over all replicas.

    Returns:
      A functional `keras.Model` of two inputs, images float32 [batch, height, width, 1]
      in [-1, 1] and the dropout's U(0, 1) draws float32 [batch, 2048] (of no effect
      outside training), to logits float32 [batch].
    """
    norm = {"momentum": batch_norm_momentum, "synchronized": sync_batch_norm}
    images = keras.Input([None, None, 1], name="images")
    draws = keras.Input([NUM_FEATURES], name="draws")
    features = build_backbone(image_size, norm)(
        ResNetInput(image_size, name="resnet_input")(images)
    )
    kept = Dropout(dropout, name="dropout")([features, draws])
    linear = keras.layers.Dense(1, dtype="float32", name="dense")(kept)
    normal = keras.layers.BatchNormalization(**norm, dtype="float32", name="norm")
    logits = keras.layers.Reshape([], dtype="float32", name="logits")(normal(linear))
    return keras.Model([images, draws], logits, name="detector")


def build_backbone(image_size, norm):
    """Keras' ResNet-50 up to its pooled features, float32 [batch, 2048].

    Args:
      image_size: height and width of its input, float32 [batch, size, size, 3].
      norm: keyword arguments for each batch norm, in place of its own.
    """
    stock = keras.applications.ResNet50(
        include_top=False,
        weights=None,
        input_shape=[image_size, image_size, 3],
        pooling="avg",
    )

    def clone(layer):
        own = norm if isinstance(layer, keras.layers.BatchNormalization) else {}
        return layer.from_config({**layer.get_config(), **own})

    return keras.models.clone_model(stock, clone_function=clone)


def tumor_probability(detector, images):
    """Probability of a tumor, float32 [batch], of images as the detector takes them."""
    draws = tf.zeros([tf.shape(images)[0], NUM_FEATURES])
    return tf.sigmoid(detector([images, draws], training=False))
