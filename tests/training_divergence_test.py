"""A training that meets NaN or infinity leaves what it saw, and says what it kept."""

import json

import interruption
import numpy as np
import pytest
import tensorflow as tf
import tiny_training
from refusals import refused
from small_trainings import TRAININGS, assert_every_trainer_in
from tensorflow.python.framework.config import disable_op_determinism
from tiny_training import define_train

from flags.binary import definition
from training.input import epoch_order

SEED, BATCH, STEP = 3, 4, 5
# By training: the networks that its first steps train, and images of a step.
MUNIT = ("content_encoder", "style_encoder", "decoder")
NETWORKS = {
    "pggan": ({"discriminators/4px", "generators/4px"}, 4),
    "unit": ({f"{n}_{d}" for n in ("encoder", "decoder") for d in "ab"}, 2),
    "munit": (
        {f"{n}_{d}" for n in MUNIT for d in "ab"},
        2,
    ),
    "simgan": ({"refiner"}, 4),
    "classifier": ({"detector"}, 8),
}


def test_every_trainer_is_here():
    assert_every_trainer_in(NETWORKS)


@pytest.fixture(scope="module", autouse=True)
def deterministic():
    """What --deterministic sets is of the process, and of no later test."""
    yield
    disable_op_determinism()


@pytest.fixture
def settings(flag_defaults, write_images, tmp_path):
    data = write_images(tmp_path / "real", 1, images=5, size=8).directory
    own = {"data_dir": data, "num_steps": 9, "infinite_step": STEP, "seed": SEED}
    own |= {"model_dir": str(tmp_path / "model"), "checkpoint_minutes": 60.0}
    return {**flag_defaults(define_train), **own, "batch_size": BATCH}


def report(settings):
    path = f"{settings['model_dir']}/diverged.json"

    def refuse(text):
        raise AssertionError(f"{text} is no JSON")

    with open(path) as file:
        return json.load(file, parse_constant=refuse)


def start(settings):
    interruption.start("tiny_training", settings, eagerly=True)


def expected_norm(settings, path):
    """Of the gradient of TinyModel's line at STEP, by its formula."""
    batch = [record["id"] for record in report(settings)["records"]]
    shard_set = tiny_training.ShardSet(settings["data_dir"])
    images = {record.id: record.image for record in shard_set.records()}
    # Image n of the training is the n-th of its epochs' permutations.
    numbers = range((STEP - 1) * BATCH, STEP * BATCH)
    ids = [record.id for record in shard_set.records()]
    order = [ids[epoch_order(SEED, n // 10, 10)[n % 10]] for n in numbers]
    assert sorted(order) == batch
    means = np.array([images[i].mean() / 127.5 - 1 for i in order])
    draw = [SEED * 1009 + 1, STEP - 1]
    noise = tf.random.stateless_normal([BATCH, 1], seed=draw).numpy()[:, 0]
    inputs = np.stack([means, noise, np.ones(BATCH)])
    variables = interruption.variables(path)
    line = {
        n.split("/")[2]: v
        for n, v in variables.items()
        if "line" in n and "OPT" not in n
    }
    weights = np.concatenate([line["kernel"][:, 0], line["bias"]])
    rest = weights @ inputs - means
    return np.linalg.norm(inputs @ (2 * rest) / BATCH)


def test_gradients_are_those_of_the_steps_images_and_the_checkpoint(settings):
    saving = {**settings, "checkpoint_minutes": 0.0, "log_steps": 1}
    with refused("loss is inf", f"step {STEP}", "diverged.json", "of step 4 is kept"):
        start(saving)
    found = report(settings)
    assert found["step"] == STEP and found["losses"] == {"loss": "inf"}
    assert found["losses_are_means_of_steps"] == [STEP, STEP]
    assert found["last_finite_checkpoint"] == STEP - 1
    assert found["non_finite_weights"] == {"line": 0}
    path = f"{settings['model_dir']}/checkpoints/ckpt-{STEP - 1}"
    norms = found["gradient_norms_with_that_checkpoint"]
    np.testing.assert_allclose(norms["line"], expected_norm(settings, path), rtol=1e-5)
    assert found["gradient_norms"]["line"] != norms["line"]  # Adam has moved it.


def test_no_checkpoint_is_said_to_be_kept_where_there_is_none(settings):
    with refused("loss is inf", "step 9", "No checkpoint is kept"):
        start(settings)
    found = report(settings)
    assert found["losses_are_means_of_steps"] == [1, 9]
    assert found["last_finite_checkpoint"] is None
    assert found["gradient_norms_with_that_checkpoint"] is None
    assert len(found["records"]) == BATCH and found["gradient_norms"]["line"] > 0


def test_weights_that_are_not_finite_are_not_saved(settings, monkeypatch):
    minimize = tiny_training.TinyModel.minimize

    def break_weights(self, *arguments):
        minimize(self, *arguments)
        if int(self.step) == STEP - 1 and not self.on_gradients:
            self.line.bias.assign([np.nan])

    monkeypatch.setattr(tiny_training.TinyModel, "minimize", break_weights)
    saving = {**settings, "checkpoint_minutes": 0.0, "infinite_step": 0}
    with refused("1 weights of line", f"step {STEP}", "of step 4 is kept"):
        start(saving)
    assert report(settings)["non_finite_weights"] == {"line": 1}
    assert report(settings)["gradient_norms"] == {"line": "nan"}
    names = interruption.os.listdir(f"{settings['model_dir']}/checkpoints")
    assert not [name for name in names if f"ckpt-{STEP}" in name]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_trainer_says_what_it_saw(name, flag_defaults, write_images, tmp_path):
    binary, own, write_data = TRAININGS[name]
    data = write_data(tmp_path, write_images)
    changes = {"learning_rate": 1e30, "log_steps": 1, "checkpoint_minutes": 60.0}
    settings = {**flag_defaults(definition(binary)), **own, **data, **changes}
    settings["model_dir"] = str(tmp_path / "model")
    with refused("training diverged", "diverged.json", "No checkpoint is kept"):
        interruption.start(binary, settings, eagerly=True)
    found = report(settings)
    networks, images = NETWORKS[name]
    assert networks <= found["gradient_norms"].keys()
    assert networks <= found["non_finite_weights"].keys()
    assert len(found["records"]) == images
    assert any(isinstance(value, str) for value in found["losses"].values())
    assert not (tmp_path / "model" / "checkpoints").exists()


def test_two_replicas_give_the_norms_of_one(settings):
    norms = []
    for strategy in ("auto", "mirrored"):
        own = {**settings, "strategy": strategy, "log_steps": 1}
        own["model_dir"] += strategy
        with refused("loss is inf"):
            start(own)
        norms.append(report(own)["gradient_norms"]["line"])
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)
