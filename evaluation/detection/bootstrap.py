"""Uncertainty over patients: a bootstrap (Efron, 1979) that draws patients, not images.

Slices of one patient are alike, so that images are less evidence than their number
says. A draw takes as many patients as there are, with replacement, each with all of its
images; an interval is from the 2.5th to the 97.5th percentile over the draws. Patients
of all folds are drawn together and stay with the detector that has not seen them.
"""

import dataclasses

import numpy as np

from evaluation.detection.rankings import tumor_images_called
from evaluation.statistics import number_patients

# Even if all of five patients agree, a two-sided sign test over them has p = 0.06.
MIN_PATIENTS = 6


@dataclasses.dataclass(frozen=True)
class PatientDraws:
    """Draws of patients, the same for all rows of a table, which makes rows comparable.

    Attributes:
      owner: number of each image's patient, int [images].
      counts: how often each patient is in each draw, float64 [draws, patients].
      fold: number of each image's fold, int [images]; a patient is in one of them.
    """

    owner: np.ndarray
    counts: np.ndarray
    fold: np.ndarray

    @property
    def num_patients(self):
        return self.counts.shape[1]

    def _numbers(self, images):
        """How many of some images, bool [images], are in each draw: float64 [draws]."""
        return self.counts @ np.bincount(
            self.owner[images], minlength=self.num_patients
        )

    def means(self, values, positions):
        """Mean over some images in each draw.

        Args:
          values: float [images].
          positions: int, which of the images count.

        Returns:
          float64 [draws], NaN where a draw has none of the images.
        """
        owner, size = self.owner[positions], self.num_patients
        sums = self.counts @ np.bincount(owner, values[positions], size)
        with np.errstate(invalid="ignore"):
            return sums / (self.counts @ np.bincount(owner, minlength=size))

    def areas(self, labels, runs):
        """Area under the ROC curve in each draw, mean of some runs.

        It is the part of all pairs of a tumor and a non-tumor image that the tumor
        image wins (Mann and Whitney, 1947), ties being half won; so it suffices to know
        how many pairs are won between each two patients. Pairs are of one fold: scores
        of two detectors share no scale (Forman and Scholz, 2010).

        Args:
          labels: int [images].
          runs: list of the probabilities of a run, float [images].

        Returns:
          float64 [draws], NaN where a draw has images of one label only.
        """
        won = np.mean([self._pairs_won(labels == 1, run) for run in runs], axis=0)
        pairs = 0
        for fold in np.unique(self.fold):
            here = self.fold == fold
            pairs += self._numbers(here & (labels == 0)) * self._numbers(
                here & (labels == 1)
            )
        with np.errstate(invalid="ignore"):
            return ((self.counts @ won) * self.counts).sum(1) / pairs

    def _pairs_won(self, is_tumor, probabilities):
        """Of patient i's tumor and j's non-tumor images: float [patients, patients]."""
        won = np.zeros([self.num_patients] * 2)
        for patient in np.unique(self.owner[~is_tumor]):
            own = self.owner == patient
            rivals = np.sort(probabilities[~is_tumor & own])
            tumor = is_tumor & (self.fold == self.fold[own][0])
            below = [
                np.searchsorted(rivals, probabilities[tumor], side)
                for side in ("left", "right")
            ]
            won[:, patient] = np.bincount(
                self.owner[tumor], np.mean(below, axis=0), self.num_patients
            )
        return won

    def sensitivities(self, labels, runs, specificity):
        """Sensitivity at a specificity in each draw, mean of some runs.

        Each detector has the specificity on the draw's non-tumor images of its fold; a
        fold of which a draw has no such image is not in that draw.

        Args:
          labels: int [images].
          runs: list of the probabilities of a run, float [images].
          specificity: in [0, 1].

        Returns:
          float64 [draws], NaN where a draw has images of one label only.
        """
        called, tumor = np.zeros([2, len(self.counts)])
        for fold in np.unique(self.fold):
            here = self.fold == fold
            patients, owner = np.unique(self.owner[here], return_inverse=True)
            counts = self.counts[:, patients]
            found = [
                tumor_images_called(labels[here], run[here], owner, counts, specificity)
                for run in runs
            ]
            has_rivals = self._numbers(here & (labels == 0)) > 0
            called += np.mean(found, axis=0) * has_rivals
            tumor += self._numbers(here & (labels == 1)) * has_rivals
        with np.errstate(invalid="ignore"):
            return called / tumor


def draw_patients(patients, num_draws, seed, fold=None):
    """Draws patients; an image without one ("") is a patient of its own.

    Args:
      patients: patient of each image.
      num_draws: how often.
      seed: of the draws.
      fold: number of each image's fold, int [images]; None for a single one.

    Returns:
      `PatientDraws`.
    """
    total, owner = number_patients(patients)
    chances = np.full(total, 1 / total)
    counts = np.random.default_rng(seed).multinomial(total, chances, num_draws)
    fold = np.zeros(len(owner), int) if fold is None else fold
    return PatientDraws(owner, counts.astype(np.float64), fold)


def percentile_interval(draws):
    """95 % interval of a measure over draws; draws without a value are left out.

    Args:
      draws: float [draws].

    Returns:
      A dict of `patients_low` and `patients_high`; of None if no draw has a value.
    """
    known = draws[~np.isnan(draws)]
    ends = np.percentile(known, [2.5, 97.5]).tolist() if len(known) else [None] * 2
    return dict(zip(("patients_low", "patients_high"), ends))
