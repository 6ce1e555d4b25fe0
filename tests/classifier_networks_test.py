"""The detector: sizes, batch norms, and what its network looks like."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from classifier import networks
from classifier.layers import resize


@pytest.fixture(scope="module")
def detector():
    return networks.build_detector(32, batch_norm_momentum=0.7, sync_batch_norm=True)


def batch_norms(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from batch_norms(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            yield layer


def test_parameter_counts(detector):
    # ResNet-50 without its top: 23,587,712; dense: 2,048 + 1; batch norm: 4.
    assert detector.count_params() == 23_589_765
    trainable = sum(int(tf.size(w)) for w in detector.trainable_variables)
    assert trainable == 23_589_765 - 53_120 - 2  # Moving averages.


def test_every_batch_norm_has_the_settings_given(detector):
    layers = list(batch_norms(detector))
    assert len(layers) == 54
    assert {layer.momentum for layer in layers} == {0.7}
    assert {layer.synchronized for layer in layers} == {True}
    assert {layer.epsilon for layer in layers[:-1]} == {1.001e-5}  # ResNet-50's own.


def test_smaller_detector_has_fewer_features():
    small = networks.build_detector(32, blocks=[1, 1, 1, 1], base_maps=4)
    assert small.get_layer("dropout").output.shape == (None, 128)
    assert small.get_layer("dense").kernel.shape == [128, 1]


def test_layers_have_the_numbers_that_checkpoints_of_before_know_them_by():
    """Then, the fourth was an input: the draws of the dropout that comes after it."""
    small = networks.build_detector(32, blocks=[1, 1, 1, 1], base_maps=4)
    names = [layer.name for layer in small.layers]
    assert names[1:3] == ["resnet_input", "resnet"]
    assert names[4:] == ["dropout", "dense", "norm", "logits"]


@pytest.mark.parametrize("size", [(32, 32), (50, 41), (240, 240)])
def test_image_of_any_size_is_seen_at_one(detector, size):
    images = tf.random.stateless_uniform([2, *size, 1], [0, 0], -1, 1)
    probability = networks.tumor_probability(detector, images)
    assert probability.shape == [2] and probability.dtype == tf.float32
    resized = networks.tumor_probability(detector, resize(images, 32))
    np.testing.assert_allclose(probability, resized, rtol=1e-5)


def test_logits_are_float32_in_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        detector = networks.build_detector(32)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert detector.get_layer("resnet").output.dtype == tf.bfloat16
    assert detector.output.dtype == tf.float32
    assert {tf.as_dtype(v.dtype) for v in detector.trainable_variables} == {tf.float32}
