"""Uncertainty over patients: a bootstrap (Efron, 1979) that draws patients, not images.

Slices of one patient are alike, so that images are less evidence than their number
says. A draw takes as many patients as there are, with replacement, each with all of its
images; an interval is from the 2.5th to the 97.5th percentile over the draws. Patients
of all folds are drawn together and stay with the detector that has not seen them.

Sensitivity at a given specificity is a point of the empirical ROC curve. Every detector
is a network of its own, and 0.5 of one may be 0.3 of another: at a fixed threshold two
of them differ in their points on their ROC curves, too; at equal specificity not.

With n non-tumor images and specificity s, (1 - s) n of them may be called tumor. Let t
be the highest score with more than that many at or above it. Above t every image is
called tumor. Of those at t, which only chance could order, the part L is:

    L = ((1 - s) n - #{non-tumor above t}) / #{non-tumor at t}
    sensitivity = (#{tumor above t} + L #{tumor at t}) / #{tumor}

So the specificity is s, no more and no less, whatever the ties. This is the height of
the empirical ROC curve, with the straight lines between its points whose area is the
AUC, at 1 - s; where it is vertical, its upper end.
"""

import dataclasses

import numpy as np

from dataset.records import own_patients

# Even if all of five patients agree, a two-sided sign test over them has p = 0.06.
MIN_PATIENTS = 6


@dataclasses.dataclass(frozen=True)
class PatientDraws:
    """Draws of patients, the same for all rows of a table: so rows can be compared."""

    owner: np.ndarray  # Number of each image's patient, int [images].
    counts: np.ndarray  # How often a patient is in a draw, float64 [draws, patients].
    fold: np.ndarray  # Of each image, int [images]; a patient is in one of them.

    @property
    def num_patients(self):
        return self.counts.shape[1]

    def _numbers(self, images):
        """How many of some images, bool [images], are in each draw: float64 [draws]."""
        return self.counts @ np.bincount(
            self.owner[images], minlength=self.num_patients
        )

    def means(self, values, positions):
        """Mean of values, float [images], over some positions in each draw.

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
            own = self.fold == fold
            pairs += self._numbers(own & (labels == 0)) * self._numbers(
                own & (labels == 1)
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
        fold of which a draw has no such image is not in that draw. Arguments and result
        as of `areas`.
        """
        called, tumor = np.zeros([2, len(self.counts)])
        for fold in np.unique(self.fold):
            own = self.fold == fold
            patients, owner = np.unique(self.owner[own], return_inverse=True)
            counts = self.counts[:, patients]
            found = [
                tumor_images_called(labels[own], run[own], owner, counts, specificity)
                for run in runs
            ]
            has_rivals = self._numbers(own & (labels == 0)) > 0
            called += np.mean(found, axis=0) * has_rivals
            tumor += self._numbers(own & (labels == 1)) * has_rivals
        with np.errstate(invalid="ignore"):
            return called / tumor


def number_patients(patients):
    """Numbers patients; an image without one ("") is a patient of its own.

    Returns:
      The number of patients, and that of each image's patient, int [images].
    """
    names, owner = np.unique(own_patients(patients), return_inverse=True)
    return len(names), owner


def draw_patients(patients, num_draws, seed, fold=None):
    """`PatientDraws` of each image's patient and fold, int [images]; None for one."""
    total, owner = number_patients(patients)
    chances = np.full(total, 1 / total)
    counts = np.random.default_rng(seed).multinomial(total, chances, num_draws)
    fold = np.zeros(len(owner), int) if fold is None else fold
    return PatientDraws(owner, counts.astype(np.float64), fold)


def percentile_interval(draws):
    """95 % interval of a measure over draws, float [draws], but for NaNs.

    A dict of `patients_low` and `patients_high`; of None if no draw has a value.
    """
    known = draws[~np.isnan(draws)]
    ends = np.percentile(known, [2.5, 97.5]).tolist() if len(known) else [None] * 2
    return dict(zip(("patients_low", "patients_high"), ends))


def tumor_images_called(labels, scores, owner, counts, specificity):
    """How many tumor images a detector finds at a specificity, for each draw.

    Args:
      labels: int [images], 0 non-tumor, 1 tumor.
      scores: of one detector, float [images], higher for tumor.
      owner: number of each image's patient, int [images].
      counts: how often each patient is in each draw, float [draws, patients].
      specificity: in [0, 1].

    Returns:
      float64 [draws]; the number of all tumor images in draws without non-tumor ones.
    """
    tumor, patients = labels == 1, counts.shape[1]
    levels = np.unique(-scores[~tumor])  # Ascending: the highest score first.

    def counted(owner, index):
        """Images per patient whose index is at most a level's."""
        table = np.zeros([patients, len(levels) + 1])
        np.add.at(table, (owner, index), 1)
        return table.cumsum(1)

    rivals = counted(owner[~tumor], np.searchsorted(levels, -scores[~tumor]))
    found, tied = (
        counted(owner[tumor], np.searchsorted(levels, -scores[tumor], side))
        for side in ("right", "left")
    )
    at_or_above = counts @ rivals[:, :-1]  # [draws, levels]
    # Weights are whole numbers, (1 - 0.9) * 10 is not: it is a little less than 1.
    allowed = np.round((1 - specificity) * (counts @ rivals[:, -1]), 9)
    level = (at_or_above <= allowed[:, None]).sum(1)  # [draws]

    def per_draw(table):
        """Images, of all patients, at each draw's level: float64 [draws]."""
        return (counts * table.T[level]).sum(1)

    above = per_draw(np.pad(rivals, ((0, 0), (1, 0))))
    at = per_draw(rivals) - above
    part = np.divide(allowed - above, at, out=np.zeros_like(at), where=at > 0)
    return per_draw(found) + part * (per_draw(tied) - per_draw(found))
