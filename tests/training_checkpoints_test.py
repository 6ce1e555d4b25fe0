"""Checkpoints that a full disk or a loss of power has left short.

https://github.com/tensorflow/tensorflow/issues/6644, 39033
"""

import glob
import os

import pytest
import tensorflow as tf

from dataset.errors import UserError
from training.checkpoints import checkpoint_path, latest_checkpoint


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


def test_training_without_any_checkpoint_that_can_be_read_is_refused(folder):
    for path in glob.glob(f"{folder}/*.data-*"):
        cut(path)
    with pytest.raises(UserError, match=f"{folder}: no checkpoint that can be read"):
        latest_checkpoint(folder)


def test_no_checkpoint_is_none(tmp_path):
    assert latest_checkpoint(str(tmp_path)) is None
