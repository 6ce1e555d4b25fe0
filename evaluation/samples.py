"""Images of a set with their features, each of which is computed once."""

import numpy as np
import tqdm

from evaluation.measures import Sample
from features.extraction import BATCH_SIZE, build_extractor


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
