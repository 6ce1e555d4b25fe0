"""Distances on the way: what is measured, when it is flat, what is refused."""

import math
import os

import interruption
import numpy as np
import pytest
from refusals import refused
from small_trainings import PGGAN_FLAT, write_parts

from dataset.shards import ShardSet
from flags import pggan as pggan_flags
from pggan import distances, growth, train
from pggan.progress import Memory
from training.input import ChosenImages


@pytest.fixture(scope="module")
def defaults(flag_defaults, write_images, tmp_path_factory):
    parts = write_parts(tmp_path_factory.mktemp("real"), write_images)
    own = {**PGGAN_FLAT, "deterministic": False, "stop_when_flat": 0.0, **parts}
    return {**flag_defaults(pggan_flags.define_train), **own}


@pytest.fixture
def settings(defaults, tmp_path):
    return {**defaults, "model_dir": str(tmp_path / "model")}


def start(settings):
    interruption.start("pggan.train", settings, eagerly=True)


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
        latent_size, resolution_key = 3, "8px"
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
    "changes, parts",
    [
        (
            {"validation_dir": None, "stop_when_flat": 20.0},
            ["--stop_when_flat=20", "--validation_dir"],
        ),
        (
            {"distance_kimg": 0.0, "stop_when_flat": 20.0},
            ["--stop_when_flat=20", "--validation_dir", "--distance_kimg"],
        ),
        ({"validation_dir": "nowhere"}, ["nowhere"]),
    ],
)
def test_what_cannot_be_measured_is_refused(settings, changes, parts):
    with refused(*parts):
        start({**settings, **changes})
    assert not os.path.exists(settings["model_dir"])


@pytest.mark.parametrize(
    "label, patients, size, parts",
    [
        (0, ("c",), 8, ["--validation_dir=", "non_tumor"]),
        (1, ("b", "c"), 8, ["1 patient", "--data_dir", "(b)"]),
        (1, ("c",), 7, ["--validation_dir=", "7 px", "8 px"]),
    ],
)
def test_validation_images_that_do_not_fit_are_refused(
    settings, tmp_path, write_images, label, patients, size, parts
):
    own = write_images(tmp_path / "other", label, patients, size=size).directory
    with refused(*parts):
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
