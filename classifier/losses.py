"""Loss and accuracy of the detector, per image.

Labels are float32 [batch], 0 non-tumor, 1 tumor; logits are what stands before the
sigmoid. Every function returns one value per image, float32 [batch].
"""

import tensorflow as tf


def cross_entropy(labels, logits):
    """-y log p - (1 - y) log(1 - p), p the sigmoid of the logit."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))


def accuracy(labels, logits):
    """1 where p >= 0.5 agrees with the label, else 0."""
    return tf.cast(tf.equal(labels > 0.5, logits >= 0.0), tf.float32)
