"""Loss and accuracy of the detector, per image.

Labels are float32 [batch], 0 non-tumor, 1 tumor; logits are what stands before the
sigmoid. Every function returns one value per image, float32 [batch].
"""

import tensorflow as tf


def cross_entropy(labels, logits, class_weights=None):
    """-y log p - (1 - y) log(1 - p), p the sigmoid of the logit.

    With `class_weights`, two floats for non-tumor and tumor, times that of the label.
    """
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
    if class_weights is None:
        return loss
    non_tumor, tumor = class_weights
    return loss * tf.where(labels > 0.5, tumor, non_tumor)


def balanced_weights(num_non_tumor, num_tumor):
    """Weights with which both classes count alike in the loss, and 1 on average."""
    half = (num_non_tumor + num_tumor) / 2
    return half / num_non_tumor, half / num_tumor


def accuracy(labels, logits):
    """1 where p >= 0.5 agrees with the label, else 0."""
    return tf.cast(tf.equal(labels > 0.5, logits >= 0.0), tf.float32)
