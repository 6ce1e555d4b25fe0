"""What the order of a detector's scores says, whatever their threshold.

Only the images of one detector are ordered, those of a fold: the scores of two networks
share no scale. So the AUC of several folds is the part of the pairs of a tumor and a
non-tumor image of one fold that the tumor image wins (Forman and Scholz, 2010,
https://doi.org/10.1145/1882471.1882479), and each detector has its own threshold.

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
from sklearn.metrics import roc_auc_score

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
