"""What can be measured of a set of images beside a reference set, by name.

Each measure is a function of two `Sample`s of equally many images, the reference and
the one that is measured, and a seed; it returns a dict of columns to numbers.
"""

import dataclasses

import numpy as np

from evaluation import wasserstein


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some images of a set.

    Attributes:
      images: uint8 [images, size, size].
      features: float32 [images, features], or None where no measure wants them.
    """

    images: np.ndarray
    features: np.ndarray | None = None


def sliced_wasserstein(reference, sample, seed):
    """Distance at each level of the pyramid, in pixels, and their mean; times 1,000."""
    levels = wasserstein.sliced_wasserstein(reference.images, sample.images, seed)
    columns = {f"SWD {size} px": distance for size, distance in levels.items()}
    return {**columns, "SWD mean": float(np.mean([*levels.values()]))}


MEASURES = {"swd": sliced_wasserstein}
