"""Whoever has learned from a patient that it is tested on is refused by name."""

import json
import shutil

import pytest
from noted_folder import Folder
from refusals import refused

from dataset import verify
from dataset.folders import file_sha256, variables_sha256
from dataset.records import LABEL_NAMES

FOLDS = {
    "fold-0": {"train": ["b"], "validation": ["c"], "test": ["a"]},
    "fold-1": {"train": ["c"], "validation": ["a"], "test": ["b"]},
    "fold-2": {"train": ["a"], "validation": ["b"], "test": ["c"]},
}


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("folds"))
    for fold, parts in FOLDS.items():
        folder.write_fold(fold, parts)
    return folder.path


@pytest.fixture
def experiment(folds, tmp_path):
    shutil.copytree(folds, tmp_path, dirs_exist_ok=True)
    return Folder(tmp_path)


def faults(experiment, capsys, **flags):
    with refused("faults: ", "; all above"):
        run(experiment, **flags)
    return capsys.readouterr().err.splitlines()


def run(experiment, run_dirs=()):
    verify.verify(
        data_dirs=None,
        refined_from=None,
        experiment_dir=str(experiment.path),
        run_dirs=run_dirs,
    )


def test_folds_that_learned_from_their_own_patients_are_in_order(experiment, capsys):
    run(experiment)
    shown = capsys.readouterr()
    assert "fold-1: patients: 1 train, 1 validation, 1 test." in shown.out
    assert "3 detectors and all that they come from" in shown.out
    # Detector, GAN and refiner; clusters; six sets and two to validate on.
    assert "36 trainings, sets and clusterings" in shown.out
    assert "Note" not in shown.out and not shown.err


def test_record_of_a_test_patient_in_a_training_set_is_refused(experiment, capsys):
    real = [f"fold-0/real/train/{label}" for label in LABEL_NAMES]
    experiment.write_set("fold-0/classic", ["b", "a"], real)
    experiment.write_detector("fold-0", FOLDS["fold-0"], ["fold-0/classic"])
    assert faults(experiment, capsys) == [
        "fold-0/run/model: learned from patient a, in the test part of fold-0; through"
        " fold-0/run/model <- fold-0/classic."
    ]


def test_images_of_another_folds_gan_are_refused(experiment, capsys):
    experiment.write_detector("fold-0", FOLDS["fold-0"], ["fold-2/unit/images"])
    (fault,) = faults(experiment, capsys)
    assert fault == (
        "fold-0/run/model: learned from patient a, in the test part of fold-0; through"
        " fold-0/run/model <- fold-2/unit/images <- fold-2/filtering/images <-"
        " fold-2/pggan/images <- fold-2/pggan/model <- fold-2/real/train/non_tumor."
    )


def write_guided(experiment, guide):
    """Detectors of fold-0 learn from images of a PGGAN that `guide` has guided."""
    experiment.write_json("guide/export.json", settings={"model_dir": guide})
    weights = experiment.path / "guide/variables/variables.data-00000-of-00001"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    real = "fold-0/real/train/tumor"
    settings = {"data_dir": real, "guide_dir": "guide", "guide_weight": 1.0}
    inputs = {"data_dir": [experiment.digest(real)]}
    digests = {"guide_dir": variables_sha256(str(experiment.path / "guide"))}
    experiment.write_json(
        "fold-0/guided/run.json", settings=settings, inputs=inputs, digests=digests
    )
    experiment.write_set("fold-0/images", [""], model_dir="fold-0/guided")
    experiment.write_detector("fold-0", FOLDS["fold-0"], ["fold-0/images"])


@pytest.mark.parametrize("fold, is_refused", [("fold-0", False), ("fold-2", True)])
def test_guide_of_a_gan_counts_among_what_its_images_come_from(
    fold, is_refused, experiment, capsys
):
    guide = f"{fold}/guide/model"
    experiment.write_training(guide, train_dirs=[f"{fold}/real/train/tumor"])
    write_guided(experiment, guide)
    if not is_refused:
        run(experiment)
        assert "guided by" not in capsys.readouterr().out
        return
    (fault,) = faults(experiment, capsys)
    assert "learned from patient a, in the test part of fold-0" in fault
    assert "fold-0/images <- fold-0/guided <- fold-2/guide/model <- " in fault


def test_guide_that_was_replaced_since_is_refused(experiment, capsys):
    write_guided(experiment, "fold-0/run/model")
    (weights,) = (experiment.path / "guide/variables").iterdir()
    weights.write_bytes(b"others")
    (fault,) = faults(experiment, capsys)
    assert fault == "fold-0/guided: guided by another detector than lies in guide now."


def test_detector_in_the_place_of_the_guide_that_it_learned_from_is_noted(
    experiment, capsys
):
    write_guided(experiment, "fold-0/run/model")
    run(experiment)
    assert "guided by fold-0/run/model, which was trained" in capsys.readouterr().out


def test_refiner_that_is_trained_on_another_folds_images_is_refused(experiment, capsys):
    experiment.write_training(
        "fold-1/unit/model",
        real_dir="fold-0/real/train/tumor",
        synthetic_dir="fold-1/filtering/images",
    )
    (fault,) = faults(experiment, capsys)
    assert fault.startswith(
        "fold-1/run/model: learned from patient b, in the test part"
    )
    assert "fold-1/unit/model <- fold-0/real/train/tumor" in fault


def test_clusters_that_were_made_with_test_patients_are_refused(experiment, capsys):
    name = "fold-0/filtering/clusters/clusters.json"
    inputs = json.loads((experiment.path / name).read_text())["inputs"]
    other = "fold-0/real/test/tumor"
    experiment.write_json(name, inputs={**inputs, other: experiment.digest(other)})
    (fault,) = faults(experiment, capsys)  # It is another file than was noted.
    assert "fold-0/filtering/images: no clusters.json has the digest" in fault
    digest = file_sha256(str(experiment.path / name))
    kept = "fold-0/filtering/images"
    experiment.write_set(kept, [""], ["fold-0/pggan/images"], clusters_sha256=digest)
    experiment.write_detector("fold-0", FOLDS["fold-0"], [kept])
    (fault,) = faults(experiment, capsys)
    assert "learned from patient a" in fault and f"{name} <- {other}" in fault


def test_training_on_validation_patients_and_validation_on_test_ones_are_refused(
    experiment, capsys
):
    experiment.write_training(
        "fold-0/run/model",
        train_dirs=["fold-0/real/validation/tumor"],
        validation_dirs=["fold-0/real/test/tumor"],
    )
    assert [line.partition(";")[0] for line in faults(experiment, capsys)] == [
        "fold-0/run/model: learned from patient c, in the validation part of fold-0",
        "fold-0/run/model: validated on patient a, in the test part of fold-0",
    ]


def test_gan_that_is_compared_with_validation_patients_does_not_learn_from_them(
    experiment, capsys
):
    sets = {"data_dir": "fold-0/real/train/non_tumor"}
    sets["validation_dir"] = "fold-0/real/validation/non_tumor"
    experiment.write_training("fold-0/pggan/model", **sets)
    run(experiment)
    capsys.readouterr()
    sets["validation_dir"] = "fold-0/real/test/tumor"
    experiment.write_training("fold-0/pggan/model", **sets)
    (fault,) = faults(experiment, capsys)
    assert fault.startswith("fold-0/pggan/model: validated on patient a, in the test")


def test_step_that_is_selected_by_test_patients_is_refused(experiment, capsys):
    experiment.write_json(
        "fold-0/unit/selection.json", inputs={"fold-0/run/predictions.csv": "digest"}
    )
    (fault,) = faults(experiment, capsys)
    assert "fold-0/unit/selection.json: selected by patient a, in the test" in fault


def test_images_that_changed_after_the_training_are_refused(experiment, capsys):
    experiment.write_set("fold-0/classic", ["b"], ["fold-0/real/train/tumor"])
    (fault,) = faults(experiment, capsys)
    assert fault.startswith(
        "fold-0/run/model: made from another fold-0/classic than lies there now"
    )


def test_patient_who_is_tested_twice_or_never_is_refused(experiment, capsys):
    experiment.write_fold("fold-1", FOLDS["fold-0"])
    assert faults(experiment, capsys) == [
        "patient a is tested in fold-0 and fold-1.",
        "patient b: tested in no fold.",
    ]


def test_missing_fold_and_predictions_of_others_are_refused(experiment, capsys):
    experiment.write_csv("fold-0/run/predictions.csv", ["a", "b"])
    runs = ["fold-0/run", "fold-1/run"]
    assert faults(experiment, capsys, run_dirs=runs) == [
        "fold-0/run/predictions.csv: patient b: not in the test part of fold-0.",
        "2 folds with results, expected 3 as in fold-0/real/report.json.",
        "patient c: tested in no fold.",
    ]


def test_patient_in_two_parts_of_a_fold_is_refused(experiment, capsys):
    experiment.write_real("fold-0", {**FOLDS["fold-0"], "train": ["a", "b"]})
    lines = faults(experiment, capsys)
    assert "fold-0/real: patient a is in train and test." in lines


def test_only_the_runs_that_are_named_count(experiment, capsys):
    """What a former configuration has left does not."""
    experiment.write_training("fold-0/old/model", train_dirs="fold-0/real/test/tumor")
    experiment.write_csv("fold-0/old/predictions.csv", ["a"])
    run(experiment, [f"{fold}/run" for fold in FOLDS])
    assert "fold-0/old" in faults(experiment, capsys)[0]


def test_what_is_not_noted_is_told(experiment, capsys):
    experiment.write_set("mine", [""])
    experiment.write_detector("fold-0", FOLDS["fold-0"], ["mine"])
    run(experiment)
    assert "Note: mine: its manifest does not say what" in capsys.readouterr().out


def test_one_split_beside_folds_is_an_experiment_of_its_own(experiment, capsys):
    parts = {"train": ["a"], "validation": ["b"], "test": ["c"]}
    experiment.write_fold(".", parts)
    experiment.write_json("real/report.json")
    run(experiment)
    assert ".: patients: 1 train, 1 validation, 1 test." in capsys.readouterr().out


def test_folds_of_every_share_of_the_training_patients_complement(experiment, capsys):
    for fold, parts in FOLDS.items():
        experiment.write_fold(f"{fold}/share-50", parts)
        path = f"{fold}/share-50/real/report.json"
        experiment.write_json(path, num_folds=3, training_share=0.5)
    run(experiment)
    assert "6 detectors and all" in capsys.readouterr().out


def test_gan_of_more_patients_than_its_share_is_refused(tmp_path, capsys):
    experiment = Folder(tmp_path)
    parts = {"train": ["a", "d"], "validation": ["b"], "test": ["c"]}
    experiment.write_fold(".", parts)
    experiment.write_json("real/report.json")
    experiment.write_fold("share-50", {**parts, "train": ["a"]})
    report = {"training_share": 0.5, "unused_patients": ["d"]}
    experiment.write_json("share-50/real/report.json", **report)
    run(experiment)
    said = "share-50: patients: 1 train, 1 validation, 1 test, 1 unused."
    assert said in capsys.readouterr().out
    experiment.write_training("share-50/pggan/model", data_dir="real/train/tumor")
    (fault,) = faults(experiment, capsys)
    assert fault == (
        "share-50/run/model: learned from patient d, in the unused part of share-50;"
        " through share-50/run/model <- share-50/unit/images <-"
        " share-50/filtering/images <- share-50/pggan/images <- share-50/pggan/model"
        " <- real/train/tumor."
    )


def test_folder_without_results_is_refused(tmp_path):
    with refused("no predictions.csv in it"):
        run(Folder(tmp_path))
    with refused("either --data_dirs or --experiment_dir"):
        verify.verify(data_dirs=None, refined_from=None)
