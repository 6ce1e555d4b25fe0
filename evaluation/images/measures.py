"""What can be measured of a set of images beside a reference set, by name.

Each measure is a function of two `Sample`s of equally many images, the reference and
the one that is measured, and a seed; it returns a dict of columns to numbers.
"""

import dataclasses

import numpy as np
import tqdm

from evaluation.images import distances
from features import wasserstein
from features.extraction import BATCH_SIZE, build_extractor


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some images of a set.

    Attributes:
      images: uint8 [images, size, size].
      labels: int64 [images].
      features: float32 [images, features], or None where no measure needs them.
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
    similarity = distances.mean_similarity(sample.images, sample.labels, seed)
    return {"MS-SSIM": similarity}


def kid(reference, sample, seed):
    """Kernel distance of the features, times 1,000."""
    distance = distances.kernel_distance(reference.features, sample.features, seed)
    return {"KID": 1e3 * distance}


def fid(reference, sample, seed):
    """Frechet distance of the features."""
    del seed
    return {"FID": distances.frechet_distance(reference.features, sample.features)}


def precision_recall(reference, sample, seed):
    """Improved precision and recall of the features, from 0 to 1."""
    del seed
    precision, recall = distances.precision_recall(reference.features, sample.features)
    return {"Precision": precision, "Recall": recall}


MEASURES = {
    "swd": sliced_wasserstein,
    "ms_ssim": ms_ssim,
    "kid": kid,
    "fid": fid,
    "precision_recall": precision_recall,
}
OF_FEATURES = {"kid", "fid", "precision_recall"}


def extractor_of(settings):
    """The extractor that flags ask for; see `features.extraction.build_extractor`."""
    return build_extractor(
        settings["backbone"],
        settings["weights"],
        image_size=settings["feature_size"],
        seed=settings["seed"],
    )


class SampleReader:
    """Reads `Sample`s of image sets.

    Args:
      size: to which images are zero-padded, in pixels.
      extractor: see `features.extraction.build_extractor`; None for no features.
      real: `ImageSet` that gives features that have units of their own a common one.
    """

    def __init__(self, size, extractor, real):
        self._size = size
        self._extractor = extractor
        self._features = {}
        self._offset, self._scale = 0.0, 1.0
        if extractor and hasattr(extractor, "blocks"):
            everything = self.features(real, range(len(real)))
            self._offset = everything.mean(axis=0)
            self._scale = block_scale(everything, extractor.blocks)

    def read(self, images, positions):
        """The `Sample` of some positions of an `ImageSet`."""
        features = self.features(images, positions) if self._extractor else None
        pixels = images.read(positions, self._size)
        return Sample(pixels, images.labels[positions], features)

    def features(self, images, positions):
        """Features of some positions of an `ImageSet`, float32 [positions, features].

        Those of hand-made descriptors have mean 0 over the real images, and every block
        of them has the same part of the variance.
        """
        known = self._features.setdefault(images.name, {})
        missing = [n for n in positions if n not in known]
        starts = range(0, len(missing), BATCH_SIZE)
        title = f"features of {images.name}"
        for start in tqdm.tqdm(starts, title, leave=False, disable=not missing):
            some = missing[start : start + BATCH_SIZE]
            batch = images.read(some, self._size)[..., None]
            known.update(zip(some, self._extractor(batch).numpy()))
        raw = np.stack([known[n] for n in positions])
        return (raw - self._offset) / self._scale


def block_scale(features, blocks):
    """By what to divide features so that every block varies as much in all.

    Args:
      features: float32 [images, features].
      blocks: dict of names to slices of the features.

    Returns:
      float32 [features]; the variances of what is divided by it have the mean 1.
    """
    variances = features.var(axis=0)
    scale = np.empty_like(variances)
    for block in blocks.values():
        share = len(variances) / len(blocks)
        scale[block] = np.sqrt(max(variances[block].sum(), 1e-8) / share)
    return scale
