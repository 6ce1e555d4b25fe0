"""From volumes to shard sets: complete, resumable, and in words when it cannot be."""

import json
import os
import shutil

import heads
import numpy as np
import pytest
from refusals import refused
from shard_sets import read_table, shards, stopped

from dataset import cases, preparation, prepare, slice_sets, volumes
from dataset.shards import PROJECT_VERSION, ShardSet
from flags import dataset as dataset_flags

SETS = [
    f"{p}/{v}" for p in ("test", "train", "validation") for v in ("non_tumor", "tumor")
]


@pytest.fixture(scope="session")
def run(flag_defaults):
    """Calls `prepare` as the binary would, small."""
    defaults = flag_defaults(dataset_flags.define_prepare)
    small = {"image_size": 30, "split": ["2", "1", "1"], "num_workers": 1}

    def run(brats_dir, output_dir, **settings):
        folders = {"brats_dir": str(brats_dir), "output_dir": str(output_dir)}
        prepare.main({**defaults, **small, **folders, **settings})
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
    """Made by two processes, as all others are by one."""
    return run(brats, tmp_path_factory.mktemp("real") / "real", num_workers=2)


def content(folder):
    """Everything that a run wrote, but for the folder's own name and its processes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        .replace(bytes(folder), b"")
        .replace(b'"num_workers": 2', b'"num_workers": 1')
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".csv", ".tfrecord") or path.name == "report.json"
    }


def table(folder):
    return read_table(folder / "slices.csv")


def report(folder):
    return json.loads((folder / "report.json").read_text())


def records(folder):
    """(name of the set, `Record`) of all."""
    return [(n, r) for n in shards(folder) for r in ShardSet(folder / n).records()]


def slice_image(brats, case, number):
    volume = volumes.read_volume(str(brats / case / f"{case}_t1ce.nii.gz"))
    settings = volumes.SliceSettings(image_size=30)
    return volumes.slice_images(volume, [int(number)], settings)[0]


def test_output_is_complete_and_nothing_else(real):
    names = ["report.json", "slices.csv", "test", "train", "validation"]
    assert sorted(os.listdir(real)) == names
    assert list(shards(real)) == SETS
    for name in SETS:
        files = sorted(os.listdir(real / name))
        assert files == ["manifest.json", "shard-00000-of-00001.tfrecord"]


def test_records_are_the_slices_of_the_volumes(real, brats):
    found = records(real)
    assert len({record.id for _, record in found}) == len(found)
    for name, record in found:
        assert record.label == (not name.endswith("non_tumor"))
        assert record.image.shape == (30, 30)
    for _, record in found[::40]:
        _, case, number = record.id.split("/")
        assert record.patient == case
        np.testing.assert_array_equal(record.image, slice_image(brats, case, number))


def test_table_has_every_slice_and_agrees_with_the_sets(real):
    rows = table(real)
    assert len(rows) == 4 * 155
    used = {(r["case"], r["slice"]): r for r in rows if r["verdict"] != "excluded"}
    assert all(bool(r["part"]) == (r["verdict"] != "excluded") for r in rows)
    found = records(real)
    assert len(found) == len(used)
    for name, record in found:
        _, case, number = record.id.split("/")
        row = used[case, str(int(number))]
        assert name == f"{row['part']}/{row['verdict']}"


def test_report_counts_what_was_written(real):
    found = report(real)
    for name in SETS:
        part, verdict = name.split("/")
        assert found["parts"][part][verdict] == len(ShardSet(real / name))
    patients = [p for part in found["parts"].values() for p in part["patients"]]
    assert sorted(patients) == [f"case_{n}" for n in range(4)]
    assert found["bad_cases"] == {}
    assert sum(sum(r.values()) for r in found["slices"].values()) == 4 * 155


def test_a_fold_has_the_patients_that_it_reports(run, brats, real, tmp_path):
    output = run(brats, tmp_path / "fold", num_folds=4, fold=1)
    found = report(output)
    assert (found["num_folds"], found["fold"]) == (4, 1)
    of_part = {part: set(own["patients"]) for part, own in found["parts"].items()}
    assert sorted(map(len, of_part.values())) == [1, 1, 2]
    for name, record in records(output):
        assert record.patient in of_part[name.split("/")[0]]
    # A single split is recorded as before there were folds.
    assert report(real)["num_folds"] == 1
    assert not {"num_folds", "fold"} & set(report(real)["settings"])


def test_finished_output_is_left_alone_and_others_are_refused(run, brats, real, capsys):
    before = content(real)
    run(brats, real)
    assert "finished before" in capsys.readouterr().out
    with refused("not empty", "--seed was 0, is 1", "--overwrite"):
        run(brats, real, seed=1)
    assert content(real) == before


def test_output_of_another_version_is_its_own(run, brats, real, tmp_path, capsys):
    output = tmp_path / "real"
    shutil.copytree(real, output)
    text = (output / "report.json").read_text().replace(PROJECT_VERSION, "0.0.9")
    (output / "report.json").write_text(text)
    run(brats, output)
    assert "finished before" in capsys.readouterr().out
    assert (output / "report.json").read_text() == text


def test_overwriting_leaves_what_is_not_its_own_and_nothing_of_the_run_before(
    run, brats, real, tmp_path
):
    output = tmp_path / "real"
    shutil.copytree(real, output)
    (output / "thesis.tex").write_text("all of it")
    with refused(f"{output}: not empty"):
        run(brats, output, split=["0", "0", "4"])
    run(brats, output, overwrite=True, split=["0", "0", "4"])
    names = ["report.json", "slices.csv", "test", "thesis.tex"]
    assert sorted(os.listdir(output)) == names
    assert (output / "thesis.tex").read_text() == "all of it"


@pytest.mark.parametrize(
    "stop",
    [
        (preparation, "check_faults"),
        (slice_sets, "write_shard_set", 3),
        (shutil, "rmtree"),
    ],
    ids=["cases", "sets", "end"],
)
def test_stopped_run_goes_on_and_ends_the_same(
    run, brats, real, tmp_path, monkeypatch, stop
):
    output = tmp_path / "real"
    with stopped(monkeypatch, *stop):
        run(brats, output)
    assert (output / "unfinished.json").exists()
    with monkeypatch.context() as patched:  # No volume is read a second time.
        patched.setattr(cases, "read_volume", None)
        run(brats, output)
    assert content(output) == content(real)


def test_volume_that_changed_is_read_again(run, brats, tmp_path, monkeypatch):
    ours = tmp_path / "brats"
    shutil.copytree(brats, ours)
    with stopped(monkeypatch, slice_sets, "write_slices_csv"):
        run(ours, tmp_path / "real")
    assert not (tmp_path / "real" / "report.json").exists()  # It is of finished runs.
    heads.write_case(ours, "case_1", phase=1, tumor=(150, -100, 80))
    run(ours, tmp_path / "real")
    assert shards(tmp_path / "real") == shards(run(ours, tmp_path / "fresh"))


def test_unlabeled_cases_need_no_masks(run, brats, tmp_path):
    for name in ("case_0", "case_1"):
        (tmp_path / name).mkdir()
        shutil.copy(brats / name / f"{name}_t1ce.nii.gz", tmp_path / name)
    output = run(tmp_path, tmp_path / "out", unlabeled=True)
    found = records(output)
    assert {name for name, _ in found} == {"unlabeled"}
    assert {record.label for _, record in found} == {-1}
    assert {record.patient for _, record in found} == {"case_0", "case_1"}
    options = {"unlabeled": True, "patient_pattern": r"case_(\d)/"}
    output = run(tmp_path, tmp_path / "named", **options)
    assert {record.patient for _, record in records(output)} == {"0", "1"}


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
    verdicts = {(r["case"], r["slice"]): r["verdict"] for r in table(output)}
    assert verdicts[tumor["case"], tumor["slice"]] == "excluded"
    assert verdicts[clear["case"], clear["slice"]] == "tumor"
    # The table itself, given back, gives the same sets.
    whole = str(output / "slices.csv")
    assert shards(run(brats, tmp_path / "again", exclude_csv=whole)) == shards(output)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"tumor_labels": ["1", "7"]}, "--tumor_labels=1,7: expected some of 1,2,3,4"),
        ({"tumor_labels": []}, "--tumor_labels=: expected some of"),
        ({"num_folds": 4, "fold": 4}, "--fold=4: expected less than --num_folds=4"),
        ({"num_folds": 5}, "--num_folds=5: 4 patients"),
        ({"split": ["2", "1", "2"]}, "--split=2,1,2: sums to 5; expected 4"),
        ({"first_slice": 90, "last_slice": 40}, "--first_slice=90 --last_slice=40"),
        ({"min_tumor_area": 9e9}, "no images for train/tumor"),
        ({"exclude_csv": "no.csv"}, "--exclude_csv=no.csv: cannot be read"),
    ],
)
def test_flags_that_do_not_fit_are_refused(run, brats, tmp_path, settings, message):
    with refused(message):
        run(brats, tmp_path / "real", **settings)


def test_verdicts_on_unknown_cases_are_refused(run, brats, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("case,slice\ncase_9,40\n")
    with refused("own.csv: no case 'case_9' was found"):
        run(brats, tmp_path / "real", exclude_csv=str(path))


def make_bad_cases(folder):
    (heads.write_case(folder, "no_mask") / "no_mask_seg.nii.gz").unlink()
    (heads.write_case(folder, "empty") / "empty_t1ce.nii.gz").write_bytes(b"")
    _, mask = heads.sample()
    path = heads.write_case(folder, "labels") / "labels_seg.nii.gz"
    heads.write(path, np.where(mask == 2, 7, mask).astype(np.uint8))


def test_bad_cases_end_the_run_unless_they_may_be_skipped(run, brats, tmp_path, capsys):
    ours, output = tmp_path / "brats", tmp_path / "real"
    make_bad_cases(ours)
    with refused("3 of 3 cases cannot be used"):  # None is left.
        run(ours, tmp_path / "none", skip_bad_cases=True)
    shutil.copytree(brats, ours, dirs_exist_ok=True)
    with refused("3 of 7 cases", "report.json", "--skip_bad_cases"):
        run(ours, output)
    shown = capsys.readouterr().err
    assert "bad case empty: " in shown and "bad case labels: " in shown
    assert not (output / "train").exists()
    run(ours, output, skip_bad_cases=True)
    found = report(output)
    assert sorted(found["bad_cases"]) == ["empty", "labels", "no_mask"]
    patients = [p for part in found["parts"].values() for p in part["patients"]]
    assert sorted(patients) == [f"case_{n}" for n in range(4)]


def test_empty_folder_is_refused_before_anything_is_made(run, tmp_path):
    (tmp_path / "brats").mkdir()
    with refused("no T1c volume"):
        run(tmp_path / "brats", tmp_path / "real")
    assert not (tmp_path / "real").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_disk_is_named_with_the_file(run, brats, tmp_path, monkeypatch):
    output = tmp_path / "real"
    with stopped(monkeypatch, preparation, "check_faults"):
        run(brats, output)
    (case,) = output.glob("unfinished_cases/case_0-*.npz")
    case.unlink()
    for path in (case, output / "report.json", output / "slices.csv"):
        full = path.parent / f"{path.name}.tmp"
        full.symlink_to("/dev/full")
        with refused(f"{path}: cannot be written: No space left"):
            run(brats, output)
        full.unlink()
    run(brats, output)
    assert len(ShardSet(output / "train/tumor"))


def test_killed_process_is_told_from_a_bad_case(run, brats, tmp_path, monkeypatch):
    monkeypatch.setattr(cases, "read_volume", lambda *paths: os._exit(1))
    with refused("--num_workers=2: one of them was killed"):
        run(brats, tmp_path / "real", num_workers=2)


@pytest.mark.skipif("BRATS_DIR" not in os.environ, reason="BRATS_DIR is not set")
def test_real_cases_are_prepared_whole(run, tmp_path):
    folder, split = os.environ["BRATS_DIR"], ["0.7", "0.1", "0.2"]
    output = run(folder, tmp_path / "real", split=split, num_workers=2)
    found = report(output)
    assert not found["bad_cases"]
    patients = [p for part in found["parts"].values() for p in part["patients"]]
    assert len(patients) == len(set(patients))
    assert {row["patient"] for row in table(output) if row["part"]} == set(patients)
    # Fewer slices per patient than in any release: some tumors are small or fill all.
    assert found["slices"]["tumor"]["tumor"] > 10 * len(patients)
    assert found["slices"]["non_tumor"]["no tumor"] > 5 * len(patients)


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
    case, number = rows[0]["case"], int(rows[0]["slice"])
    image = borderline[f"brats/{case}/{number:03d}"].image
    np.testing.assert_array_equal(image, slice_image(brats, case, number))
    others = shards(output)
    del others["borderline"]
    assert others == shards(real)


def test_case_without_images_is_in_no_part_and_named(run, brats, tmp_path, capsys):
    path = tmp_path / "verdicts.csv"
    path.write_text("case,slice,verdict\ncase_2,,excluded\n")
    (brats_copy := tmp_path / "brats").mkdir()
    for case in brats.iterdir():
        (brats_copy / case.name).symlink_to(case)
    (brats_copy / "case_9_t1ce.img").write_bytes(b"")
    table = {"exclude_csv": str(path), "split": ["1", "1", "1"]}
    folder = run(brats_copy, tmp_path / "real", **table)
    found = report(folder)
    assert found["cases_without_images"] == ["case_2"]
    patients = [part["patients"] for part in found["parts"].values()]
    assert sorted(sum(patients, [])) == ["case_0", "case_1", "case_3"]
    assert [*found["unused"].values()] == [["case_9_t1ce.img"]]
    printed = capsys.readouterr().out
    assert "case_2: all its slices were left out" in printed
    assert "not used: 1 files of formats" in printed
    assert "case_9_t1ce.img" in printed
