"""Distances on the way: what is measured, when it is flat, that the end is known."""

import json
import math
import os
import random

import interruption
import numpy as np
import pytest

from dataset.shards import ShardSet, UserError
from flags import pggan as pggan_flags
from pggan import distances, growth, train
from pggan.progress import Memory
from training.input import ChosenImages
from training.run import Run

# Steps of the phases: 4 px 1-10, 8 px fading 11-20, 8 px 21-60.
SMALL = {
    "resolution": 8,
    "num_epochs": 0.0,
    "stabilize_kimg": ["0.04", "0.16"],
    "fade_kimg": ["0.04"],
    "batch_size": 4,
    "stddev_group": 4,
    "latent_size": 8,
    "fmap_base": 32,
    "fmap_max": 8,
    "deterministic": True,
    "checkpoint_minutes": 0.0,
    "log_steps": 50,
    "distance_kimg": 0.016,  # 4 steps.
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory, write_images):
    folder = tmp_path_factory.mktemp("real")
    parts = {"data_dir": ("a", "b"), "validation_dir": ("c",)}
    return {
        flag: write_images(folder / flag, 1, patients, images=5, size=8).directory
        for flag, patients in parts.items()
    }


@pytest.fixture(scope="module")
def defaults(flag_defaults, folders):
    return {**flag_defaults(pggan_flags.define_train), **SMALL, **folders}


@pytest.fixture
def settings(defaults, tmp_path):
    return {**defaults, "model_dir": str(tmp_path / "model")}


def start(settings):
    run = Run("pggan.train", settings)
    train.train(run, **run.own)
    return run


def finished(model_dir):
    with open(os.path.join(model_dir, "finished.json")) as file:
        return json.load(file)


@pytest.mark.parametrize(
    "measured, noise, patience, end",
    [
        ([50, 40, 30, 20, 10], 1, 20, None),  # Falls to the last.
        ([50, 40, 40, 41, 39], 0, 20, 4),  # Equal is no fall.
        ([50, 40, 40, 39, 41, 40], 0, 20, 6),  # The fall to 39 counts.
        ([50, 40, 40, 39, 41, 40], 2, 20, 4),  # It does not.
        ([50, 49, 48, 47, 46, 45], 2, 30, None),  # Slow falls add up.
        ([50, 49, 48, 47, 46, 45], 2, 20, 3),  # Slower than the patience.
        ([10, 50, 50, 50], 0, 20, 3),  # Rising is no fall.
        ([50, 50, 50, 50, 50], 0, 0, None),  # 0 is never.
        ([50, 50], 0, 1, 2),
    ],
)
def test_flat_is_no_fall_beyond_noise_for_the_patience(measured, noise, patience, end):
    memory, ends = Memory(), []
    for number, distance in enumerate(measured, 1):
        memory = memory.after(distance, 10 * number, noise)
        if memory.is_flat(patience):
            ends.append(number)
    assert ends[:1] == ([] if end is None else [end])


def test_memory_has_the_latest_distance_and_the_last_fall():
    memory = Memory().after(50.0, 10, 2).after(44.0, 20, 2).after(43.0, 30, 2)
    assert memory == (43.0, 30, 44.0, 20)
    assert not Memory().is_flat(1) and Memory().best_distance == math.inf


def test_steps_are_multiples_of_the_interval_and_the_end_of_the_phase():
    phase = growth.Phase(8, False, 80, 240)  # Steps 21 to 60.
    assert growth.steps_every(0.06, 4, phase) == {30, 45, 60}
    assert growth.steps_every(0.05, 4, phase) == {24, 36, 48, 60}
    assert growth.steps_every(0.001, 4, phase) == set(range(21, 61))
    assert growth.steps_every(9, 4, phase) == {60}


def test_steps_of_a_phase_do_not_depend_on_where_it_starts_but_on_the_training():
    fade = growth.Phase(8, True, 40, 80)
    assert growth.steps_every(0.048, 4, fade) == {12, 20}


def measurements(model_dir):
    return [line for line in interruption.log_lines(model_dir) if "swd" in line]


@pytest.fixture(scope="module")
def flat(defaults, tmp_path_factory):
    """A training that ends early: five images are so few that nothing is a fall."""
    directory = str(tmp_path_factory.mktemp("pggan") / "flat")
    settings = {**defaults, "model_dir": directory, "stop_when_flat": 0.06}
    result = interruption.run("pggan.train", settings)
    assert result.returncode == 0, result.stderr
    assert "finished at step 40." in result.stdout
    assert "ended by --stop_when_flat: no fall since 96 images" in result.stdout
    return settings


def test_early_end_is_recorded_with_its_distances(flat):
    lines = measurements(flat["model_dir"])
    assert [line["step"] for line in lines] == [12, 16, 20, 24, 28, 32, 36, 40]
    result = finished(flat["model_dir"])
    assert result["step"] == 40 and result["images"] == 160
    assert result["stopped_when_flat"] is True
    assert result["best_distance_at_image"] == 96
    assert result["best_distance"] == lines[3]["swd"]
    assert result["distance"] == lines[-1]["swd"]
    assert all(line["swd_noise"] > 0 for line in lines[3:])
    assert "008px-stabilise-step-0000040.png" in os.listdir(
        os.path.join(flat["model_dir"], "samples")
    )


def test_killed_before_and_at_the_early_end_equals_uninterrupted(flat, settings):
    model_dir = settings["model_dir"]
    step = random.SystemRandom().randrange(26, 39)
    print(f"killed at step {step}")
    settings = {**flat, "model_dir": model_dir}
    results = [
        interruption.run("pggan.train", settings, moment)
        for moment in [("SIGKILL", step), ("SIGKILL", 40), ("none", 0)]
    ]
    assert [result.returncode for result in results] == [-9, -9, 0], results[-1].stderr
    assert interruption.continued_step(results[1]) == step - 1
    interruption.assert_bits_equal(
        interruption.final_weights(model_dir),
        interruption.final_weights(flat["model_dir"]),
    )
    assert measurements(model_dir) == measurements(flat["model_dir"])


def test_training_that_ended_early_does_not_go_on(flat, capsys):
    """Neither if it is finished, nor if it was killed before it could say so."""
    model_dir = flat["model_dir"]
    before = interruption.final_weights(model_dir)
    start(flat)
    assert "finished already" in capsys.readouterr().out
    result = finished(flat["model_dir"])
    os.remove(os.path.join(flat["model_dir"], "finished.json"))
    run = start(flat)
    assert run.step == run.latest_step() == 40
    again = finished(flat["model_dir"])
    seconds = "seconds_since_last_start"
    assert {**again, seconds: 0} == {**result, seconds: 0}
    interruption.assert_bits_equal(
        before, interruption.final_weights(flat["model_dir"])
    )


def test_measuring_changes_no_weight(flat, settings):
    """Validation images are measured with, not learnt from."""
    unmeasured = {"validation_dir": None, "stabilize_kimg": ["0.04", "0.08"]}
    model_dir = settings["model_dir"]
    result = interruption.run("pggan.train", {**settings, **unmeasured})
    assert "finished at step 40." in result.stdout, result.stderr
    weights, measured = (
        {
            name: value
            for name, value in interruption.final_weights(folder).items()
            if "_trackers" not in name  # Losses that are yet to be logged.
        }
        for folder in (model_dir, flat["model_dir"])
    )
    (memory,) = measured.keys() - weights.keys()
    assert "memory" in memory
    del measured[memory]
    interruption.assert_bits_equal(measured, weights)
    assert not measurements(model_dir)
    about_the_run = {"step", "seconds_since_last_start", "images", "label"}
    assert set(finished(model_dir)) == about_the_run


def real(directory, number, **size):
    chosen = ChosenImages(ShardSet(directory), number, 3, "data_dir")
    return distances.real_images(chosen, resolution=16, seed=3, **size)


def test_real_images_are_reduced_as_in_training(tmp_path, write_images):
    """By hand: 14 px at a random place in 16 px, means of squares; some of the set."""
    directory = write_images(tmp_path / "real", 1, ("a",), images=6, size=14).directory
    whole, half = (real(directory, 4, size=size) for size in (16, 8))
    assert whole.shape == (4, 16, 16) and half.shape == (4, 8, 8)
    assert whole.dtype == half.dtype == np.uint8
    squares = whole.reshape(4, 8, 2, 8, 2).astype(float).mean(axis=(2, 4))
    assert np.abs(half - squares).max() <= 0.5 + 1e-3
    originals = [record.image for record in ShardSet(directory).records()]
    for image in whole:
        inside = [
            image[top : top + 14, left : left + 14] for top in (0, 1) for left in (0, 1)
        ]
        assert any(np.array_equal(a, b) for a in inside for b in originals)


def noise_images(seed, low=0, high=256, images=40):
    draws = np.random.default_rng(seed)
    return draws.integers(low, high, [images, 16, 16], dtype=np.uint8)


def flat_images(images=40):
    ramp = np.arange(16, dtype=np.uint8) * np.ones([images, 16, 1], np.uint8)
    return ramp * (1 + np.arange(images, dtype=np.uint8) % 15)[:, None, None]


def test_distances_to_the_sets_themselves_are_zero_and_to_each_other_the_floor():
    training, validation = noise_images(1), noise_images(2)
    references = distances.References(training, validation, seed=0)
    assert references.compare(validation)["swd"] == 0.0
    values = references.compare(training)
    assert values["swd_training"] == 0.0
    assert values["swd"] == values["swd_floor"] == references.floor > 0.0
    assert values["swd"] == (values["swd_16px"] + values["swd_8px"]) / 2
    assert references.compare(flat_images())["swd"] > 5 * references.floor


def test_images_of_one_shape_are_far_at_the_coarsest_level():
    """Discs at any place; and at one place, which is the same in a small patch."""
    rows, columns = np.mgrid[:16, :16]
    places = np.random.default_rng(0).uniform(4, 12, [80, 2])

    def discs(centres):
        discs = [(rows - y) ** 2 + (columns - x) ** 2 < 10 for y, x in centres]
        return 200 * np.array(discs, np.uint8)

    references = distances.References(discs(places[:40]), discs(places[40:]), seed=0)
    floor = references.compare(discs(places[:40]))
    collapsed = references.compare(discs(np.full([40, 2], 8.0)))
    assert collapsed["swd_8px"] > 2 * floor["swd_8px"]


def test_noise_is_the_spread_of_sets_of_as_many_images():
    """Against sets that are drawn from where the training images come from."""
    validation = noise_images(100)
    references = distances.References(noise_images(101), validation, seed=0)
    drawn = [references.compare(noise_images(n))["swd"] for n in range(20)]
    assert references.noise() == pytest.approx(np.std(drawn, ddof=1), rel=0.8)
    assert references.noise() == references.noise() > 0


def test_images_of_fixed_latents_do_not_depend_on_how_many_are_drawn_at_once(
    monkeypatch,
):
    class Model:
        latent_size, size = 3, "8px"
        averaged_generators = {
            "8px": lambda inputs, training: (
                inputs[1][:, None, None, None] * inputs[0][:, :1, None, None]
            )
        }

    whole = distances.generated_images(Model, 50, alpha=0.5, seed=1)
    assert whole.shape == (50, 1, 1) and len(np.unique(whole)) > 20
    monkeypatch.setattr(distances, "DRAWN_AT_ONCE", 7)
    again = distances.generated_images(Model, 50, alpha=0.5, seed=1)
    np.testing.assert_array_equal(whole, again)
    other = distances.generated_images(Model, 50, alpha=0.5, seed=2)
    assert not np.array_equal(whole, other)


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"validation_dir": None, "stop_when_flat": 20.0},
            "--stop_when_flat=20: expects --validation_dir",
        ),
        (
            {"distance_kimg": 0.0, "stop_when_flat": 20.0},
            "--stop_when_flat=20: expects --validation_dir, and --distance_kimg above",
        ),
        ({"validation_dir": "nowhere"}, "nowhere: no such shard set"),
    ],
)
def test_what_cannot_be_measured_is_refused(settings, changes, message):
    with pytest.raises(UserError, match=message):
        start({**settings, **changes})
    assert not os.path.exists(settings["model_dir"])


@pytest.mark.parametrize(
    "label, patients, size, message",
    [
        (0, ("c",), 8, "--validation_dir=.*has labels non_tumor, wanted tumor"),
        (1, ("b", "c"), 8, r"1 patient\(s\) are in --data_dir, too \(b\)"),
        (1, ("c",), 7, "--validation_dir=.*: images are 7 px; expected 8 px"),
    ],
)
def test_validation_images_that_do_not_fit_are_refused(
    settings, tmp_path, write_images, label, patients, size, message
):
    own = write_images(tmp_path / "other", label, patients, size=size).directory
    with pytest.raises(UserError, match=message):
        start({**settings, "validation_dir": own})


def test_training_without_measurements_is_the_same_whichever_flag_says_so(
    settings, monkeypatch
):
    runs = []
    monkeypatch.setattr(train, "train", lambda run, **_: runs.append(run.settings))
    for changes in ({"distance_kimg": 0.0}, {"validation_dir": None}, {}):
        train.main({**settings, **changes})
    nothing = {"validation_dir": None, "distance_kimg": 0.0}
    assert runs == [{**settings, **nothing}] * 2 + [settings]
