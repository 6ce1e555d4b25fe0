"""From volumes to shard sets: complete, resumable, and in words when it cannot be."""

import csv
import json
import os
import shutil

import heads
import numpy as np
import pytest

from dataset import cases, preparation, prepare, slice_sets, volumes
from dataset.errors import UserError
from dataset.shards import ShardSet
from flags import dataset as dataset_flags

SETS = [
    f"{p}/{v}" for p in ("train", "validation", "test") for v in ("non_tumor", "tumor")
]


@pytest.fixture(scope="session")
def run(flag_defaults):
    """Calls `prepare` as the binary would, small."""
    defaults = flag_defaults(dataset_flags.define_prepare)
    small = {"image_size": 30, "split": ["2", "1", "1"], "num_workers": 2}

    def run(brats_dir, output_dir, **settings):
        folders = {"brats_dir": str(brats_dir), "output_dir": str(output_dir)}
        prepare.prepare(**{**defaults, **small, **folders, **settings})
        return output_dir

    return run


@pytest.fixture(scope="session")
def brats(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brats")
    for number in range(4):
        heads.write_case(folder, f"case_{number}", phase=number)
    return folder


@pytest.fixture(scope="session")
def real(run, brats, tmp_path_factory):
    return run(brats, tmp_path_factory.mktemp("real") / "real")


def content(folder):
    """Everything that a run wrote, but for the folder's own name in manifests."""
    return {
        str(path.relative_to(folder)): path.read_bytes().replace(bytes(folder), b"")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def table(folder):
    with open(folder / "slices.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_output_is_complete_and_nothing_else(real):
    assert sorted(os.listdir(real)) == sorted(
        ["report.json", "slices.csv", "test", "train", "validation"]
    )
    for name in SETS:
        assert sorted(os.listdir(real / name)) == [
            "manifest.json",
            "shard-00000-of-00001.tfrecord",
        ]


def test_records_are_the_slices_of_the_volumes(real, brats):
    found = {}
    for name in SETS:
        shard_set = ShardSet(real / name)
        assert shard_set.image_size == 30
        for record in shard_set.records():
            assert record.label == (not name.endswith("non_tumor"))
            found[record.id] = record
    assert len(found) == sum(len(ShardSet(real / name)) for name in SETS)
    path = str(brats / "case_2/case_2_t1ce.nii.gz")
    settings = volumes.SliceSettings(image_size=30)
    numbers = [int(i.split("/")[2]) for i in found if i.startswith("brats/case_2/")]
    images = volumes.slice_images(volumes.read_volume(path), numbers, settings)
    for number, image in zip(numbers, images):
        record = found[f"brats/case_2/{number:03d}"]
        np.testing.assert_array_equal(record.image, image)
        assert record.patient == "case_2"


def test_table_has_every_slice_and_agrees_with_the_sets(real):
    rows = table(real)
    assert len(rows) == 4 * 155
    used = {(r["case"], r["slice"]): r for r in rows if r["verdict"] != "excluded"}
    assert all(bool(r["part"]) == (r["verdict"] != "excluded") for r in rows)
    ids = [
        (record.id.split("/"), name)
        for name in SETS
        for record in ShardSet(real / name).records()
    ]
    assert len(ids) == len(used)
    for (_, case, number), name in ids:
        row = used[case, str(int(number))]
        assert f"{row['part']}/{row['verdict']}" == name
    tumor = next(r for r in rows if r["verdict"] == "tumor")
    assert int(tumor["tumor_area"]) >= 80


def test_report_counts_what_the_sets_hold(real):
    report = json.loads((real / "report.json").read_text())
    for name in SETS:
        part, verdict = name.split("/")
        assert report["parts"][part][verdict] == len(ShardSet(real / name))
    patients = [p for part in report["parts"].values() for p in part["patients"]]
    assert sorted(patients) == [f"case_{n}" for n in range(4)]
    assert report["bad_cases"] == {}
    assert sum(sum(r.values()) for r in report["slices"].values()) == 4 * 155


def test_each_patient_is_tested_in_one_fold(run, brats, tmp_path):
    tested = []
    for fold in range(4):
        output = run(brats, tmp_path / str(fold), num_folds=4, fold=fold)
        report = json.loads((output / "report.json").read_text())
        assert (report["num_folds"], report["fold"]) == (4, fold)
        of_part = {p: own["patients"] for p, own in report["parts"].items()}
        assert sorted(sum(of_part.values(), [])) == [f"case_{n}" for n in range(4)]
        for part, patients in of_part.items():
            records = [
                record
                for verdict in ("tumor", "non_tumor")
                for record in ShardSet(output / part / verdict).records()
            ]
            assert {record.patient for record in records} == set(patients)
        tested += of_part["test"]
    assert sorted(tested) == [f"case_{n}" for n in range(4)]


def test_single_split_is_recorded_as_before_there_were_folds(real):
    report = json.loads((real / "report.json").read_text())
    assert report["num_folds"] == 1
    assert not {"num_folds", "fold"} & set(report["settings"])


def test_finished_output_is_left_alone_and_others_are_refused(run, brats, real, capsys):
    before = content(real)
    run(brats, real, num_workers=1)
    assert "finished before" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"not empty.*--seed was 0, is 1.*--overwrite"):
        run(brats, real, seed=1)
    assert content(real) == before


def test_folder_with_other_files_is_refused(run, brats, tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(UserError, match=f"{tmp_path}: not empty"):
        run(brats, tmp_path)
    run(brats, tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "all of it"
    assert (tmp_path / "report.json").exists()


def test_overwriting_leaves_nothing_of_the_run_before(run, brats, real, tmp_path):
    output = tmp_path / "real"
    shutil.copytree(real, output)
    run(brats, output, overwrite=True, split=["0", "0", "4"])
    assert sorted(os.listdir(output)) == ["report.json", "slices.csv", "test"]


@pytest.mark.parametrize("moment", ["cases", "sets", "end"])
def test_stopped_run_goes_on_and_ends_the_same(
    run, brats, real, tmp_path, monkeypatch, moment
):
    class Stop(BaseException):
        pass

    def stop(*arguments, **settings):
        raise Stop

    output = tmp_path / "real"
    with monkeypatch.context() as patched:
        if moment == "cases":
            patched.setattr(preparation, "check_faults", stop)
        elif moment == "sets":
            write, names = slice_sets.write_shard_set, []

            def write_three(path, *arguments, **settings):
                names.append(path)
                return (stop if len(names) > 3 else write)(path, *arguments, **settings)

            patched.setattr(slice_sets, "write_shard_set", write_three)
        else:
            patched.setattr(shutil, "rmtree", stop)
        with pytest.raises(Stop):
            run(brats, output)
    assert (output / "unfinished.json").exists()
    with monkeypatch.context() as patched:  # No volume is read a second time.
        patched.setattr(cases, "read_volume", stop)
        run(brats, output)
    assert content(output) == content(real)


def test_volume_that_changed_is_read_again(run, brats, tmp_path, monkeypatch):
    ours = tmp_path / "brats"
    shutil.copytree(brats, ours)
    with monkeypatch.context() as patched:
        patched.setattr(slice_sets, "write_slices_csv", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(ours, tmp_path / "real")
    heads.write_case(ours, "case_1", phase=1, tumor=(150, -100, 80))
    run(ours, tmp_path / "real")
    fresh = run(ours, tmp_path / "fresh")
    for name in SETS:
        ours, theirs = (ShardSet(f / name) for f in (tmp_path / "real", fresh))
        assert ours.manifest["shards"] == theirs.manifest["shards"]


def test_number_of_processes_does_not_matter(run, brats, real, tmp_path):
    single = run(brats, tmp_path / "real", num_workers=1)
    for name in SETS:
        ours, theirs = ShardSet(single / name), ShardSet(real / name)
        assert ours.manifest["shards"] == theirs.manifest["shards"]


def test_unlabeled_cases_need_no_masks(run, brats, tmp_path):
    for number in range(2):
        name = f"case_{number}"
        (tmp_path / name).mkdir()
        shutil.copy(brats / name / f"{name}_t1ce.nii.gz", tmp_path / name)
    output = run(tmp_path, tmp_path / "out", unlabeled=True)
    shard_set = ShardSet(output / "unlabeled")
    assert shard_set.label_counts == {
        "non_tumor": 0,
        "tumor": 0,
        "unlabeled": len(shard_set),
    }
    assert {record.label for record in shard_set.records()} == {-1}
    assert {record.patient for record in shard_set.records()} == {"case_0", "case_1"}


def test_person_overrules_the_rules(run, brats, real, tmp_path):
    rows = table(real)
    tumor = next(r for r in rows if r["verdict"] == "tumor")
    clear = next(r for r in rows if r["verdict"] == "non_tumor")
    path = tmp_path / "own.csv"
    path.write_text(
        f"case,slice,verdict\n{tumor['case']},{tumor['slice']},\n"
        f"{clear['case']},{clear['slice']},tumor\n"
    )
    output = run(brats, tmp_path / "real", exclude_csv=str(path))
    verdicts = {(r["case"], r["slice"]): r for r in table(output)}
    assert verdicts[tumor["case"], tumor["slice"]]["verdict"] == "excluded"
    assert verdicts[clear["case"], clear["slice"]]["verdict"] == "tumor"
    # The table itself, given back, gives the same sets.
    whole = str(output / "slices.csv")
    again = run(brats, tmp_path / "again", exclude_csv=whole)
    for name in SETS:
        ours, theirs = ShardSet(again / name), ShardSet(output / name)
        assert ours.manifest["shards"] == theirs.manifest["shards"]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"tumor_labels": ["1", "7"]}, "--tumor_labels=1,7: wanted some of 1,2,3,4"),
        ({"tumor_labels": []}, "--tumor_labels=: wanted some of"),
        ({"num_folds": 4, "fold": 4}, "--fold=4: expected less than --num_folds=4"),
        ({"num_folds": 5}, "--num_folds=5: 4 patients"),
        ({"split": ["2", "1", "2"]}, "--split=2,1,2: sums to 5; wanted 4"),
        ({"first_slice": 90, "last_slice": 40}, "--first_slice=90 --last_slice=40"),
        ({"min_tumor_area": 9e9}, r"no slices for train/tumor.*train/non_tumor \d+ of"),
        ({"exclude_csv": "no.csv"}, "--exclude_csv=no.csv: cannot be read"),
    ],
)
def test_flags_that_do_not_fit_are_refused(run, brats, tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        run(brats, tmp_path / "real", **settings)


def test_verdicts_on_unknown_cases_are_refused(run, brats, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("case,slice\ncase_9,40\n")
    with pytest.raises(UserError, match="own.csv: no case 'case_9' was found"):
        run(brats, tmp_path / "real", exclude_csv=str(path))


def make_bad_cases(folder):
    (heads.write_case(folder, "no_mask") / "no_mask_seg.nii.gz").unlink()
    (heads.write_case(folder, "empty") / "empty_t1ce.nii.gz").write_bytes(b"")
    _, mask = heads.sample()
    path = heads.write_case(folder, "labels") / "labels_seg.nii.gz"
    heads.write(path, np.where(mask == 2, 7, mask).astype(np.uint8))


def test_bad_cases_end_the_run_unless_they_may_be_skipped(run, brats, tmp_path, capsys):
    ours, output = tmp_path / "brats", tmp_path / "real"
    shutil.copytree(brats, ours)
    make_bad_cases(ours)
    with pytest.raises(
        UserError, match=r"3 of 7 cases .*report.json.*--skip_bad_cases"
    ):
        run(ours, output)
    shown = capsys.readouterr().err
    assert "bad case empty: " in shown and "bad case labels: " in shown
    report = json.loads((output / "report.json").read_text())
    assert sorted(report["bad_cases"]) == ["empty", "labels", "no_mask"]
    assert not (output / "train").exists()
    run(ours, output, skip_bad_cases=True)
    report = json.loads((output / "report.json").read_text())
    assert sorted(report["bad_cases"]) == ["empty", "labels", "no_mask"]
    patients = [p for part in report["parts"].values() for p in part["patients"]]
    assert sorted(patients) == [f"case_{n}" for n in range(4)]


def test_nothing_but_bad_cases_cannot_be_skipped(run, tmp_path):
    make_bad_cases(tmp_path / "brats")
    with pytest.raises(UserError, match="3 of 3 cases cannot be used"):
        run(tmp_path / "brats", tmp_path / "real", skip_bad_cases=True)


def test_empty_folder_is_refused_before_anything_is_made(run, tmp_path):
    (tmp_path / "brats").mkdir()
    with pytest.raises(UserError, match="no T1c volume"):
        run(tmp_path / "brats", tmp_path / "real")
    assert not (tmp_path / "real").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize(
    "name", ["unfinished_cases/case_0-*.npz", "slices.csv", "report.json"]
)
def test_full_disk_is_named_with_the_file(run, brats, tmp_path, monkeypatch, name):
    output = tmp_path / "real"
    with monkeypatch.context() as patched:
        patched.setattr(preparation, "check_faults", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(brats, output)
    path = next(output.glob(name), output / name)
    path.unlink(missing_ok=True)
    (path.parent / f"{path.name}.tmp").symlink_to("/dev/full")
    with pytest.raises(UserError, match=f"{path}: cannot be written: No space left"):
        run(brats, output)
    (path.parent / f"{path.name}.tmp").unlink()
    run(brats, output)
    assert len(ShardSet(output / "train/tumor"))


def test_killed_process_is_told_from_a_bad_case(run, brats, tmp_path, monkeypatch):
    monkeypatch.setattr(cases, "read_volume", lambda *paths: os._exit(1))
    with pytest.raises(UserError, match="--num_workers=2: one of them was killed"):
        run(brats, tmp_path / "real")


@pytest.mark.skipif("BRATS_DIR" not in os.environ, reason="BRATS_DIR is not set")
def test_real_cases_are_prepared_whole(run, tmp_path):
    output = run(
        os.environ["BRATS_DIR"], tmp_path / "real", split=["0.7", "0.1", "0.2"]
    )
    report = json.loads((output / "report.json").read_text())
    assert not report["bad_cases"]
    patients = [p for part in report["parts"].values() for p in part["patients"]]
    assert len(patients) == len(set(patients))
    rows = table(output)
    assert {row["patient"] for row in rows if row["part"]} == set(patients)
    # Fewer slices per patient than in any release: some tumors are small or fill all.
    assert report["slices"]["tumor"]["tumor"] > 10 * len(patients)
    assert report["slices"]["non_tumor"]["no tumor"] > 5 * len(patients)


def test_borderline_slices_are_kept_for_a_person_when_asked_for(
    run, brats, real, tmp_path
):
    output = run(brats, tmp_path / "real", keep_borderline=True)
    borderline = {r.id: r for r in ShardSet(output / "borderline").records()}
    rows = [r for r in table(output) if r["reason"].startswith("borderline")]
    assert sorted(borderline) == sorted(
        f"brats/{r['case']}/{int(r['slice']):03d}" for r in rows
    )
    assert {record.label for record in borderline.values()} == {-1}
    row = rows[0]
    image = borderline[f"brats/{row['case']}/{int(row['slice']):03d}"].image
    path = str(brats / row["case"] / f"{row['case']}_t1ce.nii.gz")
    settings = volumes.SliceSettings(image_size=30)
    volume = volumes.read_volume(path)
    expected = volumes.slice_images(volume, [int(row["slice"])], settings)
    np.testing.assert_array_equal(image, expected[0])
    for name in SETS:  # The others are as ever.
        ours, theirs = ShardSet(output / name), ShardSet(real / name)
        assert ours.manifest["shards"] == theirs.manifest["shards"]
