"""What ends or refuses a training, whatever it trains."""

import subprocess
import sys

import keras
import pytest
import tensorflow as tf
from refusals import refused

from dataset.folders import write_json
from dataset.shards import ShardSet
from flags import pggan as pggan_flags
from flags.binary import definition
from training import checkpoints
from training.run import Run

# Leaves an iterator whose records are being read, in a cycle, as Keras does.
_STOPPED = """
import sys, time
from dataset.shards import ShardSet
from training import input as training_input

class SlowShardSet(ShardSet):
    def serialized(self, position):
        time.sleep(0.1)
        return super().serialized(position)

def train():
    examples = training_input.shuffled_examples(
        [SlowShardSet(sys.argv[1])], start=0, stop=1000, seed=0
    )
    iterator = iter(training_input.finish(examples.batch(2)))
    next(iterator)
    holder = [iterator]
    holder.append(holder)
    sys.exit(143)

train()
"""

# What run.json of each trainer named in the first version that was given to anybody.
COMMON = (
    "model_dir seed batch_size strategy precision jit_compile deterministic dry_run"
    " start_over checkpoint_minutes log_steps"
)
FIRST_FLAGS = {
    "pggan.train": "data_dir resolution num_epochs stabilize_kimg fade_kimg latent_size"
    " fmap_base fmap_max stddev_group learning_rate ema_decay gradient_penalty_weight"
    " drift_weight sample_kimg",
    "unit.train": "real_dir synthetic_dir num_images num_steps keep_steps sample_steps"
    " learning_rate halving_steps weight_decay base_maps shared_blocks"
    " discriminator_scales gan_loss gan_weight reconstruction_weight kl_weight"
    " cycle_weight cycle_kl_weight",
    "simgan.train": "real_dir synthetic_dir num_images num_steps pretrain_refiner_steps"
    " pretrain_discriminator_steps refiner_updates discriminator_updates keep_steps"
    " sample_steps learning_rate halving_steps num_blocks base_maps batch_norm_momentum"
    " regularization_weight history_size",
    "classifier.train": "train_dirs validation_dirs image_size weights dropout"
    " batch_norm_momentum sync_batch_norm learning_rate momentum decay_factor"
    " decay_epochs max_epochs steps_per_epoch patience match_steps_of monitor",
}


@pytest.fixture
def settings(flag_defaults, write_images, tmp_path):
    data_dir = write_images(tmp_path / "real", 1, images=3, size=8).directory
    own = {"data_dir": data_dir, "model_dir": str(tmp_path / "model")}
    return {**flag_defaults(pggan_flags.define_train), **own}


def start(settings, num_steps=1):
    run = Run("pggan.train", settings)
    inputs = {"data_dir": [ShardSet(settings["data_dir"])]}
    assert run.start(tf.Module(), num_steps=num_steps, inputs=inputs, facts={})
    run.folder.lock.close()  # As the end of the process does.


def test_process_that_stops_while_records_are_read_ends(settings):
    command = [sys.executable, "-c", _STOPPED, settings["data_dir"]]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 143, result.stderr


def test_flag_that_changes_the_result_is_refused_and_another_is_taken(settings):
    start(settings)
    model_dir = settings["model_dir"]
    with refused("--learning_rate", model_dir, "0.001", "0.5"):
        Run("pggan.train", {**settings, "learning_rate": 0.5})
    Run("pggan.train", {**settings, "log_steps": 7})
    with refused(f"--model_dir={model_dir}", "pggan.train", "unit.train"):
        Run("unit.train", settings)


def test_precision_chosen_by_itself_stays_that_of_the_training(settings, monkeypatch):
    def precision_of(**own):
        return Run("pggan.train", {**settings, **own}).settings["precision"]

    monkeypatch.setattr("training.strategy.fast_precision", lambda: "mixed_bfloat16")
    monkeypatch.setattr("training.strategy.configure", lambda *own: None)
    auto = {"precision": "auto"}
    assert precision_of(**auto) == "mixed_bfloat16"
    start(settings)  # In float32.
    assert precision_of(**auto) == "float32"
    assert precision_of(**auto, start_over=True) == "float32"
    other = {**auto, "start_over": True, "seed": 1, "dry_run": True}
    assert precision_of(**other) == "mixed_bfloat16"
    with refused("--precision", "float32", "mixed_bfloat16"):
        precision_of(precision="mixed_bfloat16")
    with refused("--precision=auto", "multi_worker"):
        precision_of(**auto, strategy="multi_worker")


def test_data_that_changed_in_their_folder_are_named(settings, write_images, tmp_path):
    start(settings)
    start(settings)  # The same go on.
    (tmp_path / "real").rename(tmp_path / "former")
    write_images(tmp_path / "real", 1, images=4, size=8)
    with refused("--data_dir", tmp_path / "real", tmp_path / "model", "--model_dir"):
        start(settings)


def test_another_training_is_put_aside_only_if_asked(settings, write_images, tmp_path):
    start(settings)
    (tmp_path / "model" / "finished.json").write_text("first")
    other = {**settings, "seed": 1}
    with refused("--seed", "--start_over"):
        start(other)
    Run("pggan.train", {**other, "start_over": True, "dry_run": True})
    assert (tmp_path / "model" / "finished.json").exists()
    start({**other, "start_over": True})
    assert (tmp_path / "model.1" / "finished.json").read_text() == "first"
    assert not (tmp_path / "model" / "finished.json").exists()
    (tmp_path / "real").rename(tmp_path / "former")
    write_images(tmp_path / "real", 1, images=4, size=8)
    start({**other, "start_over": True})
    assert (tmp_path / "model.2" / "run.json").exists()


def test_training_that_is_to_start_over_goes_on_if_it_is_the_same(settings, tmp_path):
    start(settings)
    (tmp_path / "model" / "checkpoint").touch()
    start({**settings, "start_over": True})
    assert (tmp_path / "model" / "checkpoint").exists()


def test_control_of_a_training_that_has_changed_is_named(settings):
    start(settings)
    with refused("1 steps", "2", "--match_steps_of"):
        start(settings, num_steps=2)
    start({**settings, "start_over": True}, num_steps=2)


def test_training_from_before_a_flag_is_continued_with_what_it_did(
    settings, monkeypatch
):
    start(settings)
    added = {"equalized": True, "scales": ["1", "2"]}
    monkeypatch.setitem(checkpoints.ADDED_SETTINGS, "pggan.train", added)
    with refused("--equalized", "True", "False"):
        start({**settings, **added, "equalized": False})
    start({**settings, **added})


@pytest.mark.parametrize("binary", FIRST_FLAGS)
def test_flags_that_trainers_did_not_have_from_the_first_are_listed(
    binary, flag_defaults, tmp_path
):
    """Or what was trained before such a flag would be refused, and not continued."""
    now = flag_defaults(definition(binary))
    first = f"{COMMON} {FIRST_FLAGS[binary]}".split()
    former = {name: now.get(name) for name in first}
    write_json(str(tmp_path / "run.json"), {"binary": binary, "settings": former})
    read = checkpoints.read_run(str(tmp_path))["settings"]
    assert sorted(read) == sorted(now)


def test_training_that_is_running_is_not_put_aside(settings, tmp_path):
    run = Run("pggan.train", settings)
    inputs = {"data_dir": [ShardSet(settings["data_dir"])]}
    run.start(tf.Module(), num_steps=1, inputs=inputs, facts={})
    with refused(f"--model_dir={tmp_path / 'model'}", "another process"):
        start({**settings, "seed": 1, "start_over": True})
    assert (tmp_path / "model" / "run.json").exists()


def test_bytes_of_a_checkpoint_are_those_of_weights_and_optimizer_state():
    model = keras.Model()
    model.dense = keras.layers.Dense(3)
    model.dense.build([None, 4])
    model.adam = keras.optimizers.Adam()
    model.adam.build(model.dense.trainable_variables)
    weights = 4 * 3 + 3
    assert checkpoints.num_bytes(model) == 3 * 4 * weights + 8 + 4  # Steps, rate.
