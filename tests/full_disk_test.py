"""Where nothing more can be written, an error names the place, and all stays as it was.

The limit of the size of files stands for a full disk: it ends a write in the same way,
after some of its bytes. Real disks: tests/stress/faults_test.py.
"""

import contextlib
import pathlib
import resource

import keras
import numpy as np
import pytest
import shard_sets
import tensorflow as tf
from refusals import refused

from classifier.validation import Validation
from classifier.weights import BEST_WEIGHTS
from dataset import pictures
from dataset.cases import write_arrays
from dataset.folders import release_folder, write_text
from dataset.records import Record
from training.checkpoints import latest_checkpoint
from training.display import Display
from training.model_dir import ModelDir
from training.workers import Workers

NOISE = np.random.default_rng(0).integers(0, 256, [128, 128, 1], np.uint8)


@contextlib.contextmanager
def full_disk(limit=2000):
    """No file can be longer than `limit` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder):
    """{name: bytes} of what has its final name."""
    files = {p for p in pathlib.Path(folder).rglob("*") if p.is_file()}
    return {p: p.read_bytes() for p in files if p.suffix != ".tmp"}


@pytest.fixture
def folder(tmp_path):
    settings = {"model_dir": str(tmp_path / "model"), "start_over": False}
    folder = ModelDir("unit.train", settings, Workers("auto"))
    folder.take({}, {"steps": 2}, {})
    yield folder
    folder.lock.close()


@pytest.fixture
def model():
    return keras.Sequential([keras.layers.Dense(100, input_shape=(30,))])


WRITERS = {
    "text": lambda path: write_text(path, "x" * 5000),
    "picture": lambda path: pictures.write_png(path, NOISE),
    "arrays": lambda path: write_arrays(path, {"image": NOISE}),
    "shards": lambda path: shard_sets.write(
        path, [Record(NOISE[..., 0], 1, f"i{n}", "p") for n in range(2)]
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_output_is_named_and_not_there(name, tmp_path):
    path = tmp_path / "output"
    with full_disk(), refused(path, "cannot be written"):
        WRITERS[name](str(path))
    assert not path.is_file() and not [*tmp_path.rglob("*.tfrecord")]
    WRITERS[name](str(path))


def test_checkpoint_is_named_and_the_one_before_stays(folder, model):
    folder.save(model, 1)
    before = contents(folder.path)
    with full_disk(), refused(folder.own_path("checkpoints"), "cannot be written"):
        folder.save(model, 2)
    with full_disk(), refused(folder.own_path("kept"), "cannot be written"):
        folder.keep(model, 2)
    assert before.items() <= contents(folder.path).items()
    latest = latest_checkpoint(folder.own_path("checkpoints"))
    assert latest.endswith("ckpt-1")
    folder.save(model, 2)
    latest = latest_checkpoint(folder.own_path("checkpoints"))
    assert latest.endswith("ckpt-2")


def test_log_is_named_and_can_be_read(folder):
    settings = {"step": 0, "num_images": 4, "batch_size": 1, "with_bar": False}
    display = Display(folder, **settings)
    display.log({"step": 1, "loss": 1.0})
    path = folder.own_path("log.jsonl")
    with full_disk(30), refused(path, "cannot be written"):
        display.log({"step": 2, "loss": 2.0})
    Display(folder, **{**settings, "step": 1})
    assert pathlib.Path(path).read_text() == '{"step": 1, "loss": 1.0}\n'


def test_best_weights_are_named_and_those_before_stay(folder, model):
    run = type("Run", (), {"folder": folder})
    often = {"steps_per_epoch": 1, "patience": 1, "monitor": "loss"}
    validation = Validation(run, None, **often)
    validation.set_model(type("Model", (), {"detector": model}))
    validation.save_best()
    path = pathlib.Path(folder.own_path(BEST_WEIGHTS))
    before = path.read_bytes()
    with full_disk(), refused(path, "cannot be written"):
        validation.save_best()
    assert path.read_bytes() == before


def test_folder_that_is_removed_is_named(folder, model, tmp_path):
    tf.io.gfile.rmtree(folder.path)
    with refused(folder.own_path("log.jsonl"), "No such file"):
        write_text(folder.own_path("log.jsonl"), "x")
    with refused(tmp_path / "set", "cannot be written"):
        release_folder(str(tmp_path / "set"))
