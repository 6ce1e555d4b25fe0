"""Patients are never divided, whatever their cases are called."""

import collections

import heads
import numpy as np
import pytest
from scipy import ndimage

from dataset.errors import UserError
from dataset.layouts import Case
from dataset.splits import (
    assign_parts,
    divide,
    fingerprint,
    group_cases,
    part_sizes,
    similar_pairs,
)


@pytest.mark.parametrize(
    "split, patients, sizes",
    [
        ("0.7,0.1,0.2", 220, [154, 22, 44]),  # Han et al., 2019
        ("0.7,0.1,0.2", 10, [7, 1, 2]),
        ("0.7,0.1,0.2", 3, [1, 1, 1]),
        ("0.7,0.1,0.2", 4, [2, 1, 1]),
        ("154,22,44", 220, [154, 22, 44]),
        ("0,0,12", 12, [0, 0, 12]),
        ("0,0,1", 12, [0, 0, 12]),
        ("0.5,0.5,0", 5, [3, 2, 0]),
        ("0.98,0.01,0.01", 30, [28, 1, 1]),
    ],
)
def test_sizes_of_parts(split, patients, sizes):
    assert part_sizes(split.split(","), patients) == sizes


@pytest.mark.parametrize(
    "split, message",
    [
        ("7,1", "expected three numbers, for train, validation, test"),
        ("a,b,c", "--split=a,b,c: expected three numbers"),
        ("-1,1,1", "expected three numbers"),
        ("nan,0.5,0.5", "expected three numbers"),
        ("154,22,44", "sums to 220; expected 10, the number of patients"),
        ("0.7,0.7,0.1", "sums to 1.5; expected 1, or whole"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(split, message):
    with pytest.raises(UserError, match=message):
        part_sizes(split.split(","), 10)


def test_fewer_patients_than_parts_are_refused():
    with pytest.raises(UserError, match="2 patients for 3 parts"):
        part_sizes(["0.7", "0.1", "0.2"], 2)


def test_parts_depend_on_the_seed_alone():
    parts = assign_parts(220, [154, 22, 44], seed=3)
    assert parts == assign_parts(220, [154, 22, 44], seed=3)
    assert parts != assign_parts(220, [154, 22, 44], seed=4)
    counts = collections.Counter(parts)
    assert counts == {"train": 154, "validation": 22, "test": 44}


def test_groups_join_names_and_looks():
    patients = ["a", "b", "a", "c", "d", "e"]
    assert group_cases(patients, []) == [[0, 2], [1], [3], [4], [5]]
    pairs = [(1, 4, 0.9), (4, 5, 0.8)]
    assert group_cases(patients, pairs) == [[0, 2], [1, 4, 5], [3]]
    assert group_cases(patients, [(2, 3, 0.9)]) == [[0, 2, 3], [1], [4], [5]]


@pytest.fixture(scope="module")
def patients():
    """Images and brains of three patients, float32 and bool [155, 240, 240]."""
    volumes = []
    for phase in (0.0, 1.0, 2.0):
        image, _ = heads.sample(heads.FRAME, heads.FRAME_SHAPE, phase=phase)
        image = image.transpose(2, 1, 0).astype(np.float32)
        volumes.append((image, image > 0))
    return volumes


def test_other_versions_of_a_scan_are_found(patients):
    image, brain = patients[0]
    moved = ndimage.shift(image, (1, -2, 2), order=0), ndimage.shift(brain, (1, -2, 2))
    eroded = ndimage.binary_erosion(brain, iterations=3)
    versions = {
        "moved": moved,
        "less brain": (image * eroded, eroded),
        "other contrast": (np.sqrt(image) * 40 + 7 * brain, brain),
        "bias field": (image * np.linspace(0.7, 1.3, 240, dtype=np.float32), brain),
        "blurred": (ndimage.uniform_filter(image, 3) * brain, brain),
    }
    prints = [fingerprint(*volume) for volume in (*patients, *versions.values())]
    pairs = similar_pairs(prints, 0.7)
    originals = {second: first for first, second, _ in pairs if first == 0}
    assert set(originals) == {3, 4, 5, 6, 7}
    assert not [pair for pair in pairs if {1, 2} & set(pair[:2])]


def test_every_pair_is_compared_beyond_one_block_of_rows():
    draws = np.random.default_rng(0)
    prints = draws.integers(-63, 64, [150, 500]).astype(np.int8)
    prints[140] = prints[3]
    prints[141] = prints[70]
    assert similar_pairs(prints, 0.7) == [(3, 140, 1.0), (70, 141, 1.0)]
    assert len(similar_pairs(prints, -1)) == 150 * 149 // 2


class StandIn:
    """A case that was read."""

    def __init__(self, name, digest, print_):
        self.case = Case(name, (), ())
        self._digest, self._print = digest, print_

    def digest(self):
        return self._digest

    def fingerprints(self):
        return np.array([self._print])

    def group_counts(self):
        return collections.Counter(tumor=len(self.case.name))


@pytest.mark.parametrize("seed", range(5))
def test_cases_of_one_patient_stay_in_one_part(seed):
    draws = np.random.default_rng(1)
    prints = draws.integers(-63, 64, [8, 500]).astype(np.int8)
    names = [f"BraTS-GLI-0000{n}-000" for n in range(8)]
    cases = [StandIn(n, n, p) for n, p in zip(names, prints)]
    cases.append(StandIn("BraTS-GLI-00002-001", "later", prints[0] * 0 + 5))
    cases.append(StandIn("Other_name", "other", prints[4]))
    cases.append(StandIn("Z_copy", names[6], prints[6]))
    division = divide(
        cases, split=["4", "2", "2"], duplicate_correlation=0.7, seed=seed
    )
    part_of = {c.case.name: k for k, cs in division.parts.items() for c, _ in cs}
    patient_of = {c.case.name: p for cs in division.parts.values() for c, p in cs}
    assert part_of["BraTS-GLI-00002-001"] == part_of["BraTS-GLI-00002-000"]
    assert part_of["Other_name"] == part_of["BraTS-GLI-00004-000"]
    assert patient_of["Other_name"] == "BraTS-GLI-00004-000"
    assert patient_of["BraTS-GLI-00001-000"] == "BraTS-GLI-00001-000"
    assert division.copies == {"Z_copy": "BraTS-GLI-00006-000"}
    assert "Z_copy" not in part_of
    assert division.similar == [("BraTS-GLI-00004-000", "Other_name", 1.0)]
    assert division.patients == {
        "BraTS-GLI-00002-000": ["BraTS-GLI-00002-000", "BraTS-GLI-00002-001"],
        "BraTS-GLI-00004-000": ["BraTS-GLI-00004-000", "Other_name"],
    }


def test_cases_of_one_patient_are_tested_together_and_once():
    draws = np.random.default_rng(1)
    prints = draws.integers(-63, 64, [12, 500]).astype(np.int8)
    cases = [StandIn(f"case_{n:02d}", n, p) for n, p in enumerate(prints)]
    cases.append(StandIn("other_name", "other", prints[4]))
    options = {"split": ["0.7", "0.1", "0.2"], "duplicate_correlation": 0.7}
    tested = collections.Counter()
    for fold in range(4):
        parts = divide(cases, **options, seed=3, num_folds=4, fold=fold).parts
        assert list(parts) == ["train", "validation", "test"]
        members = [c.case.name for part in parts.values() for c, _ in part]
        assert sorted(members) == sorted(c.case.name for c in cases)
        own = [case.case.name for case, _ in parts["test"]]
        assert ("case_04" in own) == ("other_name" in own)
        tested.update(own)
    assert tested == {case.case.name: 1 for case in cases}
    assert divide(cases, **options, seed=3) == divide(
        cases, **options, seed=3, num_folds=1
    )
