"""Shard sets on another file system: TensorFlow's ram://, and some that are missing."""

import importlib.metadata
import os
import subprocess
import sys
import uuid

import pytest
import tensorflow as tf
from refusals import refused
from shard_sets import numbered, write_ten

from classifier.augment import augment
from dataset import verify
from dataset.errors import UserError
from dataset.shards import ShardSet
from flags import binary
from flags import classifier as classifier_flags
from training import lanes
from training.input import shuffled_examples


@pytest.fixture
def bucket():
    return f"ram://{uuid.uuid4().hex}"


def verify_set(folder):
    verify.verify(data_dirs=[folder], refined_from=None)


def test_steps_read_and_write_there(bucket, capsys, flag_defaults):
    sets = [write_ten(f"{bucket}/real")]
    batch = shuffled_examples(sets, start=0, stop=10, seed=0).batch(10)
    ids = {i.decode() for i in next(batch.as_numpy_iterator())["id"]}
    assert ids == {record.id for record in numbered(0, 10)}
    settings = flag_defaults(classifier_flags.define_augment)
    settings |= {"data_dirs": [f"{bucket}/real"], "output_dir": f"{bucket}/classic"}
    augment(**{**settings, "num_images": 12})
    assert len(ShardSet(f"{bucket}/classic")) == 12
    verify_set(f"{bucket}/classic")
    assert "1 shard sets with 12 images are in order" in capsys.readouterr().out


def version_of_plugin(version):
    def answer(name):
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    return answer


@pytest.mark.parametrize("use", [ShardSet, write_ten, verify_set])
@pytest.mark.parametrize(
    "version, message",
    [
        (None, 'is not installed; pip install "tensorflow-io==0.34'),
        ("0.36.0", "0.36.0 crashes at the end"),
    ],
)
def test_file_system_that_is_missing_is_named(monkeypatch, use, version, message):
    monkeypatch.setattr(importlib.metadata, "version", version_of_plugin(version))
    if lanes.LANE == lanes.NEWEST:
        message = "needs the faithful lane"  # Whatever is installed.
    with pytest.raises(UserError, match=f"^none://bucket/set: .*{message}"):
        use("none://bucket/set")


def failing_files(error):
    """A stand-in for `GFile` of a store that answers with an error."""

    class File:
        def __init__(self, path, mode="r"):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def read(self, size):
            raise error

    return File


@pytest.mark.parametrize(
    "error, reason",
    [
        (
            tf.errors.UnknownError(None, None, ": curl: 7,\n refused"),
            "curl: 7, refused",
        ),
        (
            tf.errors.PermissionDeniedError(None, None, ": No response body."),
            "permission denied",
        ),
    ],
)
def test_store_that_does_not_answer_is_named_and_not_taken_for_empty(
    monkeypatch, bucket, error, reason
):
    write_ten(f"{bucket}/set")
    before = set(tf.io.gfile.listdir(f"{bucket}/set"))
    monkeypatch.setattr(tf.io.gfile, "exists", lambda path: False)
    with monkeypatch.context() as patch:
        patch.setattr(tf.io.gfile, "GFile", failing_files(error))
        says = f"json: cannot be read: {reason}.$"
        with pytest.raises(UserError, match=f"^{bucket}/set/manifest.{says}"):
            ShardSet(f"{bucket}/set")
        with pytest.raises(UserError, match=f"^{bucket}/set/manifest.{says}"):
            verify_set(f"{bucket}/set")
        with pytest.raises(UserError, match=f"^{bucket}/set/unfinished.{says}"):
            write_ten(f"{bucket}/set", num_images=9, overwrite=True)
    # One that hides its folders, but not its files.
    with pytest.raises(UserError, match="num_images was 10, is 9"):
        write_ten(f"{bucket}/set", num_images=9)
    assert set(tf.io.gfile.listdir(f"{bucket}/set")) == before


def test_what_has_to_be_on_this_machine_is_refused_elsewhere(tmp_path):
    for name, flags in {
        "pggan.train": ["--data_dir=s3://b/set", "--model_dir=s3://b/m"],
        "evaluation.table": ["--rows=all=s3://b/all.csv", "--output_dir=table"],
    }.items():
        command = [sys.executable, "-m", name, *flags]
        path = os.pathsep.join(sys.path)
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert run.returncode == 1
        (wrong,) = [flag for flag in flags if "model" in flag or "rows" in flag]
        said = run.stderr.splitlines()[-1]
        assert said.startswith(
            f"{name}: error: {wrong}: expected a path on this machine"
        )
    assert not os.listdir(tmp_path)


def test_flags_of_shard_sets_may_name_them_elsewhere():
    settings = {"data_dir": "s3://b/x", "output_dir": "s3://b/y", "num_images": 3}
    binary._check_local(settings, binary.SHARD_SETS | {"output_dir"})
    with refused("--output_dir=s3://b/y: expected a path"):
        binary._check_local(settings, binary.SHARD_SETS)
