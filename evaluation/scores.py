"""What the detectors of a row achieve, and its uncertainty.

Tumor is the positive class: sensitivity is the part of the tumor images that are called
tumor, specificity the part of the non-tumor images that are not. AUC and sensitivity at
a given specificity go by the order of a detector's scores, whatever their threshold
(`evaluation.bootstrap`).

Only the images of one detector are ordered, those of a fold: the scores of two networks
share no scale. So the AUC of several folds is the part of the pairs of a tumor and a
non-tumor image of one fold that the tumor image wins (Forman and Scholz, 2010,
https://doi.org/10.1145/1882471.1882479), and each detector has its own threshold.
"""

import dataclasses

import numpy as np
from sklearn.metrics import roc_auc_score

from dataset.records import LABEL_NAMES
from evaluation.bootstrap import percentile_interval, tumor_images_called
from evaluation.statistics import wilson_interval

METRICS = ("accuracy", "sensitivity", "specificity")
RANKINGS = ("auc", "sensitivity_at_specificity")
PAPER_BATCH_SIZE = 32


def images_per_metric(labels, protocol):
    """The images that each metric is measured on, by their position.

    Every sensitivity in Table 1 of Han et al. (2019) is a multiple of 1/2432, every
    specificity of 1/1984 and every accuracy but one of 1/4480. With 1,232 tumor and
    1,013 non-tumor test images these are 2 x 1216, 2 x 992 and 2 x 2240: the mean of
    two runs, each a pass in batches of 32 over the images in question that drops what
    does not fill a batch. So the accuracy is over more images than the other two
    together. `paper` does the same: the last n % 32 images of each pass are dropped.

    Args:
      labels: int [images], 0 non-tumor, 1 tumor.
      protocol: `full` (every image counts) or `paper`.

    Returns:
      A dict of int arrays by metric, empty where no batch is full.
    """
    passes = [
        np.arange(len(labels)),
        np.flatnonzero(labels == 1),
        np.flatnonzero(labels == 0),
    ]
    if protocol == "paper":
        passes = [
            images[: len(images) - len(images) % PAPER_BATCH_SIZE] for images in passes
        ]
    return dict(zip(METRICS, passes))


def share_right(runs, threshold):
    """The share of runs that get an image right, float64 [images]."""
    return np.mean([is_right(run, threshold) for run in runs], axis=0)


def is_right(run, threshold):
    """Whether the run's call of each image is the truth, bool [images]."""
    return (run.probabilities >= threshold) == run.labels


def constant_runs(runs, threshold):
    """What runs that call every image the same call it: a list of names of labels."""
    called_tumor = [run.probabilities >= threshold for run in runs]
    return [LABEL_NAMES[int(c[0])] for c in called_tumor if (c == c[0]).all()]


@dataclasses.dataclass(frozen=True)
class Ranking:
    """A measure of the order of scores."""

    of_folds: np.ndarray  # Of each detector, float64 [runs, folds].
    of_runs: np.ndarray  # Of all folds of a run together, float64 [runs].
    chains: np.ndarray  # Number of each run's chain, int [runs].
    drawn: np.ndarray  # Mean of the runs in each draw of patients, float64 [draws].

    def by_chain(self):
        """Mean over the runs of a chain: a dict of floats by the chain's number."""
        return {
            int(chain): float(self.of_runs[self.chains == chain].mean())
            for chain in np.unique(self.chains)
        }


def measure_rankings(runs, specificity, draws):
    """The `Ranking`s of some `Run`s by name; see `score_runs`."""
    labels, probabilities = runs[0].labels, [run.probabilities for run in runs]
    chains = np.array([run.chain for run in runs])
    tumor = np.array([(fold.labels == 1).sum() for fold in runs[0].folds])
    sizes = np.array([len(fold.labels) for fold in runs[0].folds])

    def ranking(measure, weights, drawn):
        of_folds = np.array([[measure(fold) for fold in run.folds] for run in runs])
        # Weights first: that of a single fold is exactly 1.
        of_runs = (of_folds * (weights / weights.sum())).sum(1)
        return Ranking(of_folds, of_runs, chains, drawn)

    def area(fold):
        return roc_auc_score(fold.labels, fold.probabilities)

    def sensitivity(fold):
        owner, once = np.zeros(len(fold.labels), int), np.ones([1, 1])
        called = tumor_images_called(
            fold.labels, fold.probabilities, owner, once, specificity
        )
        return called[0] / (fold.labels == 1).sum()

    pairs, drawn_areas = tumor * (sizes - tumor), draws.areas(labels, probabilities)
    drawn = draws.sensitivities(labels, probabilities, specificity)
    rankings = ranking(area, pairs, drawn_areas), ranking(sensitivity, tumor, drawn)
    return dict(zip(RANKINGS, rankings))


def score_runs(runs, images, threshold, specificity, draws):
    """What a training set achieves: the mean of its runs.

    Args:
      runs: its `Run`s, one or more, of the same images.
      images: positions of the images by metric, from `images_per_metric`.
      threshold: an image is called tumor from this probability on.
      specificity: at which the sensitivity is measured, too.
      draws: `PatientDraws` of the same images.

    Returns:
      A dict of JSON values, fractions from 0 to 1, and one of `Ranking`s by name.

      Each metric is a dict of its `value` (mean), the ends `patients_low` and
      `patients_high` of its interval over patients, the ends `low` and `high` of its
      Wilson interval, its number of `images`, the values of the `runs` and their
      standard deviation `sd` (None for one run), and those of `spread`. `auc` and
      `sensitivity_at_specificity` are the same without `low`, `high` and `images`.
      Where a detector calls every image the same, `constant_runs` says what,
      `constant_folds` which one, by numbers from 0, and all metrics are None.
    """
    constant = [
        {"run": number, "fold": fold, "label": label}
        for number, run in enumerate(runs)
        for fold, predictions in enumerate(run.folds)
        for label in constant_runs([predictions], threshold)
    ]
    row = {
        "num_runs": len(runs),
        "num_chains": len({run.chain for run in runs}),
        "num_folds": len(runs[0].folds),
        "constant_runs": [detector["label"] for detector in constant],
        "constant_folds": constant,
    }
    if constant:
        return {**row, **dict.fromkeys((*METRICS, *RANKINGS))}, {}
    share = share_right(runs, threshold)
    for metric, positions in images.items():
        fold = runs[0].fold[positions]
        right = [is_right(run, threshold)[positions] for run in runs]
        of_folds = [[own[fold == n].mean() for n in np.unique(fold)] for own in right]
        row[metric] = _mean_and_spread(runs, [own.mean() for own in right], of_folds)
        low, high = wilson_interval(row[metric]["value"], len(positions))
        row[metric] |= {"low": low, "high": high, "images": len(positions)}
        row[metric] |= percentile_interval(draws.means(share, positions))
    rankings = measure_rankings(runs, specificity, draws)
    for metric, ranking in rankings.items():
        row[metric] = _mean_and_spread(runs, ranking.of_runs, ranking.of_folds)
        row[metric] |= percentile_interval(ranking.drawn)
    return row, rankings


def _mean_and_spread(runs, of_runs, of_folds):
    values, folds = [float(value) for value in of_runs], np.mean(of_folds, axis=0)
    return {
        "value": sum(values) / len(values),
        "sd": _sd(values),
        "runs": values,
        "folds": folds.tolist(),
        **spread(values, folds, [run.chain for run in runs]),
    }


def spread(of_runs, of_folds, chains):
    """Standard deviations over folds, detector seeds and chain seeds.

    Args:
      of_runs: a metric's value of each run, [runs].
      of_folds: its mean over the runs in each fold, [folds].
      chains: number of each run's chain.

    Returns:
      A dict, None where there is one of a kind: `sd_folds`; `sd_detector_seeds`, of the
      runs of one chain, pooled over chains by degrees of freedom; and `sd_chain_seeds`,
      of the chains' means, which differ by their detectors' seeds, too.
    """
    by_chain = {chain: [] for chain in chains}
    for chain, value in zip(chains, of_runs):
        by_chain[chain].append(value)
    squares = sum(np.var(own) * len(own) for own in by_chain.values())
    degrees = len(of_runs) - len(by_chain)
    return {
        "sd_folds": _sd(of_folds),
        "sd_detector_seeds": float(np.sqrt(squares / degrees)) if degrees else None,
        "sd_chain_seeds": _sd([np.mean(own) for own in by_chain.values()]),
    }


def _sd(values):
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
