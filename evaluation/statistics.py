"""Accuracy, sensitivity, specificity and their uncertainty.

Tumor is the positive class: sensitivity is the part of the tumor images that are called
tumor, specificity the part of the non-tumor images that are not.
"""

import numpy as np
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from dataset.shards import LABEL_NAMES
from evaluation.bootstrap import percentile_interval

METRICS = ("accuracy", "sensitivity", "specificity")
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


def wilson_interval(proportion, num_images):
    """95 % confidence interval of a proportion: Wilson (1927), without correction.

    Args:
      proportion: the observed one, a mean over runs perhaps.
      num_images: the images that it was observed on. Runs do not multiply them: they
        see the same images, which is not more evidence about others.

    Returns:
      Its two ends.
    """
    low, high = proportion_confint(proportion * num_images, num_images, method="wilson")
    return float(low), float(high)


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


def score_runs(runs, images, threshold, draws):
    """What a setup achieves: the mean of its runs.

    Args:
      runs: its `Predictions`, one or more, of the same images.
      images: positions of the images by metric, from `images_per_metric`.
      threshold: an image is called tumor from this probability on.
      draws: `PatientDraws` of the same images.

    Returns:
      A dict of JSON values, fractions from 0 to 1. Each metric is a dict of its `value`
      (mean), the ends `low` and `high` of its Wilson interval, its number of `images`,
      the ends `patients_low` and `patients_high` of its interval over patients, the
      values of the `runs` and their standard deviation `sd` (None for one run). `auc`,
      the area under the ROC curve over all images, is the same without `low`, `high`
      and `images`. Where a run calls every image the same, `constant_runs` says what,
      and metrics and `auc` are None.
    """
    constant = constant_runs(runs, threshold)
    row = {"num_runs": len(runs), "constant_runs": constant}
    if constant:
        return {**row, **dict.fromkeys((*METRICS, "auc"))}
    share = share_right(runs, threshold)
    for metric, positions in images.items():
        values = [float(is_right(run, threshold)[positions].mean()) for run in runs]
        row[metric] = _mean_and_spread(values)
        low, high = wilson_interval(row[metric]["value"], len(positions))
        row[metric] |= {"low": low, "high": high, "images": len(positions)}
        row[metric] |= percentile_interval(draws.means(share, positions))
    labels, probabilities = runs[0].labels, [run.probabilities for run in runs]
    areas = [float(roc_auc_score(labels, run)) for run in probabilities]
    over_patients = percentile_interval(draws.areas(labels, probabilities))
    return {**row, "auc": _mean_and_spread(areas) | over_patients}


def _mean_and_spread(values):
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"value": sum(values) / len(values), "sd": sd, "runs": values}
