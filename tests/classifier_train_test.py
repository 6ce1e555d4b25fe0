"""Training the detector: early stopping, controls, weights, refusals."""

import os

import interruption
import keras_files
import numpy as np
import pytest
from refusals import refused
from small_trainings import CLASSIFIER, write_classes

from classifier import train, validation
from classifier.resnet import build_resnet
from flags import classifier as classifier_flags
from flags.binary import parse
from training.model_dir import flagfile
from training.run import Run

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
def defaults(flag_defaults, write_images, tmp_path_factory):
    folders = write_classes(tmp_path_factory.mktemp("real"), write_images)
    own = {**CLASSIFIER, "deterministic": False, **folders}
    return {**flag_defaults(classifier_flags.define_train), **own}


@pytest.fixture
def settings(defaults, tmp_path):
    return {**defaults, "model_dir": str(tmp_path / "model")}


def start(settings):
    return interruption.start("classifier.train", settings, eagerly=True)


def validations(model_dir):
    return [
        line for line in interruption.log_lines(model_dir) if "validation_loss" in line
    ]


def test_early_stopped_training_does_not_go_on_when_started_again(
    settings, monkeypatch, capsys
):
    monkeypatch.setattr(
        validation, "is_better", lambda result, model, _: not model.best_epoch
    )
    settings |= {"patience": 1, "max_epochs": 9}
    start(settings)
    assert [line["epoch"] for line in validations(settings["model_dir"])] == [1, 2]
    os.remove(os.path.join(settings["model_dir"], "finished.json"))  # As if killed.
    capsys.readouterr()
    run = start(settings)
    assert run.step == 6 and run.folder.is_finished
    assert "finished at step 6" in capsys.readouterr().out
    assert run.folder.latest_step() == 6


def test_control_takes_as_many_steps_in_whole_epochs_and_does_not_stop_early(
    settings, monkeypatch, tmp_path
):
    monkeypatch.setattr(
        validation, "is_better", lambda result, model, _: not model.best_epoch
    )
    (tmp_path / "finished.json").write_text('{"step": 7}')
    control = {"match_steps_of": str(tmp_path), "patience": 1, "max_epochs": 1}
    run = start({**settings, **control})
    assert run.folder.is_finished and run.step == 9


def test_dry_run_checks_and_writes_nothing(settings, capsys):
    start({**settings, "dry_run": True, "blocks": [3, 4, 6, 3], "base_maps": 64})
    assert not os.path.exists(settings["model_dir"])
    output = capsys.readouterr().out
    assert "parameters: 23,589,765" in output
    assert "epoch: 3 steps of 8; 24 images" in output


def test_training_takes_the_numbers_of_images_that_it_is_given(settings, capsys):
    numbers = ["3"] * len(settings["train_dirs"])
    start({**settings, "train_images": numbers, "steps_per_epoch": 0})
    line = f"1 steps of 8; {3 * len(numbers)} images"
    assert line in capsys.readouterr().out
    with refused("--train_images: the training in", "was started with ['3'"):
        start(settings)


def test_replicas_synchronise_every_batch_norm(settings, monkeypatch):
    seen = {}

    def build(image_size, **options):
        seen.update(options)
        raise KeyboardInterrupt  # Seen enough.

    monkeypatch.setattr(train.networks, "build_detector", build)
    for strategy, expected in [("mirrored", True), ("one_device", False)]:
        with pytest.raises(KeyboardInterrupt):
            start({**settings, "strategy": strategy})
        assert seen["sync_batch_norm"] == expected


@pytest.mark.parametrize(
    "choice, expected", [("none", None), ("balanced", (1.5, 0.75))]
)
def test_loss_has_the_weights_of_the_labels_numbers(
    settings, monkeypatch, choice, expected
):
    """Of two sets of tumor images and one of as many non-tumor ones."""
    seen = []

    class Seen(train.Classifier):
        def __init__(self, *args, class_weights, **kwargs):
            super().__init__(*args, class_weights=class_weights, **kwargs)
            seen.append(class_weights)

    monkeypatch.setattr(train, "Classifier", Seen)
    non_tumor, tumor = settings["train_dirs"]
    changes = {"train_dirs": [non_tumor, tumor, tumor], "class_weights": choice}
    start({**settings, **changes, "dry_run": True})
    assert seen == [expected]


@pytest.mark.parametrize(
    "changes, parts",
    [
        ({"train_dirs": ["nowhere"]}, ["nowhere"]),
        ({"image_size": 31}, ["--image_size=31", "32 px"]),
        (
            {"weights": "imagenet"},
            ["--blocks=1,1,1,1 --base_maps=16", "imagenet", "3,4,6,3", "64"],
        ),
        ({"match_steps_of": "x"}, ["--match_steps_of=x"]),
        ({"weights": "no/such.h5"}, ["--weights=no/such.h5"]),
        ({"strategy": "mirrored", "batch_size": 5}, ["--batch_size=5 ", "2 replicas"]),
    ],
)
def test_what_cannot_be_trained_is_refused(settings, changes, parts):
    with refused(*parts):
        start({**settings, **changes})
    assert not os.path.exists(settings["model_dir"])


@pytest.mark.parametrize("blocks", ["3,4,6", "3,4,x,3", "3,4,0,3", "3,4,-1,3", ""])
def test_blocks_that_are_no_network_are_refused(blocks):
    with refused(f"--blocks={blocks}"):
        parse("classifier.train", [f"--blocks={blocks}"], complete=False)


def test_blocks_are_read_from_the_flags_file_that_a_training_writes(settings, tmp_path):
    path = tmp_path / "flags.cfg"
    path.write_text(flagfile(settings))
    read = parse("classifier.train", [f"--flagfile={path}"])
    assert read["blocks"] == [1, 1, 1, 1] and read == settings


def test_one_class_alone_is_refused(settings):
    tumor_only = {**settings, "train_dirs": settings["train_dirs"][1:]}
    with refused("0 non_tumor", "12 tumor"):
        start(tumor_only)


def test_validation_on_training_patients_is_refused(settings):
    leaking = {**settings, "validation_dirs": settings["train_dirs"]}
    with refused("3 patient", "--train_dirs"):
        start(leaking)


def test_training_starts_from_the_weights_given(settings, tmp_path):
    size = {"blocks": settings["blocks"], "base_maps": settings["base_maps"]}
    backbone = build_resnet(32, **size)
    path = str(tmp_path / "backbone.h5")
    keras_files.save_weights(backbone, path)
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
    start({**settings, "max_epochs": 1})
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
