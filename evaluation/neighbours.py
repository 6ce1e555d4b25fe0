"""The training image that is most like an image, moved or mirrored as it may be.

Likeness is the correlation of pixels, which brightness and contrast do not change. Two
steps find it: all training images at 32 px, then the best few at up to 64 px. Both try
the image and its mirror image moved by up to 1/32 of its size, both ways, as far as
PGGAN's random crops move an image from the middle (8 of 256 px).
"""

import dataclasses

import cv2
import numpy as np

COARSE, FINE = 32, 64
SHORT_LIST = 8


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """The nearest training image of one image.

    Attributes:
      position: in the training images.
      distance: 1 - correlation: 0 for a copy, 1 for images that have nothing in common.
      mirrored: whether the image was mirrored for it.
      shift: by how much the image was moved for it, (down, right), as parts of its
        size.
    """

    position: int
    distance: float
    mirrored: bool
    shift: tuple


class NearestImages:
    """Finds nearest images among training images.

    Args:
      images: uint8 [images, size, size].
    """

    def __init__(self, images):
        self._coarse = unit_vectors(shrink(images, COARSE))
        self._fine = unit_vectors(shrink(images, FINE))

    def search(self, images, exclude=None):
        """Yields the `Neighbour` of each image.

        Args:
          images: uint8 [images, size, size].
          exclude: of each image, a training image that is none: itself.
        """
        best = np.full([len(images), len(self._coarse)], -1.0, np.float32)
        for variant, _, _ in variants(shrink(images, COARSE), steps=1):
            np.maximum(best, unit_vectors(variant) @ self._coarse.T, out=best)
        if exclude is not None:
            best[np.arange(len(images)), exclude] = -np.inf
        short = min(SHORT_LIST, best.shape[1] - (exclude is not None))
        lists = np.argpartition(-best, short - 1, axis=1)[:, :short]
        for image, short_list in zip(shrink(images, FINE), lists):
            yield self._closest(image, short_list)

    def _closest(self, image, short_list):
        """The `Neighbour` among some training images, for one [fine, fine] image."""
        moved, mirrored, shifts = zip(*variants(image[None], steps=2))
        vectors = unit_vectors(np.concatenate(moved))
        correlations = vectors @ self._fine[short_list].T
        n, which = np.unravel_index(np.argmax(correlations), correlations.shape)
        return Neighbour(
            position=int(short_list[which]),
            distance=max(0.0, 1.0 - float(correlations[n, which])),
            mirrored=mirrored[n],
            shift=tuple(step / len(image) for step in shifts[n]),
        )


def shrink(images, size):
    """Images of at most `size` px, by mean of areas, and a little blurred.

    Unblurred, noise that an eye hardly sees makes two slices of one patient as unlike
    as those of two patients.

    Args:
      images: uint8 [images, height, height].
      size: in pixels.

    Returns:
      float32 [images, at most size, at most size].
    """
    size = min(size, images.shape[1])
    shrunk = [
        cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        for image in images.astype(np.float32)
    ]
    sigma = size / FINE  # In pixels; one at 64 px.
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in shrunk])


def variants(images, steps):
    """Yields images moved by up to `steps` px both ways, mirrored and not.

    Args:
      images: float32 [images, size, size].
      steps: largest shift.

    Yields:
      (float32 [images, size, size], whether mirrored, (down, right)).
    """
    size = images.shape[1]
    padded = np.pad(images, [(0, 0), (steps, steps), (steps, steps)])
    for mirrored in (False, True):
        source = padded[:, :, ::-1] if mirrored else padded
        for down in range(-steps, steps + 1):
            for right in range(-steps, steps + 1):
                top, left = steps - down, steps - right
                moved = source[:, top : top + size, left : left + size]
                yield moved, mirrored, (down, right)


def unit_vectors(images):
    """[images, size, size] to float32 [images, size * size] of mean 0 and length 1.

    The product of two is their correlation. Constant images are 0.
    """
    vectors = images.reshape(len(images), -1).astype(np.float32)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-6)
