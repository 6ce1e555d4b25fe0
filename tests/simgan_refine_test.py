"""Refining with SimGAN: moving averages, kept steps; see refiners_contract_test."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from dataset.shards import ShardSet, UserError, to_float, to_uint8
from flags import simgan as simgan_flags
from simgan import networks, refine, train
from training import refining
from training.run import Run
from training.strategy import create_strategy

SETTINGS = {
    "num_images": 0,
    "num_steps": 4,
    "pretrain_refiner_steps": 1,
    "pretrain_discriminator_steps": 1,
    "keep_steps": ["1", "4"],
    "num_blocks": 1,
    "base_maps": 4,
    "block_kernel_size": 3,
    "batch_size": 4,
    "batch_norm_momentum": 0.5,
    "learning_rate": 0.01,
}


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory, write_images):
    """21 images: two whole groups of 8 and a part of one."""
    directory = tmp_path_factory.mktemp("data") / "synthetic"
    return write_images(directory, 1, patients=("p1", "p2", "p3"), images=7)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory, synthetic, flag_defaults):
    settings = {
        **flag_defaults(simgan_flags.define_train),
        **SETTINGS,
        "synthetic_dir": synthetic.directory,
        "real_dir": synthetic.directory,
        "model_dir": str(tmp_path_factory.mktemp("simgan") / "model"),
    }
    run = Run("simgan.train", settings)
    train.train(run, **run.own)
    return run.model_dir


def make(model_dir, synthetic, output_dir, **changes):
    settings = {"step": 0, "images_per_shard": 5, "overwrite": False, **changes}
    places = {"data_dir": synthetic.directory, "output_dir": str(output_dir)}
    refine.main({"model_dir": model_dir, **places, **settings})
    return [record.image for record in ShardSet(str(output_dir)).records()]


@pytest.fixture(scope="module")
def refined(model_dir, synthetic, tmp_path_factory):
    return make(model_dir, synthetic, tmp_path_factory.mktemp("refined") / "set")


def test_images_are_refined_by_moving_averages(model_dir, synthetic, refined):
    """Not by the statistics of a batch, which would make images depend on others."""
    checkpoint = refining.checkpoint_path(model_dir)
    network = refine.load_refiner(SETTINGS, checkpoint, 32)
    images = np.stack([record.image for record in synthetic.records()])[..., None]
    wanted = to_uint8(network(to_float(images), training=False)).numpy()[..., 0]
    assert np.abs(wanted.astype(int) - refined).max() <= 1
    by_batch = to_uint8(network(to_float(images), training=True)).numpy()[..., 0]
    assert np.abs(by_batch.astype(int) - refined).max() > 3


def test_a_training_of_a_former_version_refines_as_ever(
    model_dir, synthetic, refined, tmp_path
):
    """Its run.json lacks the flags that are new; its networks are the same."""
    former = tmp_path / "former"
    shutil.copytree(model_dir, former)
    content = json.loads((former / "run.json").read_text())
    for flag in ("block_kernel_size", "loss_reduction", "num_halvings"):
        del content["settings"][flag]
    (former / "run.json").write_text(json.dumps(content))
    images = make(str(former), synthetic, tmp_path / "set")
    np.testing.assert_array_equal(images, refined)


def test_filters_are_rebuilt_at_the_size_of_the_training(tmp_path):
    size = {name: SETTINGS[name] for name in ("num_blocks", "base_maps")}
    trained = networks.build_refiner(32, block_kernel_size=7, **size)
    model = tf.train.Checkpoint(refiner=trained)
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    network = refine.load_refiner({**SETTINGS, "block_kernel_size": 7}, path, 32)
    for weight, expected in zip(network.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_images_are_the_same_for_any_number_of_replicas(
    model_dir, synthetic, refined, tmp_path, monkeypatch
):
    mirrored = create_strategy("mirrored", 0)
    monkeypatch.setattr(refining, "create_strategy", lambda *_: mirrored)
    np.testing.assert_array_equal(
        make(model_dir, synthetic, tmp_path / "set", images_per_shard=99), refined
    )


def test_kept_step_refines_differently(model_dir, synthetic, refined, tmp_path):
    last = make(model_dir, synthetic, tmp_path / "last", step=4)
    np.testing.assert_array_equal(last, refined)
    first = make(model_dir, synthetic, tmp_path / "first", step=1)
    assert not np.array_equal(first, last)


def test_bad_input_is_refused(model_dir, synthetic, tmp_path, write_images):
    with pytest.raises(UserError, match="--step=2: .* has kept steps .1, 4. only"):
        make(model_dir, synthetic, tmp_path / "set", step=2)
    healthy = write_images(tmp_path / "healthy", 0)
    with pytest.raises(UserError, match="--data_dir=.* non_tumor, wanted tumor"):
        make(model_dir, healthy, tmp_path / "set")
    (tmp_path / "run.json").write_text('{"binary": "unit.train", "settings": {}}')
    with pytest.raises(UserError, match="by unit.train, wanted one by simgan.train"):
        make(str(tmp_path), synthetic, tmp_path / "set")
