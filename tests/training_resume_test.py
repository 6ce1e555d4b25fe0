"""A training that is killed, started again, and killed again equals one that is not.

Every trainer, in one process: n steps are k steps, new objects restored from the
checkpoint, and n - k steps; with every change of a phase. The steps are done eagerly,
which takes a fifth of the time of making their graphs; with graphs in `make test-long`.
What signals do to a process is tested with a small training in
`training_signals_test.py`.
"""

import os
import shutil
from signal import SIGKILL, SIGTERM

import interruption
import numpy as np
import pytest
from small_trainings import TRAININGS, assert_every_trainer_in
from tensorflow.python.framework.config import disable_op_determinism

from flags.binary import definition

# By training: the signals in turn, each with the first and last step to draw from, and
# whether checkpoints are made at every step before it. Without them all is redone.
STOPS = {
    # At the change of phase; in the fade, to its beginning; in the last phase.
    "pggan": [(SIGKILL, 4, 4, True), (SIGKILL, 5, 6, False), (SIGTERM, 7, 9, True)],
    # Before, and at, an end that only the measured distances tell.
    "pggan_flat": [(SIGKILL, 13, 19, True), (SIGKILL, 20, 20, True)],
    "unit": [(SIGKILL, 2, 3, True)],
    "munit": [(SIGKILL, 2, 3, True)],
    "simgan": [(SIGKILL, 2, 2, True), (SIGTERM, 3, 3, True), (SIGKILL, 6, 7, True)],
    "classifier": [(SIGKILL, 2, 5, True), (SIGTERM, 5, 7, True)],
}
MODES = [
    pytest.param(True, id="eager"),
    pytest.param(False, id="graph", marks=pytest.mark.long),
]


pytestmark = pytest.mark.usefixtures("one_residual_block")


def test_every_trainer_is_here():
    assert_every_trainer_in(STOPS)


@pytest.fixture(scope="module", autouse=True)
def deterministic():
    """What --deterministic sets is of the process, and of no later test."""
    yield
    disable_op_determinism()


@pytest.fixture(scope="module")
def settings_of(flag_defaults, write_images, tmp_path_factory):
    """A function of a training's name to its settings, without a folder for it."""
    known = {}

    def settings(name):
        if name not in known:
            binary, own, write_data = TRAININGS[name]
            data = write_data(tmp_path_factory.mktemp(name), write_images)
            known[name] = {**flag_defaults(definition(binary)), **own, **data}
        return known[name]

    return settings


@pytest.fixture(scope="module")
def whole(settings_of, tmp_path_factory):
    """A function of a training's name to the folder of it, done without a stop."""
    folders = {}

    def folder(name, eagerly=True):
        key = (name, eagerly)
        if key not in folders:
            folders[key] = str(tmp_path_factory.mktemp(name) / "whole")
            settings = {**settings_of(name), "model_dir": folders[key]}
            interruption.start(TRAININGS[name].binary, settings, eagerly=eagerly)
        return folders[key]

    return folder


@pytest.mark.parametrize("eagerly", MODES)
@pytest.mark.parametrize("name", STOPS)
def test_killed_and_stopped_equals_uninterrupted(
    name, eagerly, settings_of, whole, draw, tmp_path, capsys
):
    binary = TRAININGS[name].binary
    settings = {**settings_of(name), "model_dir": str(tmp_path / "model")}
    expected = 0
    for number, first, last, saving in STOPS[name]:
        stop = (number, draw.randint(first, last))
        own = {**settings, "checkpoint_minutes": 0.0 if saving else 60.0}
        interruption.start(binary, own, stop, eagerly)
        assert interruption.continued_step(capsys.readouterr().out) == expected
        if saving:
            expected = stop[1] - (number == SIGKILL)
    interruption.start(binary, settings, eagerly=eagerly)
    assert interruption.continued_step(capsys.readouterr().out) == expected
    interruption.assert_same_training(settings["model_dir"], whole(name, eagerly))


def test_checkpoint_before_one_that_is_cut_short_is_continued(
    settings_of, whole, tmp_path, capsys
):
    settings = {**settings_of("unit"), "model_dir": str(tmp_path / "model")}
    own = {**settings, "checkpoint_minutes": 0.0}
    interruption.start("unit.train", own, (SIGKILL, 3), eagerly=True)
    (newest,) = tmp_path.glob("model/checkpoints/ckpt-2.data*")
    os.truncate(newest, newest.stat().st_size // 2)
    capsys.readouterr()
    interruption.start("unit.train", settings, eagerly=True)
    printed = capsys.readouterr()
    assert interruption.continued_step(printed.out) == 1
    assert "ckpt-2: damaged (" in printed.err
    interruption.assert_same_training(settings["model_dir"], whole("unit"))


@pytest.mark.parametrize("name", STOPS)
def test_finished_training_does_not_go_on(name, settings_of, whole, tmp_path, capsys):
    """Neither if it is finished, nor if it was killed before it could say so."""
    model_dir = tmp_path / "model"
    shutil.copytree(whole(name), model_dir)
    settings = {**settings_of(name), "model_dir": str(model_dir)}
    (model_dir / "finished.json").unlink()
    run = interruption.start(TRAININGS[name].binary, settings, eagerly=True)
    assert run.step == run.folder.latest_step()
    interruption.assert_same_training(str(model_dir), whole(name))
    interruption.start(TRAININGS[name].binary, settings)
    assert "finished already" in capsys.readouterr().out


def test_pictures_of_every_phase_are_written(whole):
    names = set(interruption.pictures(whole("pggan")))
    assert {"real-004px.png", "real-008px.png"} < names
    assert {"008px-fade-step-0000006.png", "008px-stabilise-step-0000010.png"} < names
    names = set(interruption.pictures(whole("simgan")))
    assert names == {f"step-000000{n}.png" for n in (2, 4, 5, 7)}
    names = set(interruption.pictures(whole("unit")))
    assert names == {"step-0000002.png", "step-0000003.png"}


def test_steps_to_keep_are_kept(whole):
    assert interruption.kept_steps(whole("unit")) == ["step-1", "step-2"]
    assert interruption.kept_steps(whole("simgan")) == ["step-4"]


def test_history_buffer_is_full_and_part_of_the_checkpoint(whole):
    weights = interruption.final_weights(whole("simgan"))
    (images,) = [v for name, v in weights.items() if "history_buffer/images" in name]
    assert np.abs(images).max(axis=(1, 2, 3)).all()


def test_best_epoch_is_the_one_of_the_log(whole):
    log = interruption.log_lines(whole("classifier"))
    lines = [line for line in log if "validation_loss" in line]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    best = max(
        lines,
        key=lambda line: (line["validation_accuracy"], -line["validation_loss"]),
    )
    finished = interruption.finished(whole("classifier"))
    assert finished["best_epoch"] == best["epoch"]
    assert finished["validation_loss"] == best["validation_loss"]


def test_early_end_is_recorded_with_its_distances(whole):
    log = interruption.log_lines(whole("pggan_flat"))
    lines = [line for line in log if "swd" in line]
    assert [line["step"] for line in lines] == [6, 8, 10, 12, 14, 16, 18, 20]
    result = interruption.finished(whole("pggan_flat"))
    assert result["step"] == 20 and result["images"] == 80
    assert result["stopped_when_flat"] is True
    assert result["best_distance_at_image"] == 48
    assert result["best_distance"] == lines[3]["swd"]
    assert result["distance"] == lines[-1]["swd"]
    assert all(line["swd_noise"] > 0 for line in lines[3:])
    pictures = interruption.pictures(whole("pggan_flat"))
    assert "008px-stabilise-step-0000020.png" in pictures


def test_measuring_changes_no_weight(settings_of, whole, tmp_path):
    """Validation images are measured with, not learnt from."""
    changes = {"validation_dir": None, "distance_kimg": 0.0, "stop_when_flat": 0.0}
    changes |= {"stabilize_kimg": ["0.02", "0.04"], "model_dir": str(tmp_path / "m")}
    settings = {**settings_of("pggan_flat"), **changes}
    interruption.start("pggan.train", settings, eagerly=True)
    weights, measured = (
        {
            name: value
            for name, value in interruption.final_weights(folder).items()
            if "_trackers" not in name  # Losses that are yet to be logged.
        }
        for folder in (settings["model_dir"], whole("pggan_flat"))
    )
    (memory,) = measured.keys() - weights.keys()
    assert "memory" in memory
    del measured[memory]
    interruption.assert_bits_equal(measured, weights)
    log = interruption.log_lines(settings["model_dir"])
    assert not [line for line in log if "swd" in line]
    about_the_run = {"step", "seconds_since_last_start", "images", "label"}
    assert set(interruption.finished(settings["model_dir"])) == about_the_run
