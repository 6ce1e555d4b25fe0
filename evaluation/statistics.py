"""Statistics that detection, image quality and the Visual Turing Test share."""

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from dataset.records import own_patients


def wilson_interval(proportion, num_images):
    """95 % confidence interval of a proportion: Wilson (1927), without correction.

    Args:
      proportion: the observed one, which may be a mean over runs.
      num_images: the images that it was observed on. Runs do not multiply them: they
        are of the same images, which is no more evidence about others.

    Returns:
      Its two ends.
    """
    low, high = proportion_confint(proportion * num_images, num_images, method="wilson")
    return float(low), float(high)


def number_patients(patients):
    """Numbers patients; an image without one ("") is a patient of its own.

    Args:
      patients: patient of each image, sequence of str.

    Returns:
      The number of patients, and that of each image's patient, int [images].
    """
    names, owner = np.unique(own_patients(patients), return_inverse=True)
    return len(names), owner


def format_p(value):
    """A p-value as printed."""
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
