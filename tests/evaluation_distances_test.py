"""FID, KID, precision, recall and MS-SSIM, against loops, scipy and TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import linalg

from evaluation import distances
from evaluation.distances import (
    frechet_distance,
    kernel_distance,
    mean_similarity,
    precision_recall,
    random_pairs,
    scale_weights,
)


def vectors(seed, count=40, features=6, shift=0.0, scale=1.0):
    draws = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=[features, features])
    drawn = draws.normal(size=[count, features]) @ mixing
    return (scale * drawn + shift).astype(np.float32)


@pytest.mark.parametrize("count", [40, 4])  # More images than features, and fewer.
def test_frechet_distance_is_that_of_the_matrix_root(count):
    a, b = vectors(1, count), vectors(2, count, shift=0.5, scale=1.5)
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    offset = a.mean(0) - b.mean(0)
    expected = offset @ offset + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-3)
    # Covariances C and 4 C: Tr(C + 4 C - 2 * 2 C) = Tr(C); the means agree.
    centred = a - a.mean(0)
    expected = np.trace(covariances[0])
    assert frechet_distance(centred, 2 * centred) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-5)


def test_kernel_distance_is_that_of_loops():
    a, b = vectors(1, 9), vectors(2, 9, shift=1.0)

    def kernel(x, y):
        return (float(np.dot(x.astype(float), y.astype(float))) / 6 + 1) ** 3

    def mean(pairs):
        values = [kernel(x, y) for x, y in pairs]
        return sum(values) / len(values)

    def unequal(features):
        return [
            (x, y) for i, x in enumerate(features) for y in np.delete(features, i, 0)
        ]

    between = mean([(x, y) for x in a for y in b])
    expected = mean(unequal(a)) + mean(unequal(b)) - 2 * between
    assert kernel_distance(a, b, seed=0) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_is_unbiased():
    values = [
        kernel_distance(vectors(n, 30), vectors(1000 + n, 30), seed=0)
        for n in range(200)
    ]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0


def test_kernel_distance_of_many_images_is_a_mean_over_seeded_subsets(monkeypatch):
    monkeypatch.setattr(distances, "SUBSET", 20)
    a, b = vectors(1, 60), vectors(2, 60, shift=1.0)
    whole = kernel_distance(a, b, seed=3)
    assert whole == kernel_distance(a, b, seed=3) != kernel_distance(a, b, seed=4)
    monkeypatch.setattr(distances, "SUBSET", 60)
    assert whole == pytest.approx(kernel_distance(a, b, seed=3), rel=0.25)


def test_precision_and_recall_are_those_of_loops():
    a, b = vectors(1, 30, 2), vectors(2, 30, 2, shift=0.5, scale=0.7)

    def radius(features, n):
        distances = sorted(np.linalg.norm(features - features[n], axis=1))
        return distances[3]  # The first is its own.

    def inside(points, features):
        hits = [
            any(
                np.linalg.norm(point - center) <= radius(features, n)
                for n, center in enumerate(features)
            )
            for point in points
        ]
        return sum(hits) / len(hits)

    precision, recall = precision_recall(a, b)
    assert 0 < precision < 1 and 0 < recall < 1
    assert precision == pytest.approx(inside(b, a))
    assert recall == pytest.approx(inside(a, b))


def test_precision_is_lost_far_away_and_recall_by_collapse():
    real = vectors(1, 60, 3)
    assert precision_recall(real, real) == (1.0, 1.0)
    assert precision_recall(real, real + 100) == (0.0, 0.0)
    collapsed = real[:1] + 1e-3 * vectors(2, 60, 3)
    precision, recall = precision_recall(real, collapsed)
    assert precision == 1.0 and recall <= 1 / 60


@pytest.mark.parametrize(
    "size, scales", [(256, 5), (176, 5), (128, 4), (64, 3), (32, 2)]
)
def test_scales_are_as_many_as_the_window_fits(size, scales):
    weights = scale_weights(size)
    assert len(weights) == scales and sum(weights) == pytest.approx(1)
    if scales == 5:  # TensorFlow's own.
        standard = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
        assert weights == pytest.approx(standard, abs=1e-4)


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
    expected = [
        tf.image.ssim_multiscale(
            images[a][..., None],
            images[b][..., None],
            255,
            power_factors=scale_weights(32),
        )
        for a, b in random_pairs(labels, seed=1)
    ]
    value = mean_similarity(images, labels, seed=1, batch_size=4)
    assert value == pytest.approx(np.mean(expected), rel=1e-4)
    collapsed = np.repeat(images[:1], 6, axis=0)
    assert mean_similarity(collapsed, labels, seed=0) == pytest.approx(1)
