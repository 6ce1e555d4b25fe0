"""Folds of a cross-validation: every patient is tested in exactly one of them.

The folds are a function of the patients, their numbers of tumor slices, and the seed;
neither the order in which cases were found nor the fold that is written matters.
Patients are dicts, {patient: number of tumor slices}.
"""

import math

import numpy as np

from dataset.errors import UserError

DRAWS = 100
MIN_VALIDATION = 5  # Patients; fewer tell one detector from another by chance.
MIN_VALIDATION_SHARE = 0.1  # Of all patients.
SHARE_STREAM = 1  # Of the seed: validation patients are drawn without.


def assign_folds(tumor_slices, num_folds, seed):
    """The fold in which each patient is tested, {patient: fold}, from 0.

    Patients with similar numbers of tumor slices are spread over the folds at random:
    so folds differ by one patient at most, and by fewer tumor slices than the largest
    and the smallest patient. Of `DRAWS` such divisions the most balanced is taken.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    patients = _largest_first(tumor_slices, random)
    counts = np.array([tumor_slices[patient] for patient in patients])
    num_blocks = -(-len(patients) // num_folds)
    blocks = np.tile(np.arange(num_folds), [DRAWS, num_blocks, 1])
    draws = random.permuted(blocks, axis=2).reshape(DRAWS, -1)[:, : len(patients)]
    totals = [np.bincount(draw, counts, num_folds) for draw in draws]
    best = draws[np.argmin(np.ptp(totals, axis=1))]
    return dict(zip(patients, best.tolist()))


def validation_patients(tumor_slices, size, seed):
    """A set of `size` patients, from those with many tumor slices to those with few.

    Args:
      tumor_slices: of those who are not tested.
      size: number of patients to choose.
      seed: whole numbers that the choice is a function of.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    strata = np.array_split(_largest_first(tumor_slices, random), size)
    return {str(random.choice(stratum)) for stratum in strata}


def _largest_first(tumor_slices, random):
    """Patients by number of tumor slices, at random among equals."""
    patients = sorted(tumor_slices)
    patients = [patients[n] for n in random.permutation(len(patients))]
    return sorted(patients, key=lambda patient: -tumor_slices[patient])


def validation_size(share, num_left, num_patients):
    """How many of those who are not tested validate.

    The share, but a tenth of all patients at least and never fewer than
    `MIN_VALIDATION`; these two as far as more are left to train on.

    Args:
      share: of validation in training and validation together, as --split has it.
      num_left: patients who are not tested, at least 2.
      num_patients: all patients.
    """
    least = max(MIN_VALIDATION, int(np.ceil(MIN_VALIDATION_SHARE * num_patients)))
    least = max(1, min(least, (num_left - 1) // 2))
    return int(min(max(round(share * num_left), least), num_left - 1))


def check_folds(num_patients, train, num_folds):
    """Refuses too few patients, and a --split that gives nothing to train."""
    num_left = num_patients - -(-num_patients // num_folds)
    if num_patients < num_folds or num_left < 2:
        raise UserError(
            f"--num_folds={num_folds}: {num_patients} patients, {max(num_left, 0)} of"
            " them not in the largest test part; expected one patient for each fold,"
            " and two to train and to validate on."
        )
    if not train:
        raise UserError(
            "--split: nothing for train; expected more with --num_folds, which divides"
            " all who are not tested into train and validation."
        )


def most_patients(num_patients, *, train, validation, num_folds):
    """How many patients train, validation and test have at most in any fold.

    Args and errors as for `fold_parts`.
    """
    check_folds(num_patients, train, num_folds)
    num_left = num_patients - num_patients // num_folds
    share = validation / (train + validation)
    size = validation_size(share, num_left, num_patients)
    return [num_left - size, size, -(-num_patients // num_folds)]


def fold_parts(tumor_slices, *, train, validation, num_folds, fold, seed):
    """The part of each patient in one fold, {patient: train, validation or test}.

    Args:
      train, validation: what --split gives them; only the ratio counts.
      num_folds: number of folds, 2 or more.
      fold: whose parts, from 0.
      seed: of the division.

    Raises:
      UserError: there are too few patients, or nothing is to be trained on.
    """
    num_patients = len(tumor_slices)
    check_folds(num_patients, train, num_folds)
    folds = assign_folds(tumor_slices, num_folds, seed)
    left = {name: n for name, n in tumor_slices.items() if folds[name] != fold}
    size = validation_size(validation / (train + validation), len(left), num_patients)
    chosen = validation_patients(left, size, [seed, fold])
    parts = {name: "validation" if name in chosen else "train" for name in left}
    return {name: parts.get(name, "test") for name in tumor_slices}


def share_size(share, num_patients):
    """How many patients a share in (0, 1] of them is: rounded up, at least one."""
    rounding = 1e-9  # 0.1 * 30 is a little more than 3.
    return min(num_patients, max(1, math.ceil(share * num_patients - rounding)))


def patients_of_share(patients, share, seed):
    """A share of the training patients, a set: part of every larger share's.

    Args:
      patients: names, in any order.
      share: in (0, 1]; see `share_size`.
      seed: whole numbers that the choice is a function of.
    """
    names = sorted(patients)
    random = np.random.Generator(np.random.PCG64([SHARE_STREAM, *seed]))
    order = random.permutation(len(names))
    return {names[n] for n in order[: share_size(share, len(names))]}
