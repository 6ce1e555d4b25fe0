"""Training the detector: resume, early stopping, refusals."""

import json
import os
import random
import signal

import interruption
import numpy as np
import pytest
from absl import flags

from classifier import train, validation
from classifier.resnet import build_resnet
from classifier.weights import read_detector
from dataset.shards import UserError
from flags import classifier as classifier_flags
from flags.binary import parse
from training.run import Run, flagfile

# 24 images in batches of 8: 3 steps per epoch, 12 in all.
SMALL = {
    "image_size": 32,
    "blocks": [1, 1, 1, 1],
    "base_maps": 16,
    "batch_size": 8,
    "max_epochs": 4,
    "batch_norm_momentum": 0.5,
    "deterministic": True,
    "checkpoint_minutes": 0.0,
    "log_steps": 2,
}
MODEL_FLAGS = (
    "image_size",
    "blocks",
    "base_maps",
    "weights",
    "learning_rate",
    "momentum",
    "decay_factor",
    "decay_epochs",
    "dropout",
    "batch_norm_momentum",
    "sync_batch_norm",
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory, write_images):
    folder = tmp_path_factory.mktemp("real")
    return {
        f"{part}_dirs": [
            write_images(folder / f"{part}{label}", label, patients).directory
            for label in (0, 1)
        ]
        for part, patients in [("train", ("a", "b", "c")), ("validation", ("d",))]
    }


@pytest.fixture(scope="module")
def defaults(flag_defaults, folders):
    return {**flag_defaults(classifier_flags.define_train), **SMALL, **folders}


@pytest.fixture
def settings(defaults, tmp_path):
    return {**defaults, "model_dir": str(tmp_path / "model")}


@pytest.fixture(scope="module")
def uninterrupted(defaults, tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("classifier") / "whole")
    result = interruption.run("classifier.train", {**defaults, "model_dir": directory})
    assert result.returncode == 0, result.stderr
    return directory


def start(settings):
    run = Run("classifier.train", settings)
    train.train(run, **run.own)
    return run


def validations(model_dir):
    return [
        line for line in interruption.log_lines(model_dir) if "validation_loss" in line
    ]


def test_killed_at_random_moments_equals_uninterrupted(settings, uninterrupted):
    """While a checkpoint is written, and steps after one; asked to stop."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed of the moments: {seed}")
    draw = random.Random(seed)
    model_dir = settings["model_dir"]
    rare = {**settings, "checkpoint_minutes": 60.0}

    writing = interruption.writing_checkpoint(model_dir, draw.randint(0, 2))
    results = [interruption.interrupt("classifier.train", settings, writing)]
    assert writing()  # What it left is not a checkpoint.
    late = interruption.after_step(model_dir, draw.randint(5, 8), draw.uniform(0, 0.5))
    results.append(interruption.interrupt("classifier.train", rare, late))
    later = interruption.after_step(model_dir, draw.randint(5, 8))
    results.append(
        interruption.interrupt("classifier.train", settings, later, signal.SIGTERM)
    )
    results.append(interruption.run("classifier.train", settings))

    codes = [result.returncode for result in results]
    assert codes == [-9, -9, 143, 0], results[-1].stderr
    # All that the second process did was redone, two steps at least.
    first, second, stopped = map(interruption.continued_step, results[1:])
    assert first == second < 4
    assert f"SIGTERM: saved step {stopped} of 12" in results[2].stdout
    interruption.assert_bits_equal(
        interruption.final_weights(model_dir),
        interruption.final_weights(uninterrupted),
    )
    assert validations(model_dir) == validations(uninterrupted)
    for one, two in zip(
        read_detector(model_dir).get_weights(),
        read_detector(uninterrupted).get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


def test_best_epoch_is_the_one_of_the_log(uninterrupted):
    lines = validations(uninterrupted)
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    best = max(
        lines,
        key=lambda line: (line["validation_accuracy"], -line["validation_loss"]),
    )
    with open(os.path.join(uninterrupted, "finished.json")) as file:
        finished = json.load(file)
    assert finished["best_epoch"] == best["epoch"]
    assert finished["validation_loss"] == best["validation_loss"]


def test_early_stopped_training_does_not_go_on_when_started_again(
    settings, monkeypatch, capsys
):
    monkeypatch.setattr(
        validation, "is_better", lambda result, model, _: not model.best_epoch
    )
    settings |= {"patience": 1, "max_epochs": 9, "deterministic": False}
    start(settings)._lock.close()  # As the end of the process does.
    assert [line["epoch"] for line in validations(settings["model_dir"])] == [1, 2]
    os.remove(os.path.join(settings["model_dir"], "finished.json"))  # As if killed.
    capsys.readouterr()
    run = start(settings)
    assert run.step == 6 and run.finished
    assert "finished at step 6" in capsys.readouterr().out
    assert run.latest_step() == 6


def test_control_takes_as_many_steps_in_whole_epochs_and_does_not_stop_early(
    settings, monkeypatch, tmp_path
):
    monkeypatch.setattr(
        validation, "is_better", lambda result, model, _: not model.best_epoch
    )
    (tmp_path / "finished.json").write_text('{"step": 7}')
    control = {"match_steps_of": str(tmp_path), "patience": 1, "max_epochs": 1}
    run = start({**settings, **control, "deterministic": False})
    assert run.finished and run.step == 9


def test_dry_run_checks_and_writes_nothing(settings, capsys):
    start({**settings, "dry_run": True, "blocks": [3, 4, 6, 3], "base_maps": 64})
    assert not os.path.exists(settings["model_dir"])
    output = capsys.readouterr().out
    assert "parameters: 23,589,765" in output
    assert "epoch: 3 steps of 8; 24 images" in output


def test_replicas_synchronise_every_batch_norm(settings, monkeypatch):
    seen = {}

    def build(image_size, **options):
        seen.update(options)
        raise KeyboardInterrupt  # Seen enough.

    monkeypatch.setattr(train.networks, "build_detector", build)
    for strategy, wanted in [("mirrored", True), ("one_device", False)]:
        with pytest.raises(KeyboardInterrupt):
            start({**settings, "strategy": strategy})
        assert seen["sync_batch_norm"] == wanted


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"train_dirs": ["nowhere"]}, "nowhere: no such shard set"),
        ({"image_size": 31}, "--image_size=31: expected 32 px at least"),
        ({"weights": "imagenet"}, "--blocks=1,1,1,1 --base_maps=16: .* 3,4,6,3 and 64"),
        ({"match_steps_of": "x"}, "--match_steps_of=x: wanted a training that is fin"),
        ({"weights": "no/such.h5"}, "--weights=no/such.h5: no such file"),
        (
            {"strategy": "mirrored", "batch_size": 5},
            "--batch_size=5 does not divide among 2 replicas",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(settings, changes, message):
    with pytest.raises(UserError, match=message):
        start({**settings, **changes})
    assert not os.path.exists(settings["model_dir"])


@pytest.mark.parametrize("blocks", ["3,4,6", "3,4,x,3", "3,4,0,3", "3,4,-1,3", ""])
def test_blocks_that_are_no_network_are_refused(blocks):
    with pytest.raises(flags.Error, match="--blocks=.*expected four positive integers"):
        parse("classifier.train", [f"--blocks={blocks}"], complete=False)


def test_blocks_are_read_from_the_flags_file_that_a_training_writes(settings, tmp_path):
    path = tmp_path / "flags.cfg"
    path.write_text(flagfile(settings))
    read = parse("classifier.train", [f"--flagfile={path}"])
    assert read["blocks"] == [1, 1, 1, 1] and read == settings


def test_one_class_alone_is_refused(settings):
    tumor_only = {**settings, "train_dirs": settings["train_dirs"][1:]}
    with pytest.raises(UserError, match="0 non_tumor, 12 tumor; wanted images of both"):
        start(tumor_only)


def test_validation_on_training_patients_is_refused(settings):
    leaking = {**settings, "validation_dirs": settings["train_dirs"]}
    with pytest.raises(UserError, match=r"3 patient\(s\) are in --train_dirs, too"):
        start(leaking)


def test_changed_flag_is_refused(settings, uninterrupted):
    changed = {**settings, "model_dir": uninterrupted, "dropout": 0.1}
    with pytest.raises(UserError, match="--dropout: .* with 0.5, now it is 0.1"):
        start(changed)


def test_training_starts_from_the_weights_given(settings, tmp_path):
    size = {"blocks": settings["blocks"], "base_maps": settings["base_maps"]}
    backbone = build_resnet(32, **size)
    path = str(tmp_path / "backbone.h5")
    backbone.save_weights(path)
    run = Run("classifier.train", settings)
    given = {name: settings[name] for name in MODEL_FLAGS}
    classifier = train.build(run, 3, **{**given, "weights": path})
    built = classifier.detector.get_layer("resnet").get_weights()
    for ours, theirs in zip(built, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_training_to_start_over_reads_its_weights_though_a_former_one_is_there(
    settings, monkeypatch
):
    """Whether its images have changed, and it is put aside, turns out later."""
    start({**settings, "max_epochs": 1})._lock.close()
    read = []
    monkeypatch.setattr(train, "weights_path", lambda *asked: read.append(asked))
    given = {name: settings[name] for name in MODEL_FLAGS}
    for start_over in (False, True):
        run = Run(
            "classifier.train",
            {**settings, "max_epochs": 1} | {"start_over": start_over},
        )
        train.build(run, 3, **given)
        assert len(read) == int(start_over)
