"""Accuracy, sensitivity, specificity and their uncertainty.

Tumor is the positive class: sensitivity is the part of the tumor images that are called
tumor, specificity the part of the non-tumor images that are not.
"""

import numpy as np
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from dataset.shards import LABEL_NAMES

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


def score_runs(runs, images, threshold):
    """What a setup achieves: the mean of its runs.

    Args:
      runs: its `Predictions`, one or more, of the same images.
      images: positions of the images by metric, from `images_per_metric`.
      threshold: an image is called tumor from this probability on.

    Returns:
      A dict of JSON values, fractions from 0 to 1. Each metric is a dict of its `value`
      (mean), the ends `low` and `high` of its interval, its number of `images` and the
      values of the `runs`; `auc`, the area under the ROC curve over all images, has
      `value` and `runs`. Where a run calls every image the same, `constant_runs` says
      what, and metrics and `auc` are None.
    """
    called_tumor = [run.probabilities >= threshold for run in runs]
    constant = [LABEL_NAMES[int(c[0])] for c in called_tumor if (c == c[0]).all()]
    row = {"num_runs": len(runs), "constant_runs": constant}
    if constant:
        return {**row, **dict.fromkeys((*METRICS, "auc"))}
    for metric, positions in images.items():
        values = [
            float((called == run.labels)[positions].mean())
            for called, run in zip(called_tumor, runs)
        ]
        mean = sum(values) / len(values)
        low, high = wilson_interval(mean, len(positions))
        row[metric] = {"value": mean, "low": low, "high": high}
        row[metric] |= {"images": len(positions), "runs": values}
    areas = [float(roc_auc_score(run.labels, run.probabilities)) for run in runs]
    return {**row, "auc": {"value": sum(areas) / len(areas), "runs": areas}}
