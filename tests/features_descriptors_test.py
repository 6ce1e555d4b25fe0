"""Descriptors: known answers, and that each block sees what it is there for."""

import math

import numpy as np
import pytest
import tensorflow as tf

from features import descriptors
from features.descriptors import Descriptors


@pytest.fixture(scope="module")
def extractor():
    return Descriptors()


@pytest.fixture(scope="module")
def brain():
    """uint8 [240, 240]: an ellipse with soft structure, a little asymmetric."""
    rows, columns = np.mgrid[:240, :240] / 239 - 0.5
    inside = (rows / 0.42) ** 2 + (columns / 0.35) ** 2 < 1
    structure = 90 + 40 * np.sin(rows * 30) * np.cos(columns * 25 + 0.4)
    structure += 60 * ((rows - 0.1) ** 2 + (columns - 0.15) ** 2 < 0.004)
    return (structure * inside).astype(np.uint8)


def measure(extractor, *images):
    features = extractor(np.stack(images)[..., None]).numpy()
    return {name: features[:, block] for name, block in extractor.blocks.items()}


def test_blocks_are_the_whole_vector(extractor, brain):
    assert extractor(brain[None, ..., None]).shape == (1, extractor.num_features)
    ends = [0, *(block.stop for block in extractor.blocks.values())]
    starts = [block.start for block in extractor.blocks.values()]
    assert [*starts, extractor.num_features] == ends


@pytest.mark.parametrize("size", [32, 60, 64, 240, 256])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_images_without_structure_are_finite_and_have_no_energy(extractor, size, level):
    blocks = measure(extractor, np.full([size, size], level, np.uint8))
    floor = math.log(descriptors.FLOOR)
    for values in blocks.values():
        assert np.isfinite(values).all()
    np.testing.assert_allclose(blocks["layout"], level / 255, atol=1e-5)
    np.testing.assert_allclose(blocks["spectrum"], 0, atol=1e-4)
    np.testing.assert_allclose(blocks["symmetry"], math.log(0.02), atol=1e-4)
    if not level:
        np.testing.assert_allclose(blocks["edges"], 0, atol=1e-5)
        np.testing.assert_allclose(blocks["detail"][0, :3], floor, atol=1e-4)


def test_an_edge_votes_for_its_direction():
    """A step from 0.5 to 1 between columns 7 and 8: gradient along x, in the first
    column of tiles; each of 2 x 16 pixels sees (1 - 0.5) / 2 of it, by brightness."""
    image = np.full([1, 64, 64, 1], 1.0, np.float32)
    image[:, :, :8] = 0.5
    votes = descriptors.edges(tf.constant(image)).numpy().reshape(4, 4, 8)
    brightness = (8 * 0.5 + 56) * 64 / (64 * 64 + 1)
    # 32 of 256 pixels of a tile, then the square root.
    expected = math.sqrt(32 / 256 * 0.25 / brightness)
    np.testing.assert_allclose(votes[:, 0, 0], expected, rtol=1e-4)
    assert max(votes[:, 1:].max(), votes[..., 1:].max()) < 1e-3


def test_brightness_does_not_change_edges(extractor, brain):
    darker = (brain * 0.5).astype(np.uint8)
    edges = measure(extractor, brain, darker)["edges"]
    np.testing.assert_allclose(edges[0], edges[1], atol=0.02)


def test_mirrored_and_copied_halves_are_seen(extractor, brain):
    mirrored, copied, stacked = brain.copy(), brain.copy(), brain.copy()
    mirrored[:, 120:] = brain[:, :120][:, ::-1]
    copied[:, 120:] = brain[:, :120]
    stacked[120:] = brain[:120]
    symmetry = measure(extractor, brain, mirrored, copied, stacked)["symmetry"]
    # Not to nothing: at the seam, resizing mixes what meets there.
    for number, column in [(1, 0), (2, 2), (3, 3)]:
        assert symmetry[number, column] < math.log(0.02) + 0.5
        assert symmetry[number, column] < symmetry[0, column] - 0.7


def test_noise_and_blur_change_detail_in_opposite_ways(extractor, brain):
    noisy, blurred = brain.copy(), brain.copy()
    noisy[80:140, 80:140] = np.random.default_rng(0).integers(0, 256, [60, 60])
    blurred = tf.nn.avg_pool2d(brain[None, ..., None].astype(np.float32), 9, 1, "SAME")
    blurred = blurred.numpy()[0, ..., 0].astype(np.uint8)
    strongest = measure(extractor, brain, noisy, blurred)["detail"][:, 0]
    assert strongest[1] > strongest[0] + 1 > strongest[2] + 1
