"""Loss and accuracy, by hand."""

import math

import numpy as np
import tensorflow as tf

from classifier import losses

LABELS = tf.constant([1.0, 0.0, 1.0, 0.0])
LOGITS = tf.constant([0.0, 0.0, math.log(3.0), math.log(3.0)])  # p: 1/2, 1/2, 3/4, 3/4


def test_cross_entropy_by_hand():
    expected = [math.log(2), math.log(2), math.log(4 / 3), math.log(4)]
    np.testing.assert_allclose(
        losses.cross_entropy(LABELS, LOGITS), expected, rtol=1e-6
    )


def test_cross_entropy_of_extreme_logits_is_finite():
    loss = losses.cross_entropy(tf.constant([1.0, 0.0]), tf.constant([-1e4, 1e4]))
    np.testing.assert_allclose(loss, [1e4, 1e4])


def test_weighted_cross_entropy_by_hand():
    loss = losses.cross_entropy(LABELS, LOGITS, (0.5, 3.0))
    expected = [
        3 * math.log(2),
        0.5 * math.log(2),
        3 * math.log(4 / 3),
        math.log(4) / 2,
    ]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_balanced_weights_make_classes_count_alike():
    assert losses.balanced_weights(50, 50) == (1, 1)
    non_tumor, tumor = losses.balanced_weights(30, 10)
    assert (non_tumor, tumor) == (2 / 3, 2)
    assert 30 * non_tumor == 10 * tumor == 20


def test_accuracy_counts_one_half_as_tumor():
    np.testing.assert_array_equal(losses.accuracy(LABELS, LOGITS), [1, 0, 1, 0])
