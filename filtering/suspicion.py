"""How far images are from real ones, in units of how far those are from each other."""

import numpy as np
from sklearn.metrics import euclidean_distances

from dataset.shards import UserError

CHUNK = 1024
# Real images end where 95 % of a patient's images are, in nine of ten patients: slices
# of one patient are alike, so that a percentile of all images would know few scanners.
SHARE_OF_IMAGES, SHARE_OF_PATIENTS = 0.95, 0.9


class RealImages:
    """Real images to compare with.

    Args:
      features: float32 [real images, num_features].
      patients: their patients, list of texts; an empty one is a patient of its own.
      blocks: {name: slice} of the features; distances are within blocks.

    Raises:
      UserError: the images are of one patient only.
    """

    def __init__(self, features, patients, blocks):
        self._numbers = {}
        patients = [patient or f"#{n}" for n, patient in enumerate(patients)]
        if len(set(patients)) < 2:
            raise UserError(
                "--reference_dir: images of one patient only; wanted two or more, since"
                " images of one patient are too alike to tell how far real ones differ."
            )
        self._features, self._blocks = features, list(blocks.values())
        self._patients = self._number(patients)
        distances = self._distances(features, self._patients)
        self._units = [self._limit(block) for block in distances.T]
        self._limit_of_all = self._limit((distances / self._units).max(axis=1))

    def suspicion(self, features, patients):
        """Distance to the nearest real image: 1 is where real images end.

        It is that of the block in which it is largest. Images of the same patient are
        not compared.

        Args:
          features: float32 [images, num_features].
          patients: list of texts, empty where no patient stands behind an image.

        Returns:
          float64 [images].
        """
        distances = self._distances(features, self._number(patients))
        return (distances / self._units).max(axis=1) / self._limit_of_all

    def _number(self, patients):
        known = self._numbers
        return np.array(
            [known.setdefault(p, len(known)) if p else -1 for p in patients]
        )

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
        """Where the real images' own distances end."""
        limits = [
            np.quantile(distances[self._patients == number], SHARE_OF_IMAGES)
            for number in np.unique(self._patients)
        ]
        limit = np.quantile(limits, SHARE_OF_PATIENTS, method="higher")
        return max(limit, 1e-6)  # Copies of one image have none.
