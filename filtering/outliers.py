"""Outlier scores: distance to real images, relative to how far those lie apart."""

import numpy as np
import pandas as pd
from sklearn.metrics import euclidean_distances

from dataset.errors import UserError
from dataset.records import own_patients

CHUNK = 1024
# Slices of one patient are alike, so a percentile over all images would reflect few
# scanners. A score of 1 covers 95 % of a patient's images, in nine of ten patients.
SHARE_OF_IMAGES, SHARE_OF_PATIENTS = 0.95, 0.9


class RealImages:
    """Real images to compare with.

    Args:
      features: float32 [real images, num_features].
      patients: their patients, texts; an image without one is its own patient.
      blocks: {name: slice} of the features; distances are within blocks.

    Raises:
      UserError: the images are of one patient only.
    """

    def __init__(self, features, patients, blocks):
        patients = own_patients(patients)
        self._known = pd.Index(patients).unique()
        if len(self._known) < 2:
            raise UserError(
                "--reference_dir: images of one patient, expected two or more: images"
                " of one patient are too alike to tell how much real ones differ."
            )
        self._patients = self._known.get_indexer(patients)
        self._features, self._blocks = features, list(blocks.values())
        distances = self._distances(features, self._patients)
        self._units = [self._limit(block) for block in distances.T]
        self._limit_of_all = self._limit((distances / self._units).max(axis=1))

    def score(self, features, patients):
        """Outlier scores, float64 [images]: distances to the nearest real image.

        The largest over the blocks counts; 1 is the limit of real images. Images of the
        same patient are not compared.

        Args:
          features: float32 [images, num_features].
          patients: texts, empty where an image is of no patient.
        """
        distances = self._distances(features, self._known.get_indexer(patients))
        return (distances / self._units).max(axis=1) / self._limit_of_all

    def _distances(self, features, patients):
        """To the nearest real image of another patient, float64 [images, blocks]."""
        nearest = np.empty([len(features), len(self._blocks)])
        for start in range(0, len(features), CHUNK):
            rows = slice(start, start + CHUNK)
            same = patients[rows, None] == self._patients
            for column, block in enumerate(self._blocks):
                distances = euclidean_distances(
                    features[rows, block], self._features[:, block]
                )
                distances[same] = np.inf
                nearest[rows, column] = distances.min(axis=1)
        return nearest

    def _limit(self, distances):
        """The distance that covers most images of most patients."""
        limits = [
            np.quantile(distances[self._patients == number], SHARE_OF_IMAGES)
            for number in range(len(self._known))
        ]
        limit = np.quantile(limits, SHARE_OF_PATIENTS, method="higher")
        return max(limit, 1e-6)  # Identical images have no distance.
