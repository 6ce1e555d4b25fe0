"""A run of a setup: predictions of every test image, in one file or in one per fold.

In cross-validation the chain runs once per fold, without that fold's patients, and each
fold's detector predicts their images alone. The folds of a run together have each
patient once, in as many files as there are detectors.
"""

import dataclasses
import functools

import numpy as np

from dataset.shards import UserError
from evaluation.predictions import Predictions, check_same_images, read_predictions


@dataclasses.dataclass(frozen=True)
class Run:
    """The predictions of the detectors of one seed; images in the order of the folds.

    Attributes:
      folds: list of `Predictions`, one per detector.
      chain: number of the chain that the detectors' images are from.
    """

    folds: list[Predictions]
    chain: int = 0

    @property
    def path(self):
        """The files, joined by commas."""
        return ",".join(fold.path for fold in self.folds)

    @property
    def patients(self):
        """Patient of each image, list of str."""
        return [patient for fold in self.folds for patient in fold.patients]

    @functools.cached_property
    def labels(self):
        """The truth, int64 [images]."""
        return np.concatenate([fold.labels for fold in self.folds])

    @functools.cached_property
    def probabilities(self):
        """Of being a tumor image, by the detector of its fold: float64 [images]."""
        return np.concatenate([fold.probabilities for fold in self.folds])

    @functools.cached_property
    def fold(self):
        """Number of each image's fold, int [images]."""
        sizes = [len(fold.labels) for fold in self.folds]
        return np.repeat(np.arange(len(sizes)), sizes)


def read_run(paths, chain=0):
    """Reads the files of a run, one per fold.

    Raises:
      UserError: a file is wrong, or a patient or an image is in two of them.
    """
    run = Run([read_predictions(path) for path in paths], chain)
    for kind in ("patient", "id"):
        seen = {}
        for fold in run.folds:
            names = fold.patients if kind == "patient" else fold.ids
            for name in dict.fromkeys(filter(None, names)):
                if name in seen:
                    raise UserError(
                        f"{fold.path}: {kind} {name!r} is in {seen[name]}, too;"
                        " expected each patient in one fold alone."
                    )
                seen[name] = fold.path
    return run


def check_same_folds(runs):
    """Refuses runs that are not of the same images, fold by fold.

    Raises:
      UserError: names two files and what differs.
    """
    first = runs[0]
    for other in runs[1:]:
        if len(other.folds) != len(first.folds):
            raise UserError(
                f"--rows: {other.path} is of {len(other.folds)} folds, but {first.path}"
                f" of {len(first.folds)}; expected the same folds in every row."
            )
    for folds in zip(*(run.folds for run in runs)):
        check_same_images(folds)
