"""What a training left in its `--model_dir`, for the programs that use it."""

import hashlib
import os
import re
import sys
import time
from typing import Any

import keras
import tensorflow as tf

from dataset.errors import UserError
from dataset.folders import read_json
from training import lanes

FINISHED = "finished.json"
KEPT_CHECKPOINTS = 2  # The latest, and the one before.
CHECKPOINT = re.compile(r"(ckpt-\d+)\.(?:index|data-\d+-of-\d+)")
# What reading raises though the content may be whole: a store that does not answer, or
# does not let it be read.
PASSING = (
    *(tf.errors.UnavailableError, tf.errors.PermissionDeniedError),
    *(tf.errors.DeadlineExceededError, tf.errors.ResourceExhaustedError),
    *(tf.errors.AbortedError, tf.errors.UnauthenticatedError),
)
# Flags that a trainer did not have from the first, by binary, with the values that say
# what its trainings did before: those are continued and used as if their run.json named
# them. Not the flags' defaults, which may change one day.
ADDED_SETTINGS: dict[str, dict[str, Any]] = {
    "classifier.train": {
        "blocks": [3, 4, 6, 3],
        "base_maps": 64,
        "class_weights": "none",
        "train_images": None,
    },
    "pggan.train": {
        "penalty_size": "current",
        "validation_dir": None,
        "distance_kimg": 0.0,
        "distance_images": 500,
        "stop_when_flat": 0.0,
        "guide_dir": None,
        "guide_weight": 0.0,
        "guide_probability": 0.6,
    },
    "simgan.train": {
        "block_kernel_size": 3,
        "loss_reduction": "mean",
        "num_halvings": 0,
        "architecture": "hands",
        "output_activation": "tanh",
        "block_scale": 1.0,
        "refiner_rate_factor": 1.0,
    },
    "unit.train": {"norm_scale": "ones", "shared_translations": False},
}


def read_run(model_dir: str) -> dict[str, Any]:
    """The content of a training's `run.json`: binary, settings, inputs' digests.

    The settings include the flags that were added since: see `ADDED_SETTINGS`.

    Raises:
      UserError: there is no training in `model_dir`, or its `run.json` is damaged.
    """
    path = os.path.join(model_dir, "run.json")
    if not tf.io.gfile.exists(path):
        raise UserError(f"--model_dir={model_dir}: no training in it (no run.json).")
    run = read_json(path)
    if not isinstance(run, dict) or not isinstance(run.get("binary"), str):
        raise UserError(f"{path}: damaged (no name of a binary in it).")
    run = {"inputs": {}, "digests": {}, "facts": {}, **run}
    for name in ("settings", "inputs", "digests", "facts"):
        if not isinstance(run.get(name), dict):
            raise UserError(f"{path}: damaged ({name} is no object of names).")
    added = ADDED_SETTINGS.get(run["binary"], {})
    return {**run, "settings": {**added, **run["settings"]}}


def checkpoint_path(model_dir: str, step: int | None = None) -> str:
    """The path of a training's latest checkpoint, or of the one kept at `step`.

    Raises:
      UserError: there is none; the message names the steps that there are.
    """
    if step:
        path = os.path.join(model_dir, "kept", f"step-{step}")
        if tf.io.gfile.exists(path + ".index"):
            if fault := find_fault(path):
                raise UserError(f"--step={step}: {path} cannot be read ({fault}).")
            return path
        kept = tf.io.gfile.glob(os.path.join(model_dir, "kept", "step-*.index"))
        steps = sorted(step_of(name.removesuffix(".index")) for name in kept)
        raise UserError(
            f"--step={step}: {model_dir} has kept steps {steps or 'none'} only."
        )
    latest = latest_checkpoint(os.path.join(model_dir, "checkpoints"))
    if latest is None:
        raise UserError(f"--model_dir={model_dir}: no checkpoint yet; train first.")
    return latest


def is_finished(model_dir: str) -> bool:
    """Whether the training has done its last step."""
    return tf.io.gfile.exists(os.path.join(model_dir, FINISHED))


def checkpoint_paths(folder: str) -> list[str]:
    """The paths of the checkpoints in `folder`, damaged or not, by step.

    From their own files: TensorFlow's list of them, the file `checkpoint`, is
    rewritten with each, and the first that a loss of power damages.
    """
    names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    found = {match[1] for match in map(CHECKPOINT.fullmatch, names) if match}
    return sorted((os.path.join(folder, name) for name in found), key=step_of)


def latest_checkpoint(folder: str) -> str | None:
    """The path of the latest checkpoint that can be read; None where there is none.

    A full disk or a loss of power can leave the newest one short. The one before it is
    taken then, and a line on standard error says so.

    Raises:
      UserError: none of those that are there can be read.
    """
    paths = checkpoint_paths(folder)
    for path in reversed(paths):
        fault = find_fault(path)
        if not fault:
            return path
        print(f"{path}: damaged ({fault}).", file=sys.stderr)
    # TensorFlow writes the index last: without one, no save has ever been finished.
    if any(tf.io.gfile.exists(path + ".index") for path in paths):
        raise UserError(
            f"{folder}: no checkpoint that can be read; remove the training's folder to"
            " start over, or bring its checkpoints back."
        )
    return None


def find_fault(path: str) -> str:
    """Why a checkpoint cannot be read, or an empty string; reads all of it."""
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except PASSING:
        raise
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        return str(error).splitlines()[0]
    return ""


def forget_later(folder: str, path: str | None) -> None:
    """Puts checkpoints after `path`, all if None, aside as `damaged-...`.

    They no longer count among those that are kept, and TensorFlow's list of them is
    that of the others again. Of these the oldest go, as after a save: a training that
    was killed in its last one has no other.
    """
    step = step_of(path) if path else 0
    for later in checkpoint_paths(folder):
        if step_of(later) > step:
            for name in tf.io.gfile.glob(later + ".*"):
                aside = os.path.join(folder, "damaged-" + os.path.basename(name))
                tf.io.gfile.rename(name, aside, overwrite=True)
    if path:
        paths = checkpoint_paths(folder)
        older, paths = paths[:-KEPT_CHECKPOINTS], paths[-KEPT_CHECKPOINTS:]
        tf.compat.v1.train.update_checkpoint_state(
            folder,
            path,
            all_model_checkpoint_paths=paths,
            # Without, TensorFlow takes them for some to be kept for ever.
            all_model_checkpoint_timestamps=[time.time()] * len(paths),
        )
        for former in older:
            for name in tf.io.gfile.glob(former + ".*"):
                tf.io.gfile.remove(name)
    elif tf.io.gfile.exists(os.path.join(folder, "checkpoint")):
        tf.io.gfile.remove(os.path.join(folder, "checkpoint"))


def restore_parts(path: str, **parts: keras.Model) -> None:
    """Restores networks from a checkpoint by the name they have in the model."""
    checkpoint = lanes.checkpoint(model=lanes.checkpoint(**parts))
    # Not `restore`, which asks for a counter of saves: kept steps have none.
    checkpoint.read(path).assert_existing_objects_matched().expect_partial()


def num_bytes(model: keras.Model) -> int:
    """Bytes of a checkpoint of `model`: of all variables that hang on it."""
    checkpoint = lanes.checkpoint(model=model)  # The view keeps no reference to it.
    tracked = tf.train.TrackableView(checkpoint).descendants()
    variables = {id(v): v for v in tracked if isinstance(v, tf.Variable)}
    return sum(v.dtype.size * v.shape.num_elements() for v in variables.values())


def weights_digest(model: keras.Model) -> str:
    """SHA-256 of a model's weights, for the manifest."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


def step_of(path: str) -> int:
    """The step that a checkpoint's path ends with."""
    return int(path.rpartition("-")[2])
