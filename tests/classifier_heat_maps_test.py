"""Grad-CAM of detectors, against its definition by differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from classifier import networks
from classifier.heat_maps import heat_map_function, last_block
from dataset.records import to_float

SMALL = {"blocks": (1, 1, 1, 1), "base_maps": 4}


@pytest.fixture(scope="module")
def detector():
    keras.utils.set_random_seed(0)
    return networks.build_detector(64, **SMALL)


@pytest.mark.parametrize(
    "image_size, stage, rows", [(32, 2, 8), (64, 3, 8), (112, 4, 7), (224, 5, 7)]
)
def test_maps_are_those_of_the_deepest_block_that_still_has_places(
    image_size, stage, rows
):
    detector = networks.build_detector(image_size, **SMALL)
    block = last_block(detector.get_layer("resnet"))
    assert block.name == f"conv{stage}_block1_out" and block.output.shape[1] == rows


def test_weights_are_the_mean_gradient_of_the_logit(detector):
    images = np.random.default_rng(0).integers(0, 256, [2, 64, 64, 1], np.uint8)
    found = heat_map_function(detector)(to_float(images)).numpy()
    resnet = detector.get_layer("resnet")
    block = last_block(resnet)
    before = keras.Model(resnet.input, block.output)
    after = keras.Model(block.output, resnet.output)
    maps = before(detector.get_layer("resnet_input")(to_float(images))).numpy()

    def logits(maps):
        features = after(maps, training=False)
        return detector.get_layer("norm")(
            detector.get_layer("dense")(features), training=False
        ).numpy()[:, 0]

    step, pixels = 1e-2, maps.shape[1] * maps.shape[2]
    weights = np.zeros([2, maps.shape[-1]])
    for k in range(maps.shape[-1]):  # A shift of map k moves each of its pixels.
        shift = step * np.eye(maps.shape[-1], dtype=np.float32)[k]
        difference = logits(maps + shift) - logits(maps - shift)
        weights[:, k] = difference / (2 * step * pixels)
    expected = np.maximum(np.einsum("bk,bijk->bij", weights, maps), 0)
    assert expected.max() > 0 and found.shape == (2, 8, 8)
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.max())


def test_image_has_the_same_map_in_any_batch(detector):
    images = tf.random.stateless_uniform([3, 64, 64, 1], [0, 1], -1, 1)
    heat_maps = heat_map_function(detector)
    alone = np.concatenate([heat_maps(images[i : i + 1]) for i in range(3)])
    assert alone.max(axis=(1, 2)).min() > 0
    np.testing.assert_allclose(heat_maps(images), alone, rtol=1e-4, atol=1e-7)
