"""Where a detector looks: Grad-CAM (Selvaraju et al., 2017).

https://arxiv.org/abs/1610.02391
"""

import re

import keras
import tensorflow as tf

MIN_SIZE = 7  # Rows of a map: those of ResNet-50's last stage at 224 px.


def heat_map_function(detector):
    """Grad-CAM of the tumor's logit.

    The maps are those of the last of ResNet's blocks that has `MIN_SIZE` rows at least,
    since small images are a single pixel in the last stage. Early blocks are farther
    from the decision: below 224 px, read a map as a hint.

    Args:
      detector: see `networks.build_detector`.

    Returns:
      A function of images, float32 [batch, height, width, 1] in [-1, 1], to float32
      [batch, rows, columns] >= 0: relu(sum over k of a_k A_k), where A_k is the block's
      k-th map and a_k the mean of the logit's gradient by its pixels (eqs. 1 and 2).
    """
    resnet = detector.get_layer("resnet")
    block = last_block(resnet)
    maps_and_features = keras.Model(resnet.input, [block.output, resnet.output])
    prepare, dense, norm = map(detector.get_layer, ("resnet_input", "dense", "norm"))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.float32)])
    def heat_maps(images):
        with tf.GradientTape() as tape:
            maps, features = maps_and_features(prepare(images), training=False)
            logits = norm(dense(features), training=False)
        # Outside training, an image's logit depends on no other image.
        gradients = tape.gradient(logits, maps)
        weights = tf.reduce_mean(gradients, axis=[1, 2], keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))

    return heat_maps


def last_block(resnet):
    """The last layer that ends a block whose maps have `MIN_SIZE` rows at least."""
    ends = [
        layer
        for layer in resnet.layers
        if re.fullmatch(r"conv\d_block\d+_out", layer.name)
        and layer.output.shape[1] >= MIN_SIZE
    ]
    return ends[-1]
