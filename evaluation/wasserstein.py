"""Sliced Wasserstein distance of Karras et al. (2018), https://arxiv.org/abs/1710.10196.

Two sets of images are alike at a scale if their patches of the Laplacian pyramid's
level at that scale are distributed alike. The finest level tells of noise and edges,
the coarsest of shape. Patches are normalised by their own set's mean and standard
deviation, as in the paper: brightness and contrast that all images share do not show.
"""

import cv2
import numpy as np

PATCH = 7
PATCHES_PER_IMAGE = 128
NUM_PROJECTIONS = 512
COARSEST = 15  # 16 px in the paper; 15 are what halving leaves of 240 and 60 px.

# Differs from the paper: one channel, not three; as many images as there are, not
# 16,384; small images have fewer levels, 64 px three of the paper's seven at 1024.


def level_sizes(image_size):
    """Sizes of the pyramid's levels in pixels: `[64, 32, 16]` for 64.

    An image smaller than `2 * COARSEST` has itself as the only level.
    """
    sizes = [image_size]
    while (half := (sizes[-1] + 1) // 2) >= COARSEST:
        sizes.append(half)
    return sizes


def laplacian_pyramid(image):
    """What each halving of an image loses, and what is left at last.

    Args:
      image: [size, size], any range.

    Returns:
      A list of float32 [level, level] for `level_sizes(size)`, which sum to the image
      if each is enlarged.
    """
    left = np.asarray(image, np.float32)
    levels = []
    for _ in level_sizes(len(left))[1:]:
        halved = cv2.pyrDown(left)
        levels.append(left - cv2.pyrUp(halved, dstsize=left.shape[::-1]))
        left = halved
    return [*levels, left]


def patches_per_level(images, seed):
    """Patches from random places of each level of each image, normalised.

    The places are a function of `seed`, the level and an image's number in its set.

    Args:
      images: uint8 [images, size, size].

    Returns:
      By level's size, float32 [images * 128, 49] with mean 0 and standard deviation 1.
    """
    sizes = level_sizes(images.shape[1])
    shape = [len(images), PATCHES_PER_IMAGE, PATCH * PATCH]
    patches = {size: np.empty(shape, np.float32) for size in sizes}
    corners = {
        size: np.random.default_rng([seed, size]).integers(
            size - PATCH + 1, size=[len(images), PATCHES_PER_IMAGE, 2]
        )
        for size in sizes
    }
    for n, image in enumerate(images):
        for size, level in zip(sizes, laplacian_pyramid(image)):
            windows = np.lib.stride_tricks.sliding_window_view(level, [PATCH, PATCH])
            rows, columns = corners[size][n].T
            patches[size][n] = windows[rows, columns].reshape(PATCHES_PER_IMAGE, -1)
    return {size: _normalise(p.reshape(-1, p.shape[-1])) for size, p in patches.items()}


def _normalise(patches):
    spread = patches.std(dtype=np.float64)
    patches -= np.float32(patches.mean(dtype=np.float64))
    patches /= np.float32(max(spread, 1e-8))  # A level of constant images is 0.
    return patches


def sliced_distance(patches_a, patches_b, seed):
    """Mean over random directions of the Wasserstein-1 distance along each.

    Args:
      patches_a, patches_b: float32 [patches, dimensions], equally many.
      seed: of the directions, uniform on the sphere.
    """
    draws = np.random.default_rng([seed, 1])
    directions = draws.standard_normal([NUM_PROJECTIONS, patches_a.shape[1]])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    total = 0.0
    for some in np.split(directions.astype(np.float32), NUM_PROJECTIONS // 32):
        sorted_a = np.sort(some @ patches_a.T)
        sorted_b = np.sort(some @ patches_b.T)
        total += np.abs(sorted_a - sorted_b).mean(axis=1, dtype=np.float64).sum()
    return total / NUM_PROJECTIONS


def sliced_wasserstein(images_a, images_b, seed):
    """The distance of two equally large sets at each level, times 1,000 as printed.

    Args:
      images_a, images_b: uint8 [images, size, size].
      seed: of places and directions; one set has distance 0 to itself.

    Returns:
      A dict of a level's size in pixels to its distance.
    """
    a, b = patches_per_level(images_a, seed), patches_per_level(images_b, seed)
    return {size: 1e3 * sliced_distance(a[size], b[size], seed) for size in a}
