"""What is compared with what in `evaluation.quality`."""

import numpy as np
import pytest
import shard_sets
from refusals import refused

from dataset.image_sets import common_size, open_image_set, open_named_sets
from dataset.records import Record
from evaluation.samples import (
    OTHER_PATIENTS,
    SAME_PATIENTS,
    halves,
    plan_comparisons,
)

PATIENTS = [f"p{n}" for n in range(6)]


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    """A real set of both classes (36 + 24 images) and synthetic ones of 50 + 20."""
    root = tmp_path_factory.mktemp("sets")
    folders = {
        "tumor": write_images(root / "t", 1, PATIENTS, images=6),
        "non_tumor": write_images(root / "n", 0, PATIENTS, images=4),
        "fake_tumor": write_images(root / "ft", 1, [""], images=50),
        "fake_non_tumor": write_images(root / "fn", 0, [""], images=20),
    }
    return {name: shards.directory for name, shards in folders.items()}


def open_real(sets):
    return open_image_set("real", [sets["tumor"], sets["non_tumor"]], "real_dirs")


def open_fake(sets):
    row = f"fake={sets['fake_tumor']},{sets['fake_non_tumor']}"
    return open_named_sets([row], "synthetic_dirs")


def plan(sets, **changes):
    options = {"num_splits": 2, "num_images": 0, "seed": 0, **changes}
    return plan_comparisons(open_real(sets), open_fake(sets), **options)


@pytest.mark.parametrize("seed", range(5))
def test_halves_share_no_patient_and_are_of_about_one_size(seed):
    patients = ["a"] * 30 + ["b"] * 20 + ["c"] * 20 + ["d"] * 20
    first, second = halves(patients, seed)
    assert sorted([*first, *second]) == list(range(90))
    assert not {patients[n] for n in first} & {patients[n] for n in second}
    assert {len(first), len(second)} in ({50, 40}, {40, 50})
    one_by_one = halves([""] * 9, seed)
    assert {len(half) for half in one_by_one} == {4, 5}


def test_every_comparison_has_equally_many_images_of_each_class(sets):
    real = open_real(sets)
    comparisons = plan(sets)
    names = [comparison.name for comparison in comparisons]
    assert names == [SAME_PATIENTS] * 2 + [OTHER_PATIENTS] * 2 + ["fake"] * 2
    counts = set()
    for comparison in comparisons:
        for images, positions in (
            (real, comparison.reference),
            (comparison.images, comparison.positions),
        ):
            assert len(set(positions)) == len(positions)
            counts.add(tuple(np.bincount(images.labels[positions])))
    assert len(counts) == 1
    chosen = [[c.positions.tolist() for c in plan(sets, seed=n)] for n in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_floor_of_other_patients_shares_no_patient_and_no_image(sets):
    real = open_real(sets)
    for comparison in plan(sets)[:4]:
        assert not set(comparison.reference) & set(comparison.positions)
        patients = [
            {real.patients[n] for n in positions}
            for positions in (comparison.reference, comparison.positions)
        ]
        shared = patients[0] & patients[1]
        assert bool(shared) == (comparison.name == SAME_PATIENTS)


def test_candidates_are_compared_with_the_halves_of_the_first_floor(sets):
    comparisons = plan(sets)
    for floor, candidate in zip(comparisons[:2], comparisons[4:]):
        np.testing.assert_array_equal(floor.reference, candidate.reference)


def test_number_of_images_is_kept_and_its_excess_refused(sets):
    for comparison in plan(sets, num_images=10):
        assert len(comparison.positions) == 10
    with refused("--num_images=1000: "):
        plan(sets, num_images=1000)


def test_sets_that_cannot_be_compared_are_refused(sets, tmp_path, write_images):
    options = {"num_splits": 1, "num_images": 0, "seed": 0}
    fake = open_named_sets([f"fake={sets['fake_tumor']}"], "synthetic_dirs")
    with refused("fake has no non_tumor images", "--real_dirs"):
        plan_comparisons(open_real(sets), fake, **options)
    few = write_images(tmp_path / "few", 1, ["p"], images=5).directory
    with refused("--num_images=0: ", "expected 8 "):
        plan_comparisons(open_image_set("real", [few], "real_dirs"), [], **options)
    large = write_images(tmp_path / "large", 1, size=64).directory
    images = [open_image_set(name, [name], "x") for name in (sets["tumor"], large)]
    with refused("32 px, those of", large, "64 px; expected 33"):
        common_size(images)


@pytest.mark.parametrize("row", ["name", "=folder", "name=", "name=a,,b"])
def test_row_that_is_not_name_and_folders_is_refused(row):
    with refused(f"--synthetic_dirs={row}: ", "NAME=FOLDER"):
        open_named_sets([row], "synthetic_dirs")


def test_bad_sets_are_refused_by_name(sets, tmp_path):
    unlabeled = [Record(np.zeros([32, 32]), -1, "a")]
    folder = shard_sets.write(tmp_path / "u", unlabeled).directory
    tumor = sets["tumor"]
    for folders, parts in {
        (): ["--real_dirs: "],
        (tumor, tumor): ["--real_dirs: ", "twice"],
        (folder,): [f"--real_dirs={folder}: ", "label"],
    }.items():
        with refused(*parts):
            open_image_set("real", folders, "real_dirs")


def test_images_are_read_by_position_across_shard_sets(sets):
    real = open_real(sets)
    records = [r for shards in real.shard_sets for r in shards.records()]
    positions = [0, 35, 36, 59, 3]
    images = real.read(positions, 34)
    assert images.shape == (5, 34, 34)
    for image, position in zip(images, positions):
        np.testing.assert_array_equal(image[1:-1, 1:-1], records[position].image)
        assert real.ids[position] == records[position].id
        assert real.labels[position] == records[position].label
        assert real.patients[position] == records[position].patient
