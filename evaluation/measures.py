"""What can be measured of a set of images beside a reference set, by name.

Each measure is a function of two `Sample`s of equally many images, the reference and
the one that is measured, and a seed; it returns a dict of columns to numbers.
"""

import dataclasses

import numpy as np

from evaluation import diversity, feature_distances
from features import wasserstein


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some images of a set.

    Attributes:
      images: uint8 [images, size, size].
      labels: int64 [images].
      features: float32 [images, features], or None where no measure wants them.
    """

    images: np.ndarray
    labels: np.ndarray
    features: np.ndarray | None = None


def sliced_wasserstein(reference, sample, seed):
    """Distance at each level of the pyramid, in pixels, and their mean; times 1,000."""
    levels = wasserstein.sliced_wasserstein(reference.images, sample.images, seed)
    columns = {f"SWD {size} px": distance for size, distance in levels.items()}
    return {**columns, "SWD mean": float(np.mean([*levels.values()]))}


def ms_ssim(reference, sample, seed):
    """Likeness of the sample's images to each other, not to the reference."""
    del reference
    similarity = diversity.mean_similarity(sample.images, sample.labels, seed)
    return {"MS-SSIM": similarity}


def kid(reference, sample, seed):
    """Kernel distance of the features, times 1,000."""
    distance = feature_distances.kernel_distance(
        reference.features, sample.features, seed
    )
    return {"KID": 1e3 * distance}


def fid(reference, sample, seed):
    """Frechet distance of the features."""
    del seed
    return {
        "FID": feature_distances.frechet_distance(reference.features, sample.features)
    }


def precision_recall(reference, sample, seed):
    """Improved precision and recall of the features, from 0 to 1."""
    del seed
    precision, recall = feature_distances.precision_recall(
        reference.features, sample.features
    )
    return {"Precision": precision, "Recall": recall}


MEASURES = {
    "swd": sliced_wasserstein,
    "ms_ssim": ms_ssim,
    "kid": kid,
    "fid": fid,
    "precision_recall": precision_recall,
}
OF_FEATURES = {"kid", "fid", "precision_recall"}
