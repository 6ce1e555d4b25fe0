"""Likeness of a set's images to each other."""

import numpy as np
import pytest
import tensorflow as tf

from evaluation.diversity import mean_similarity, random_pairs, scale_weights


@pytest.mark.parametrize(
    "size, scales", [(256, 5), (176, 5), (128, 4), (64, 3), (32, 2)]
)
def test_scales_are_as_many_as_the_window_fits(size, scales):
    weights = scale_weights(size)
    assert len(weights) == scales and sum(weights) == pytest.approx(1)


def test_weights_of_five_scales_are_those_of_tensorflow():
    standard = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    assert scale_weights(256) == pytest.approx(standard, abs=1e-4)


def test_pairs_are_of_one_class_and_of_two_images():
    labels = np.array([0] * 5 + [1] * 30)
    pairs = random_pairs(labels, seed=0)
    assert len(pairs) == 35
    assert (labels[pairs[:, 0]] == labels[pairs[:, 1]]).all()
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert (random_pairs(labels, seed=0) == pairs).all()


def test_mean_is_that_of_the_pairs():
    images = np.random.default_rng(0).integers(0, 256, [6, 32, 32], np.uint8)
    labels = np.zeros(6, int)
    wanted = [
        tf.image.ssim_multiscale(
            images[a][..., None],
            images[b][..., None],
            255,
            power_factors=scale_weights(32),
        )
        for a, b in random_pairs(labels, seed=1)
    ]
    value = mean_similarity(images, labels, seed=1, batch_size=4)
    assert value == pytest.approx(np.mean(wanted), rel=1e-4)


def test_collapsed_set_has_similarity_one():
    images = np.random.default_rng(0).integers(0, 256, [1, 32, 32], np.uint8)
    collapsed = np.repeat(images, 8, axis=0)
    assert mean_similarity(collapsed, np.ones(8, int), seed=0) == pytest.approx(1)
