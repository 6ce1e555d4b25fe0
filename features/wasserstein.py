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


def level_sizes(image_size, coarsest=COARSEST):
    """Sizes of the pyramid's levels in pixels: `[64, 32, 16]` for 64.

    No level but the first is smaller than `coarsest`.
    """
    sizes = [image_size]
    while (half := (sizes[-1] + 1) // 2) >= coarsest:
        sizes.append(half)
    return sizes


def laplacian_pyramid(image, coarsest=COARSEST):
    """What each halving of an image loses, and what is left at last.

    Args:
      image: [size, size], any range.
      coarsest: see `level_sizes`.

    Returns:
      A list of float32 [level, level] for `level_sizes(size)`, which sum to the image
      if each is enlarged.
    """
    left = np.asarray(image, np.float32)
    levels = []
    for _ in level_sizes(len(left), coarsest)[1:]:
        halved = cv2.pyrDown(left)
        levels.append(left - cv2.pyrUp(halved, dstsize=left.shape[::-1]))
        left = halved
    return [*levels, left]


def patches_per_level(images, seed, num_patches=PATCHES_PER_IMAGE, coarsest=COARSEST):
    """Patches from random places of each level of each image, normalised.

    The places are a function of `seed`, the level and an image's number in its set.

    Args:
      images: uint8 [images, size, size].
      num_patches: of each image and level.
      coarsest: see `level_sizes`.

    Returns:
      By level's size, float32 [images * num_patches, 49] with mean 0 and standard
      deviation 1.
    """
    sizes = level_sizes(images.shape[1], coarsest)
    shape = [len(images), num_patches, PATCH * PATCH]
    patches = {size: np.empty(shape, np.float32) for size in sizes}
    corners = {
        size: np.random.default_rng([seed, size]).integers(
            size - PATCH + 1, size=[*shape[:2], 2]
        )
        for size in sizes
    }
    for n, image in enumerate(images):
        for size, level in zip(sizes, laplacian_pyramid(image, coarsest)):
            windows = np.lib.stride_tricks.sliding_window_view(level, [PATCH, PATCH])
            rows, columns = corners[size][n].T
            patches[size][n] = windows[rows, columns].reshape(num_patches, -1)
    return {size: _normalise(p.reshape(-1, p.shape[-1])) for size, p in patches.items()}


def _normalise(patches):
    spread = patches.std(dtype=np.float64)
    patches -= np.float32(patches.mean(dtype=np.float64))
    patches /= np.float32(max(spread, 1e-8))  # A level of constant images is 0.
    return patches


def directions(seed, number):
    """Unit vectors, uniform on the sphere of patches: float32 [number, 49]."""
    draws = np.random.default_rng([seed, 1]).standard_normal([number, PATCH * PATCH])
    draws /= np.linalg.norm(draws, axis=1, keepdims=True)
    return draws.astype(np.float32)


def slices(patches, some_directions):
    """The patches along each direction, sorted: float32 [directions, patches]."""
    return np.sort(some_directions @ patches.T)


def slices_distance(slices_a, slices_b):
    """Wasserstein-1 distance along each direction, float64 [directions]."""
    return np.abs(slices_a - slices_b).mean(axis=1, dtype=np.float64)


def sliced_distance(patches_a, patches_b, seed):
    """Mean over random directions of the Wasserstein-1 distance along each.

    Args:
      patches_a, patches_b: float32 [patches, 49], equally many.
      seed: of the directions.
    """
    along = [
        slices_distance(slices(patches_a, some), slices(patches_b, some))
        for some in np.split(directions(seed, NUM_PROJECTIONS), NUM_PROJECTIONS // 32)
    ]
    return float(np.mean(along))


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
