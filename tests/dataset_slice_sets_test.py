"""Slices of many cases, read one case at a time and in any portion."""

import collections

import numpy as np
import pytest

from dataset.errors import UserError
from dataset.records import Record
from dataset.slice_sets import slice_sets


class StandIn:
    """A case that was read, with numbers of slices by group."""

    def __init__(self, name, **counts):
        self.name, self.counts = name, collections.Counter(counts)
        self.times_read = 0

    def group_counts(self):
        return self.counts

    def records(self, group, patient):
        self.times_read += 1
        for n in range(self.counts[group]):
            yield Record(np.zeros([8, 8]), 1, f"brats/{self.name}/{n}", patient)


@pytest.fixture
def cases():
    return [
        StandIn("a", tumor=3, non_tumor=1),
        StandIn("b", tumor=0, non_tumor=2),
        StandIn("c", tumor=4, non_tumor=0),
    ]


def test_any_portion_of_a_set_is_the_same_portion_of_the_whole(cases):
    tumor, non_tumor = slice_sets({"train": [(c, f"patient {c.name}") for c in cases]})
    assert (tumor.name, non_tumor.name) == ("train/tumor", "train/non_tumor")
    whole = [record.id for record in tumor.records(0, 7)]
    assert whole == [
        f"brats/{name}/{n}" for name, k in (("a", 3), ("c", 4)) for n in range(k)
    ]
    for start in range(8):
        for stop in range(start, 8):
            ids = [record.id for record in tumor.records(start, stop)]
            assert ids == whole[start:stop]
    assert next(non_tumor.records(1, 2)).patient == "patient b"


def test_cases_outside_the_portion_are_not_read(cases):
    tumor, _ = slice_sets({"train": [(case, case.name) for case in cases]})
    list(tumor.records(3, 5))
    assert [case.times_read for case in cases] == [0, 0, 1]


def test_set_without_slices_is_refused_with_the_counts_of_all(cases):
    parts = {"train": [(cases[0], "a")], "test": [(cases[1], "b")]}
    with pytest.raises(
        UserError, match="no images for test/tumor .train/tumor: 3 of 1"
    ):
        slice_sets(parts)
