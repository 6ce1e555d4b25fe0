"""Brings 2-D images of any size and depth to square 8-bit ones.

What a detector is trained on and what it is given later go through the same functions,
`ImageSettings.read`, `levels` and `scale_image`.
"""

import dataclasses

import cv2
import numpy as np

from dataset.errors import UserError
from dataset.image_files import read_image
from dataset.splits import detail_levels

AS_IS, PERCENTILES, WINDOW = INTENSITIES = ("as_is", "percentiles", "window")
BLOCKS = 48  # By which images are told from each other, in either direction.
FOREGROUND = 0.1  # Of the way from the darkest value to the 99th percentile.


@dataclasses.dataclass(frozen=True)
class ImageSettings:
    """How images are made from files; flags of the same names explain each."""

    image_size: int = 0
    channel: str = ""
    intensities: str = PERCENTILES
    window: tuple[float, ...] = ()
    lower_percentile: float = 0.5
    upper_percentile: float = 99.5

    def __post_init__(self):
        check_percentiles(self.lower_percentile, self.upper_percentile)
        if self.image_size and self.image_size < 8:
            raise UserError(
                f"--image_size={self.image_size}: expected 8 pixels at least, or 0 for"
                " the files' own size."
            )
        given = ",".join(map(str, self.window))
        if (self.intensities == WINDOW) != bool(self.window):
            raise UserError(
                f"--intensities={self.intensities} --window={given}: expected"
                f" --window=low,high with --intensities={WINDOW}, and only there."
            )
        if self.window and not (
            len(self.window) == 2 and self.window[0] < self.window[1]
        ):
            raise UserError(f"--window={given}: expected two numbers, low,high.")

    def read(self, path):
        """An image as `image_files.read_image` gives it.

        Raises:
          UserError: also for values that these settings cannot bring to 8 bits.
        """
        image = read_image(path, self.channel)
        if self.intensities == AS_IS and image.dtype != np.uint8:
            raise UserError(
                f"{path}: {image.dtype} values from {image.min():g} to"
                f" {image.max():g}; expected 8 bits with --intensities={AS_IS}, or"
                f" --intensities={PERCENTILES}, or {WINDOW} with --window=low,high."
            )
        return image


def check_percentiles(lower, upper):
    """Refuses two percentiles that are none or are not in order."""
    if not 0 <= lower < upper <= 100:
        raise UserError(
            f"--lower_percentile={lower} --upper_percentile={upper}: expected"
            " 0 <= lower < upper <= 100."
        )


def foreground_level(images):
    """The value above which a pixel is no background: air is dark, and a bit noisy.

    A tenth of the way from the darkest value of all images to their 99th percentile.

    Args:
      images: a list of arrays [rows, columns].
    """
    values = np.concatenate([image.ravel() for image in images])
    low, high = np.percentile(values, (0, 99))
    return float(low + FOREGROUND * (high - low))


def other_bits(images, settings):
    """What is wrong with images of other bits than the first, all of one patient.

    The percentiles of both together would make one kind of them black.

    Args:
      images: {path: array [rows, columns]}.
      settings: `ImageSettings`.

    Returns:
      {path: fault}.
    """
    if settings.intensities != PERCENTILES:
        return {}
    first = next(iter(images), None)
    return {
        path: f"{path}: {image.dtype} values, expected {images[first].dtype} as in"
        f" {first}, of the same patient, for --intensities={PERCENTILES}."
        for path, image in images.items()
        if image.dtype.itemsize != images[first].dtype.itemsize
    }


def levels(images, settings):
    """The values that become 0 and 255 in all of one patient's images.

    Args:
      images: a list of arrays [rows, columns].
      settings: `ImageSettings`.

    Returns:
      Two floats; equal where images have no contrast.
    """
    if settings.intensities == AS_IS:
        return 0.0, 255.0
    if settings.intensities == WINDOW:
        return tuple(settings.window)
    threshold = foreground_level(images)
    values = np.concatenate([image[image > threshold] for image in images])
    if not len(values):
        return threshold, threshold
    percentiles = (settings.lower_percentile, settings.upper_percentile)
    return tuple(map(float, np.percentile(values, percentiles)))


def scale_image(image, low, high, image_size):
    """A square 8-bit image: scaled, padded with 0, area-averaged.

    Args:
      image: [rows, columns].
      low: value that becomes 0, as do those below.
      high: value that becomes 255, as do those above.
      image_size: of the result; larger than the padded image: bilinear. 0: as that.

    Returns:
      uint8 [image_size, image_size].
    """
    rows, columns = image.shape
    side = max(rows, columns)
    top, left = (side - rows) // 2, (side - columns) // 2
    square = np.zeros((side, side), np.float32)
    share = (image.astype(np.float32) - low) / (high - low)
    square[top : top + rows, left : left + columns] = np.clip(share, 0, 1) * 255
    if image_size not in (0, side):
        method = cv2.INTER_AREA if image_size < side else cv2.INTER_LINEAR
        square = cv2.resize(square, (image_size, image_size), interpolation=method)
    return np.round(square).astype(np.uint8)


def fingerprint(image, low, high):
    """What tells an image from others: its pattern of light and dark.

    Means of 48 x 48 blocks, square roots so that a change of contrast counts less, less
    their surroundings (Gaussian, 2 blocks). Slices of two of 60 patients, with skull,
    correlate by 0.83 at most, of two of ten without skull by 0.86; a slice with itself
    as JPEG of quality 60, smaller or of another contrast by 0.97 and more, nine times
    of ten. See `splits.similar_pairs`.

    Args:
      image: [rows, columns].
      low: value of black, see `levels`.
      high: value of white.

    Returns:
      int8 [blocks].
    """
    blocks = np.sqrt(scale_image(image, low, high, BLOCKS).astype(np.float32))
    detail = blocks - cv2.GaussianBlur(blocks, (0, 0), 2)
    return detail_levels(detail, detail.std())
