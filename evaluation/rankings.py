"""What the order of a detector's scores says, whatever their threshold.

Only images that one detector has judged are ordered, those of a fold: the scores of two
networks share no scale. So the AUC of several folds is the part of the pairs of a tumor
and a non-tumor image of one fold that the tumor image wins (Forman and Scholz, 2010,
https://doi.org/10.1145/1882471.1882479), and each detector has its own threshold.
"""

import dataclasses

import numpy as np
from sklearn.metrics import roc_auc_score

from evaluation.operating_point import tumor_images_called

RANKINGS = ("auc", "sensitivity_at_specificity")


@dataclasses.dataclass(frozen=True)
class Ranking:
    """A measure of the order of scores.

    Attributes:
      of_folds: of each detector, float64 [runs, folds].
      of_runs: of all folds of a run together, float64 [runs].
      chains: number of each run's chain, int [runs].
      drawn: mean of the runs in each draw of patients, float64 [draws].
    """

    of_folds: np.ndarray
    of_runs: np.ndarray
    chains: np.ndarray
    drawn: np.ndarray

    def by_chain(self):
        """Mean over the runs of a chain: a dict of floats by the chain's number."""
        return {
            int(chain): float(self.of_runs[self.chains == chain].mean())
            for chain in np.unique(self.chains)
        }


def measure_rankings(runs, specificity, draws):
    """The `Ranking`s of a setup by name.

    Args:
      runs: list of `Run`s.
      specificity: at which the sensitivity is measured, in [0, 1].
      draws: `PatientDraws` of the same images.
    """
    labels, probabilities = runs[0].labels, [run.probabilities for run in runs]
    tumor = np.array([(fold.labels == 1).sum() for fold in runs[0].folds])
    sizes = np.array([len(fold.labels) for fold in runs[0].folds])
    areas, sensitivities = (
        np.array([[measure(fold) for fold in run.folds] for run in runs])
        for measure in (area, lambda fold: sensitivity_at(fold, specificity))
    )
    chains = np.array([run.chain for run in runs])
    return {
        "auc": Ranking(
            areas,
            _mean(areas, tumor * (sizes - tumor)),  # By pairs.
            chains,
            draws.areas(labels, probabilities),
        ),
        "sensitivity_at_specificity": Ranking(
            sensitivities,
            _mean(sensitivities, tumor),
            chains,
            draws.sensitivities(labels, probabilities, specificity),
        ),
    }


def _mean(of_folds, weights):
    # Weights first: that of a single fold is exactly 1.
    return (of_folds * (weights / weights.sum())).sum(1)


def area(predictions):
    """Area under the ROC curve of one detector."""
    return roc_auc_score(predictions.labels, predictions.probabilities)


def sensitivity_at(predictions, specificity):
    """Sensitivity of one detector at a specificity on its own non-tumor images."""
    labels, scores = predictions.labels, predictions.probabilities
    owner, once = np.zeros(len(labels), int), np.ones([1, 1])
    called = tumor_images_called(labels, scores, owner, once, specificity)
    return called[0] / (labels == 1).sum()
