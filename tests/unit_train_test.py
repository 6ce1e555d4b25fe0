"""Training UNIT: resume, pictures, refusals."""

from concurrent import futures

import interruption
import numpy as np
import pytest
import tensorflow as tf

from dataset.shards import ShardSet, UserError, write_shard_set
from flags import unit as unit_flags
from training.run import Run
from unit import train

SMALL = {
    "base_maps": 2,
    "discriminator_scales": 2,
    "num_images": 5,
    "num_steps": 6,
    "keep_steps": ["2", "5"],
    "halving_steps": 4,
    "learning_rate": 0.01,
    "sample_steps": 3,
    "deterministic": True,
    "checkpoint_minutes": 0.0,
    "log_steps": 2,
}


@pytest.fixture(scope="module")
def data_dirs(tmp_path_factory, write_images):
    directory = tmp_path_factory.mktemp("data")
    synthetic = write_images(directory / "synthetic", 1, images=3, size=32)
    real = write_images(directory / "real", 1, images=4, size=30)
    return {"synthetic_dir": synthetic.directory, "real_dir": real.directory}


@pytest.fixture
def settings(flag_defaults, data_dirs, tmp_path):
    own = {**data_dirs, "model_dir": str(tmp_path / "model")}
    return {**flag_defaults(unit_flags.define_train), **SMALL, **own}


def start(settings):
    run = Run("unit.train", settings)
    train.train(run, **run.own)


def test_killed_and_stopped_equals_uninterrupted(settings, tmp_path):
    whole = {**settings, "model_dir": str(tmp_path / "whole")}
    with futures.ThreadPoolExecutor() as pool:
        uninterrupted = pool.submit(interruption.run, "unit.train", whole)
        killed = interruption.run("unit.train", settings, ("SIGKILL", 2))
        stopped = interruption.run("unit.train", settings, ("SIGTERM", 4))
        last = interruption.run("unit.train", settings)
        assert uninterrupted.result().returncode == 0, uninterrupted.result().stderr
    assert killed.returncode == -9
    assert stopped.returncode == 143 and "continuing at step 1 of 6" in stopped.stdout
    assert last.returncode == 0 and "continuing at step 4" in last.stdout, last.stderr
    interruption.assert_bits_equal(
        interruption.final_weights(settings["model_dir"]),
        interruption.final_weights(whole["model_dir"]),
    )
    for name in ("kept/step-2", "kept/step-5"):
        kept = [
            tf.train.load_checkpoint(f"{s['model_dir']}/{name}")
            for s in (settings, whole)
        ]
        for variable in kept[0].get_variable_to_shape_map():
            if "OBJECT_GRAPH" not in variable:
                first, second = (checkpoint.get_tensor(variable) for checkpoint in kept)
                np.testing.assert_array_equal(first, second, err_msg=variable)
    samples = tf.io.gfile.listdir(f"{settings['model_dir']}/samples")
    assert sorted(samples) == ["step-0000003.png", "step-0000006.png"]


def test_precision_flag_reaches_the_networks(settings, tmp_path):
    try:
        start({**settings, "precision": "mixed_bfloat16", "deterministic": False})
        policy = tf.keras.mixed_precision.global_policy().name
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert policy == "mixed_bfloat16"
    assert (tmp_path / "model" / "finished.json").exists()


def test_dry_run_shows_the_plan_and_writes_nothing(settings, tmp_path, capsys):
    start({**settings, "dry_run": True})
    assert not (tmp_path / "model").exists()
    output = capsys.readouterr().out
    assert "synthetic images: 5" in output and "steps: 6" in output


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"synthetic_dir": "nowhere"}, "nowhere: no such shard set"),
        ({"num_images": 7}, "--synthetic_dir=.* has 6 images, fewer than --num_images"),
        ({"discriminator_scales": 3}, "images are 32 px; wanted .* from 64 px on"),
        ({"keep_steps": ["7"]}, "--keep_steps: '7', wanted .* --num_steps=6"),
        ({"keep_steps": ["two"]}, "--keep_steps: 'two', wanted whole numbers"),
        ({"batch_size": 6}, "--synthetic_dir=.*: 5 images are not one batch"),
        ({"strategy": "mirrored"}, "--batch_size=1 does not divide among 2 replicas"),
    ],
)
def test_bad_input_is_refused(settings, changes, message):
    with pytest.raises(UserError, match=message):
        start({**settings, **changes})


def test_real_images_larger_than_synthetic_ones_are_refused(settings):
    swapped = {"real_dir": settings["synthetic_dir"]}
    swapped["synthetic_dir"] = settings["real_dir"]
    with pytest.raises(
        UserError, match="--real_dir=.* 32 px, those of --synthetic_dir"
    ):
        start({**settings, **swapped})


def test_sets_of_other_classes_are_refused(settings, tmp_path, write_images):
    other = write_images(tmp_path / "other", 0, images=3, size=32)
    message = "--synthetic_dir=.*: has labels non_tumor, wanted tumor"
    with pytest.raises(UserError, match=message):
        start({**settings, "synthetic_dir": other.directory})
    records = [*other.records(), *ShardSet(settings["synthetic_dir"]).records()]
    both = write_shard_set(
        str(tmp_path / "both"),
        lambda first, last: iter(records[first:last]),
        len(records),
        binary="tests",
        settings={},
    )
    with pytest.raises(UserError, match="--real_dir=.*non_tumor and tumor"):
        start({**settings, "real_dir": both.directory})
