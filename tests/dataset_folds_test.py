"""Every patient is tested once, whatever the fold, the order and the seed."""

import collections

import numpy as np
import pytest

from dataset.errors import UserError
from dataset.folds import assign_folds, fold_parts, validation_size

RATIO = {"train": 0.7, "validation": 0.1}


def patients(number, seed=0):
    """Patients with 5 to 90 tumor slices, as BraTS has."""
    slices = np.random.default_rng(seed).integers(5, 91, number)
    return {f"patient_{n:03d}": int(count) for n, count in enumerate(slices)}


def all_folds(own, num_folds, seed=0, **ratio):
    ratio = ratio or RATIO
    return [
        fold_parts(own, num_folds=num_folds, fold=fold, seed=seed, **ratio)
        for fold in range(num_folds)
    ]


@pytest.mark.parametrize("number, num_folds", [(20, 5), (23, 5), (10, 10), (220, 5)])
def test_each_patient_is_tested_in_exactly_one_fold(number, num_folds):
    own = patients(number)
    tested = collections.Counter()
    for parts in all_folds(own, num_folds):
        assert set(parts) == set(own)
        tested.update(name for name, part in parts.items() if part == "test")
    assert tested == dict.fromkeys(own, 1)


@pytest.mark.parametrize("seed", range(4))
def test_folds_are_balanced_by_patients_and_tumor_slices(seed):
    own = patients(22, seed)
    folds = assign_folds(own, 5, seed)
    sizes = collections.Counter(folds.values())
    assert sorted(sizes.values()) == [4, 4, 4, 5, 5]
    own = patients(20, seed)
    folds = assign_folds(own, 5, seed)
    totals = collections.Counter()
    for name, fold in folds.items():
        totals[fold] += own[name]
    # Closer than any one division at random: a tenth of the 190 that a fold has.
    assert max(totals.values()) - min(totals.values()) <= 19


def test_folds_do_not_depend_on_the_order_of_the_patients_but_on_the_seed():
    own = patients(20)
    turned = dict(reversed(own.items()))
    assert all_folds(own, 5) == all_folds(turned, 5)
    assert assign_folds(own, 5, 0) != assign_folds(own, 5, 1)


def test_another_seed_is_another_partition_not_other_numbers_of_the_folds():
    own = patients(20)

    def partition(seed):
        parts = collections.defaultdict(set)
        for name, fold in assign_folds(own, 5, seed).items():
            parts[fold].add(name)
        return set(map(frozenset, parts.values()))

    assert partition(0) != partition(1)


@pytest.mark.parametrize(
    "share, num_left, num_patients, size",
    [
        (0.125, 176, 220, 22),  # A tenth of all.
        (0.25, 176, 220, 44),  # As --split asks.
        (0, 48, 60, 6),  # A tenth at least, whatever --split says.
        (0.125, 16, 20, 5),  # Five at least: a tenth would be 2.
        (0.125, 11, 14, 5),  # The last that leaves more to train on ...
        (0.125, 9, 12, 4),  # ... and no five any more.
        (0.125, 8, 10, 3),
        (0.125, 2, 3, 1),
        (0.9, 8, 10, 7),  # As --split asks, even if little is left.
        (1, 8, 10, 7),  # One is left to train on.
    ],
)
def test_number_of_validation_patients(share, num_left, num_patients, size):
    assert validation_size(share, num_left, num_patients) == size


def test_validation_has_patients_with_many_and_with_few_tumor_slices():
    own = {f"patient_{n:02d}": n for n in range(100)}
    for parts in all_folds(own, 5):
        chosen = sorted(own[n] for n, part in parts.items() if part == "validation")
        assert len(chosen) == 10
        strata = sorted(own[n] for n, part in parts.items() if part != "test")
        strata = np.array_split(strata, 10)
        assert all(low[0] <= n <= low[-1] for n, low in zip(chosen, strata))


@pytest.mark.parametrize(
    "number, num_folds, message",
    [
        (4, 5, "--num_folds=5: 4 patients"),
        (3, 2, "--num_folds=2: 3 patients, 1 of them not in the largest test part"),
    ],
)
def test_too_few_patients_are_refused(number, num_folds, message):
    with pytest.raises(UserError, match=message):
        all_folds(patients(number), num_folds)
    assert all_folds(patients(3), 3)


def test_split_without_training_is_refused():
    with pytest.raises(UserError, match="--split: nothing for train"):
        all_folds(patients(20), 5, train=0, validation=0)
