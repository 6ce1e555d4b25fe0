"""The training image that is most like an image, moved or mirrored as it may be.

Likeness is the correlation of pixels, which brightness and contrast do not change. Two
steps find it: all training images at 16 px, then the best of them at up to 64 px. Both
try the image and its mirror image moved by up to 1/32 of its size, both ways, as far as
PGGAN's random crops move an image from the middle (8 of 256 px); the second in steps of
1/128 (2 of 256 px).
"""

import dataclasses

import cv2
import numpy as np

COARSE, FINE = 16, 64
SHORT_LIST = 32


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """The nearest training image of one image."""

    position: int  # In the training images.
    distance: float  # 1 - correlation: 0 for a copy, 1 if nothing is in common.
    mirrored: bool  # Whether the image was mirrored for it.
    shift: tuple  # By how much it was moved, (down, right), as parts of its size.


class NearestImages:
    """Finds nearest images among training images, uint8 [images, size, size]."""

    def __init__(self, images):
        fine = soften(images)
        self._fine = unit_vectors(fine)
        self._coarse = unit_vectors(resize(fine, COARSE))

    def search(self, images, exclude=None):
        """Yields the `Neighbour` of each image, uint8 [images, size, size].

        Args:
          exclude: of each image, a training image that is none: itself.
        """
        fine = soften(images)
        best = np.full([len(images), len(self._coarse)], -1.0, np.float32)
        for variant, _, _ in variants(fine, half_pixels=False):
            vectors = unit_vectors(resize(variant, COARSE))
            np.maximum(best, vectors @ self._coarse.T, out=best)
        if exclude is not None:
            best[np.arange(len(images)), exclude] = -np.inf
        short = min(SHORT_LIST, best.shape[1] - (exclude is not None))
        lists = np.argpartition(-best, short - 1, axis=1)[:, :short]
        for image, short_list in zip(fine, lists):
            yield self._closest(image, short_list)

    def _closest(self, image, short_list):
        """The `Neighbour` among some training images, for one [fine, fine] image."""
        moved, mirrored, shifts = zip(*variants(image[None], half_pixels=True))
        vectors = unit_vectors(np.concatenate(moved))
        correlations = vectors @ self._fine[short_list].T
        n, which = np.unravel_index(np.argmax(correlations), correlations.shape)
        return Neighbour(
            position=int(short_list[which]),
            distance=max(0.0, 1.0 - float(correlations[n, which])),
            mirrored=mirrored[n],
            shift=tuple(step / len(image) for step in shifts[n]),
        )


def soften(images):
    """uint8 [images, size, size] as images of at most 64 px, a little blurred, float32.

    Unblurred, noise that an eye hardly sees makes two slices of one patient as unlike
    as those of two patients.
    """
    size = min(FINE, images.shape[1])
    sigma = size / FINE  # In pixels; one at 64 px.
    # One by one: all of a training set as floats would be the most that its step needs.
    resized = (resize(image[None].astype(np.float32), size)[0] for image in images)
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in resized])


def resize(images, size):
    """Images made smaller by the mean of areas, if they are larger, float32."""
    if images.shape[1] <= size:
        return images
    area = cv2.INTER_AREA
    return np.stack([cv2.resize(i, (size, size), interpolation=area) for i in images])


def variants(images, *, half_pixels):
    """Yields images moved by up to 1/32 of their size both ways, mirrored and not.

    They are float32 [images, size, size], as are those given, with whether they are
    mirrored and (down, right) in pixels, also half ones if `half_pixels`.
    """
    size = images.shape[1]
    reach = max(1, round(size / 32))
    doubled = double(np.pad(images, [(0, 0), (reach, reach), (reach, reach)]))
    steps = range(-2 * reach, 2 * reach + 1, 1 if half_pixels else 2)
    span = 2 * size - 1
    for mirrored in (False, True):
        source = doubled[:, :, ::-1] if mirrored else doubled
        for down in steps:
            for right in steps:
                top, left = 2 * reach - down, 2 * reach - right
                moved = source[:, top : top + span : 2, left : left + span : 2]
                yield moved, mirrored, (down / 2, right / 2)


def double(images):
    """Puts the mean of neighbouring pixels between them: n px become 2 n - 1."""
    rows = np.repeat(images, 2, axis=1)
    rows = (rows[:, :-1] + rows[:, 1:]) / 2
    pixels = np.repeat(rows, 2, axis=2)
    return (pixels[..., :-1] + pixels[..., 1:]) / 2


def unit_vectors(images):
    """[images, size, size] to float32 [images, size * size] of mean 0 and length 1.

    The product of two is their correlation. Constant images are 0.
    """
    vectors = images.reshape(len(images), -1).astype(np.float32)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-6)
