"""Sliced Wasserstein distance, against an independent computation."""

import numpy as np
import pytest
from scipy import ndimage, stats

from features import wasserstein
from features.wasserstein import (
    laplacian_pyramid,
    level_sizes,
    patches_per_level,
    sliced_distance,
    sliced_wasserstein,
)


def textures(seed, images=24, size=32, smoothness=1.0):
    noise = np.random.default_rng(seed).uniform(0, 255, [images, size, size])
    smooth = ndimage.gaussian_filter(noise, [0, smoothness, smoothness])
    low, high = smooth.min(), smooth.max()
    return ((smooth - low) / (high - low) * 255).astype(np.uint8)


@pytest.mark.parametrize(
    "size, levels",
    [
        (256, [256, 128, 64, 32, 16]),
        (240, [240, 120, 60, 30, 15]),
        (64, [64, 32, 16]),
        (60, [60, 30, 15]),
        (32, [32, 16]),
        (20, [20]),
    ],
)
def test_levels_end_at_about_16_px(size, levels):
    assert level_sizes(size) == levels


def test_levels_may_be_smaller():
    assert level_sizes(60, coarsest=7) == [60, 30, 15, 8]
    images = textures(1, images=2, size=32)
    patches = patches_per_level(images, 0, num_patches=5, coarsest=7)
    assert {s: p.shape for s, p in patches.items()} == dict.fromkeys(
        (32, 16, 8), (10, 49)
    )


@pytest.mark.parametrize("size", [64, 60])
def test_pyramid_is_that_of_plain_convolutions(size):
    image = textures(1, images=1, size=size)[0].astype(np.float64)
    line = np.array([1, 4, 6, 4, 1]) / 16
    kernel = np.outer(line, line)
    levels = laplacian_pyramid(image)
    for level in levels[:-1]:
        halved = ndimage.convolve(image, kernel, mode="mirror")[::2, ::2]
        spread = np.zeros_like(image)
        spread[::2, ::2] = halved
        enlarged = ndimage.convolve(spread, 4 * kernel, mode="mirror")
        # Enlarging treats the last two lines in other ways here and there.
        inside = slice(0, len(image) - 2)
        np.testing.assert_allclose(
            level[inside, inside], (image - enlarged)[inside, inside], atol=1e-3
        )
        image = halved
    np.testing.assert_allclose(levels[-1], image, atol=1e-3)


def test_places_of_patches_are_a_function_of_the_seed():
    images = textures(3, images=2, size=32)
    one, same, other = (patches_per_level(images, seed) for seed in (1, 1, 2))
    for size in level_sizes(32):
        np.testing.assert_array_equal(one[size], same[size])
        assert not np.array_equal(one[size], other[size])


def test_patches_are_windows_of_the_level_normalised_over_the_set():
    images = textures(2, images=3, size=20).astype(float)
    (patches,) = patches_per_level(images, seed=0).values()
    assert patches.shape == (3 * 128, 49) and patches.dtype == np.float32
    assert patches.mean() == pytest.approx(0, abs=1e-5)
    assert patches.std() == pytest.approx(1, abs=1e-5)
    windows = np.lib.stride_tricks.sliding_window_view(images[1], (7, 7))
    windows = windows.reshape(-1, 49)
    for patch in patches[128:131]:  # One line through all windows that it may be of.
        correlations = [np.corrcoef(patch, window)[0, 1] for window in windows]
        assert max(correlations) > 0.99999


def test_distance_is_the_mean_of_scipys_along_each_direction(monkeypatch):
    monkeypatch.setattr(wasserstein, "NUM_PROJECTIONS", 64)
    draws = np.random.default_rng(0)
    a = draws.normal(size=[200, 49]).astype(np.float32)
    b = draws.gamma(2.0, size=[200, 49]).astype(np.float32)
    directions = np.random.default_rng([5, 1]).standard_normal([64, 49])
    expected = []
    for direction in directions:
        unit = direction / np.sqrt(np.sum(direction**2))
        expected.append(stats.wasserstein_distance(a @ unit, b @ unit))
    assert sliced_distance(a, b, seed=5) == pytest.approx(np.mean(expected), rel=1e-5)


def test_shift_by_one_vector_costs_its_mean_projection():
    draws = np.random.default_rng(0)
    a = draws.normal(size=[64, 49]).astype(np.float32)
    shift = np.full(49, 2 / 7, np.float32)  # Of length 2.
    # The mean of |cos| on the sphere of 49 dimensions is about sqrt(2 / (49 pi)).
    expected = 2 * np.sqrt(2 / (49 * np.pi))
    assert sliced_distance(a, a + shift, seed=0) == pytest.approx(expected, rel=0.1)


def test_set_has_no_distance_to_itself():
    images = textures(3)
    assert sliced_wasserstein(images, images, seed=0) == {32: 0.0, 16: 0.0}


def test_same_seed_gives_the_same_distance():
    a, b = textures(3), textures(4)
    assert sliced_wasserstein(a, b, seed=7) == sliced_wasserstein(a, b, seed=7)
    assert sliced_wasserstein(a, b, seed=7) != sliced_wasserstein(a, b, seed=8)


def add_noise(images):
    noise = np.random.default_rng(0).normal(0, 12, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def blur(images):
    return ndimage.gaussian_filter(images, [0, 2, 2])


@pytest.mark.parametrize("corrupt, smoothness", [(add_noise, 3.0), (blur, 1.0)])
def test_floor_is_below_the_value_of_a_corrupted_set(corrupt, smoothness):
    real, other = textures(5, smoothness=smoothness), textures(6, smoothness=smoothness)
    floor = sliced_wasserstein(real, other, seed=0)
    corrupted = sliced_wasserstein(real, corrupt(other), seed=0)
    assert corrupted[32] > 2 * floor[32]


def test_constant_images_have_no_distance_and_no_division_by_zero():
    black = np.zeros([4, 32, 32], np.uint8)
    assert sliced_wasserstein(black, black + 9, seed=0) == {32: 0.0, 16: 0.0}
