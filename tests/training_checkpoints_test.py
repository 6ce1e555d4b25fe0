"""Checkpoints that a full disk or a loss of power has left short.

https://github.com/tensorflow/tensorflow/issues/6644, 39033
"""

import glob
import os

import pytest
import tensorflow as tf
from refusals import refused

from dataset.errors import UserError
from training.checkpoints import (
    checkpoint_path,
    checkpoint_paths,
    forget_later,
    latest_checkpoint,
    read_run,
)


@pytest.fixture
def folder(tmp_path):
    """Two checkpoints, of steps 6 and 7, of 4 kB each, as trainers save them."""
    model = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([1000])))
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model), str(tmp_path / "checkpoints"), max_to_keep=2
    )
    for step in (6, 7):
        manager.save(checkpoint_number=step)
    return manager.directory


def cut(path):
    os.truncate(path, os.path.getsize(path) // 2)


def empty(path):
    os.truncate(path, 0)


def zero(path):
    """As a file system may leave a file whose blocks were not written."""
    size = os.path.getsize(path)
    empty(path)
    os.truncate(path, size)


def flip(path):
    """Changes a byte in the middle."""
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 255]))


@pytest.mark.parametrize("harm", [cut, flip, os.remove], ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", ["data-*", "index"])
def test_checkpoint_before_a_damaged_one_is_used_and_said(folder, capsys, kind, harm):
    assert latest_checkpoint(folder) == f"{folder}/ckpt-7"
    assert capsys.readouterr().err == ""
    harm(*glob.glob(f"{folder}/ckpt-7.{kind}"))
    assert latest_checkpoint(folder) == f"{folder}/ckpt-6"
    assert capsys.readouterr().err.startswith(f"{folder}/ckpt-7: damaged (")
    assert checkpoint_path(os.path.dirname(folder)) == f"{folder}/ckpt-6"


@pytest.mark.parametrize("harm", [empty, zero, os.remove], ids=lambda f: f.__name__)
def test_checkpoints_are_found_without_tensorflows_list_of_them(folder, harm):
    harm(f"{folder}/checkpoint")
    assert latest_checkpoint(folder) == f"{folder}/ckpt-7"
    forget_later(folder, f"{folder}/ckpt-7")
    assert tf.train.latest_checkpoint(folder) == f"{folder}/ckpt-7"


def test_damaged_checkpoint_does_not_count_among_those_that_are_kept(folder):
    cut(*glob.glob(f"{folder}/ckpt-7.data-*"))
    forget_later(folder, latest_checkpoint(folder))
    model = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([1000])))
    checkpoint = tf.train.Checkpoint(model=model)
    tf.train.CheckpointManager(checkpoint, folder, 2).save(checkpoint_number=9)
    assert checkpoint_paths(folder) == [f"{folder}/ckpt-6", f"{folder}/ckpt-9"]
    assert glob.glob(f"{folder}/damaged-ckpt-7.*")


def test_store_that_does_not_answer_is_no_damage(folder, monkeypatch):
    def fail(path):
        raise tf.errors.UnavailableError(None, None, "503")

    monkeypatch.setattr(tf.train, "load_checkpoint", fail)
    with pytest.raises(tf.errors.UnavailableError):
        latest_checkpoint(folder)


def test_kept_step_that_cannot_be_read_is_named(tmp_path):
    checkpoint = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([1000])))
    checkpoint.write(str(tmp_path / "kept" / "step-3"))
    assert checkpoint_path(str(tmp_path), 3) == f"{tmp_path}/kept/step-3"
    cut(*glob.glob(f"{tmp_path}/kept/step-3.data-*"))
    with refused("--step=3", "step-3 cannot be read"):
        checkpoint_path(str(tmp_path), 3)


def test_training_without_any_checkpoint_that_can_be_read_is_refused(folder):
    for path in glob.glob(f"{folder}/*.data-*"):
        cut(path)
    with pytest.raises(UserError, match=f"{folder}: no checkpoint that can be read"):
        latest_checkpoint(folder)


def test_first_save_that_was_cut_short_is_no_checkpoint(tmp_path):
    """TensorFlow writes the index last."""
    (tmp_path / "ckpt-2.data-00000-of-00001").write_bytes(b"half")
    assert latest_checkpoint(str(tmp_path)) is None


def test_no_checkpoint_is_none(tmp_path):
    assert latest_checkpoint(str(tmp_path)) is None


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff{", b"[1]", b'{"binary": 3}', b'{"binary": "a.b"}'),
        b'{"binary": "a.b", "settings": []}',
    ],
)
def test_damaged_run_is_named(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with refused(tmp_path / "run.json", "damaged"):
        read_run(str(tmp_path))


def test_checkpoints_from_before_a_start_do_not_stay_for_ever(tmp_path):
    directory = str(tmp_path / "checkpoints")
    model = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([10])))
    for step in range(1, 5):  # Each by a new process, which first looks what is there.
        forget_later(directory, latest_checkpoint(directory))
        manager = tf.train.CheckpointManager(model, directory, max_to_keep=2)
        manager.save(checkpoint_number=step)
    names = [os.path.basename(path) for path in checkpoint_paths(directory)]
    assert names == ["ckpt-3", "ckpt-4"]


def test_training_that_was_killed_in_its_last_save_keeps_no_more_than_others(tmp_path):
    """Its files were written, and the oldest not yet removed; no save comes after."""
    directory = str(tmp_path / "checkpoints")
    model = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([10])))
    for step in range(1, 4):
        model.write(f"{directory}/ckpt-{step}")
    forget_later(directory, latest_checkpoint(directory))
    names = [os.path.basename(path) for path in checkpoint_paths(directory)]
    assert names == ["ckpt-2", "ckpt-3"]
