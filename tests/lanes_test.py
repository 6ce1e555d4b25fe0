"""What one lane leaves to the other: finished models, and no unfinished training."""

import json
import os

import faithful_models
import interruption
import numpy as np
import pytest
from refusals import refused

from pggan.model import PGGAN
from simgan.model import SimGAN
from training import lanes
from training.checkpoints import checkpoint_path, read_run
from training.model_dir import ModelDir
from training.run import COMMON
from training.workers import Workers
from unit.model import UNIT

# Flags of a trainer that its model does not take.
NOT_OF_MODELS = {*COMMON} - {"seed", "batch_size"}
NOT_OF_MODELS |= {"real_dir", "synthetic_dir", "num_images", "keep_steps"}
NOT_OF_MODELS |= {"sample_steps", "data_dir", "validation_dir", "num_epochs"}
NOT_OF_MODELS |= {"stabilize_kimg", "fade_kimg", "sample_kimg", "distance_kimg"}
NOT_OF_MODELS |= {"distance_images", "stop_when_flat", "guide_dir"}
FOLDER = faithful_models.FOLDER
OTHER = {lanes.FAITHFUL: lanes.NEWEST, lanes.NEWEST: lanes.FAITHFUL}[lanes.LANE]


@pytest.mark.skipif(
    "MAKE_FAITHFUL_MODELS" not in os.environ, reason="writes the data of these tests"
)
def test_models_are_made_in_the_faithful_lane(tmp_path, write_images, flag_defaults):
    assert lanes.LANE == lanes.FAITHFUL
    faithful_models.make(tmp_path, write_images, flag_defaults)


@pytest.fixture(scope="module")
def made(tmp_path_factory, flag_defaults):
    return faithful_models.results(tmp_path_factory.mktemp("made"), flag_defaults)


@pytest.mark.parametrize("name", ["pggan", "unit", "simgan"])
def test_images_of_faithful_models_are_equal_to_one_level(name, made):
    expected = np.load(FOLDER / "results.npz")[name].astype(int)
    assert expected.std() > 3  # Of images, not of something flat.
    assert np.abs(made[name].astype(int) - expected).max() <= 1


def test_faithful_detector_predicts_the_same(made):
    expected = np.load(FOLDER / "results.npz")["classifier"]
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(made["classifier"], expected, atol=1e-5)


@pytest.mark.parametrize(
    "name, model_class", [("pggan", PGGAN), ("unit", UNIT), ("simgan", SimGAN)]
)
def test_checkpoints_of_both_lanes_have_the_same_layout(name, model_class, tmp_path):
    """All variables, under the names of the faithful lane; but for optimizers'."""
    model_dir = str(FOLDER / name)
    settings = read_run(model_dir)["settings"]
    own = {k: settings[k] for k in settings.keys() - NOT_OF_MODELS}
    own |= {} if name == "pggan" else {"image_size": 32}
    model = model_class(**own)
    path = lanes.checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    found, expected = (
        {
            variable: value.shape
            for variable, value in interruption.variables(each).items()
            if not any(part in variable for part in ("optimizer", "save_counter"))
        }
        for each in (path, checkpoint_path(model_dir))
    )
    assert found == expected


def former_training(folder, **run):
    """A training that another lane has begun, and the settings to continue it with."""
    settings = {"model_dir": str(folder / "model"), "seed": 1}
    settings |= {"start_over": False, "dry_run": False}
    os.makedirs(settings["model_dir"])
    content = {"binary": "tests.train", "settings": settings, "inputs": {}, "facts": {}}
    content |= run
    with open(os.path.join(settings["model_dir"], "run.json"), "w") as file:
        json.dump(content, file)
    return settings


def open_folder(settings):
    return ModelDir("tests.train", settings, Workers("one_device"))


def test_training_of_the_other_lane_is_refused_by_name(tmp_path):
    settings = former_training(tmp_path, lane=OTHER)
    with refused(settings["model_dir"], OTHER, lanes.LANE, lanes.PYTHONS[OTHER]):
        open_folder(settings)


def test_training_of_this_lane_is_continued(tmp_path):
    settings = former_training(tmp_path, lane=lanes.LANE)
    assert open_folder(settings).path == settings["model_dir"]


def test_training_without_a_lane_is_of_the_faithful_one(tmp_path):
    settings = former_training(tmp_path)
    if lanes.LANE == lanes.FAITHFUL:
        assert open_folder(settings).path == settings["model_dir"]
        return
    with refused(settings["model_dir"], lanes.FAITHFUL):
        open_folder(settings)


def test_finished_training_of_the_other_lane_is_no_mistake(tmp_path):
    settings = former_training(tmp_path, lane=OTHER)
    (tmp_path / "model" / "finished.json").write_text("{}")
    assert open_folder(settings).is_finished


def test_other_lanes_training_is_put_aside_to_start_over(tmp_path):
    settings = former_training(tmp_path, lane=OTHER)
    open_folder({**settings, "start_over": True})
    assert os.listdir(tmp_path) == ["model.1"]
