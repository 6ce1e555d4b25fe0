"""A share of the training patients: nested, whole patients, the rest as it was."""

import json

import image_folder
import pytest
from refusals import refused
from shard_sets import read_table, shards

from dataset import import_images
from dataset.folds import patients_of_share, share_size
from dataset.shards import ShardSet
from flags import dataset as dataset_flags

LETTERS = "abcdefghij"


@pytest.fixture(scope="module")
def write(flag_defaults, tmp_path_factory):
    """Imports nine patients, five to train on; a function of the flags."""
    defaults = flag_defaults(dataset_flags.define_import_images)
    root = tmp_path_factory.mktemp("share")
    images = image_folder.write_masked(root / "images", patients=9, images=2)
    small = {"images_dir": str(images), "image_size": 20, "num_workers": 1}
    small |= {"mask_pattern": "{stem}_mask.png", "patient_pattern": "^([^/]+)/"}
    small |= {"min_tumor_area": 30.0, "split": ["5", "2", "2"], "overwrite": True}

    def write(name, **settings):
        output = root / name
        settings = {**small, "output_dir": str(output), **settings}
        import_images.main({**defaults, **settings})
        return output

    return write


@pytest.fixture(scope="module")
def whole(write):
    return write("whole")


def report(folder):
    return json.loads((folder / "report.json").read_text())


def patients(folder, part="train"):
    return ShardSet(folder / part / "tumor").patients()


@pytest.mark.parametrize(
    "share, number, size",
    [(0.1, 34, 4), (0.1, 30, 3), (0.25, 34, 9), (0.5, 34, 17), (1.0, 34, 34)]
    + [(0.01, 3, 1), (0.3, 10, 3), (0.7, 10, 7), (0.5, 0, 0), (1 / 3, 3, 1)],
)
def test_share_is_rounded_up(share, number, size):
    assert share_size(share, number) == size
    names = {f"p{n}" for n in range(number)}
    assert len(patients_of_share(names, share, [0, 0])) == size


def test_smaller_shares_are_parts_of_larger_ones_whatever_the_order_of_the_names():
    shares = [0.1, 0.2, 0.5, 0.9, 1.0]
    own = [patients_of_share(LETTERS, share, [3, 1]) for share in shares]
    assert [len(names) for names in own] == [1, 2, 5, 9, 10]
    assert all(small < large for small, large in zip(own, own[1:]))
    assert own == [patients_of_share(LETTERS[::-1], share, [3, 1]) for share in shares]
    others = [patients_of_share(LETTERS, 0.5, s) for s in ([3, 0], [2, 1])]
    assert own[2] not in others and others[0] != others[1]
    # An experiment that is continued has the same patients.
    assert patients_of_share(LETTERS, 0.3, [0, 0]) == set("ehi")


def test_share_has_its_patients_and_the_other_parts_are_as_before(whole, write):
    half = write("half", training_share=0.5)
    assert len(patients(whole)) == 5 and len(patients(half)) == 3
    assert patients(half) < patients(whole)
    for name in shards(whole):
        part, label = name.split("/")
        one, other = (list(ShardSet(f / name).records()) for f in (whole, half))
        kept = [r.id for r in one if r.patient in patients(half) or part != "train"]
        assert [record.id for record in other] == kept
    assert patients(write("fifth", training_share=0.2)) < patients(half)


def test_patients_that_are_not_used_are_counted_and_told(whole, write, capsys):
    half = write("told", training_share=0.5)
    assert "2 training patients are not used" in capsys.readouterr().out
    unused = sorted(patients(whole) - patients(half))
    found = report(half)
    assert found["unused_patients"] == unused and found["training_share"] == 0.5
    rows = [r for r in read_table(half / "slices.csv") if r["patient"] in unused]
    assert [row["verdict"] for row in rows] == ["tumor", "non_tumor"] * 2
    assert {row["part"] for row in rows} == {"none: --training_share"}


def test_without_a_share_everything_is_recorded_as_before(whole):
    manifest = json.loads((whole / "train/tumor/manifest.json").read_text())
    for content in (report(whole), report(whole)["settings"], manifest["settings"]):
        assert not {"training_share", "unused_patients"} & set(content)


def test_patients_with_alike_images_are_used_or_not_together(write, tmp_path):
    images = image_folder.write_masked(tmp_path / "images", patients=8, images=2)
    for number in (0, 1):
        for name in (f"s{number}.png", f"s{number}_mask.png"):
            copy = images / "twin" / name
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes((images / "p3" / name).read_bytes())
        brighter = image_folder.pattern([0, 3, number]) // 2
        image_folder.write(images / "twin" / f"s{number}.png", brighter)
    together = set()
    for share in (0.2, 0.4, 0.6, 0.8):
        own = write(
            "alike",
            images_dir=str(images),
            split=["8", "0", "0"],
            training_share=share,
        )
        assert len(patients(own)) == share_size(share, 8)
        ids = " ".join(ShardSet(own / "train/tumor").origins()[1])
        assert ("p3/" in ids) == ("twin/" in ids)
        together.add("twin/" in ids)
    assert together == {False, True}


def test_shares_of_a_fold_are_of_its_own_training_patients(write):
    for fold in range(2):
        whole = write("fold", num_folds=3, fold=fold)
        trained, tested = patients(whole), patients(whole, "test")
        share = write("fold-share", num_folds=3, fold=fold, training_share=0.6)
        assert patients(share) < trained and patients(share, "test") == tested


def test_share_without_a_class_is_refused_by_its_patients(write, tmp_path):
    images = image_folder.write_masked(tmp_path / "images", patients=1, images=2)
    for number in range(1, 9):
        name = images / f"p{number}" / "s0"
        image_folder.write(name.with_suffix(".png"), image_folder.pattern(number))
        mask = image_folder.spot(8)
        image_folder.write(name.with_name("s0_mask.png"), mask)
    settings = {"images_dir": str(images), "split": ["9", "0", "0"]}
    write("classes", **settings)
    with refused("--training_share=0.1: no non_tumor images of p", "a larger share"):
        write("class", **settings, training_share=0.1, seed=1)


def test_share_of_nothing_is_refused(write):
    with refused("--training_share=0: expected more than 0, at most 1"):
        write("nothing", training_share=0.0)
