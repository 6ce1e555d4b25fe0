"""The `--model_dir` of a training: whose it is, its checkpoints, putting it aside.

It holds the whole state: `flags.cfg` (give it to `--flagfile`), `run.json`,
`checkpoints/`, `kept/`, and `finished.json` once the last step is done and saved; and
what `training.display` shows of it.
"""

import fcntl
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from dataset.errors import UserError
from dataset.file_systems import disk_errors
from dataset.folders import write_json, write_text
from dataset.shards import PROJECT_VERSION, ShardSet
from training import lanes
from training.checkpoints import (
    FINISHED,
    KEPT_CHECKPOINTS,
    checkpoint_paths,
    forget_later,
    is_finished,
    latest_checkpoint,
    read_run,
    step_of,
)
from training.workers import Workers

# Settings that may differ when a training is continued: they do not change what is
# computed, only where, and what is shown of it.
FREE = {"model_dir", "strategy", "jit_compile", "deterministic", "dry_run"}
FREE |= {"checkpoint_minutes", "log_steps", "start_over"}


class ModelDir:
    """The folder of one training, which one process at a time trains in.

    Args:
      binary: name of the program, `pggan.train`.
      settings: all its flags.
      workers: the `Workers`, of whom the chief alone writes to the folder.

    Raises:
      UserError: the folder holds another training, or one that is running.
    """

    def __init__(
        self, binary: str, settings: Mapping[str, Any], workers: Workers
    ) -> None:
        self.binary = binary
        self.settings = settings
        self.path = settings["model_dir"]
        self._is_chief = workers.is_chief
        self._own_dir = workers.folder(self.path)
        self._check_settings()

    def own_path(self, name: str) -> str:
        """Where this worker writes a file of the folder: see `Workers.folder`."""
        return os.path.join(self._own_dir, name)

    def shared_path(self, name: str) -> str:
        """Where every worker reads a file of the folder."""
        return os.path.join(self.path, name)

    @property
    def is_finished(self) -> bool:
        return is_finished(self.path)

    def check_inputs(
        self,
        inputs: Mapping[str, Sequence[ShardSet]],
        num_steps: int,
        digests: Mapping[str, str],
    ) -> None:
        """Refuses to continue on other images, in folders of the same names.

        Args:
          inputs: dict of flag name to list of the `ShardSet`s that it names.
          num_steps: number of steps of the whole training.
          digests: see `Run.start`.
        """
        former = self._former_run()
        if not former:
            return
        for flag, sets in inputs.items():
            for shards, old in zip(sets, former["inputs"][flag], strict=True):
                if old != shards.digest:
                    return self._replace_former(
                        f"--{flag}: the images in {shards.directory} have changed since"
                        f" the training in {self.path} was started (SHA-256 of"
                        f" manifest.json was {old[:8]}..., is {shards.digest[:8]}...);"
                        " restore them to continue it"
                    )
        for flag, digest in digests.items():
            old = former["digests"].get(flag, "")
            if old != digest:
                return self._replace_former(
                    f"--{flag}: what {self.settings[flag]} holds has changed since the"
                    f" training in {self.path} was started (SHA-256 was {old[:8]}...,"
                    f" is {digest[:8]}...); restore it to continue it"
                )
        steps = former["facts"]["steps"]
        if steps != num_steps:  # As of another training, by --match_steps_of.
            self._replace_former(
                f"--model_dir={self.path}: the training there takes {steps} steps,"
                f" now it would be {num_steps}; restore what says so, such as the"
                " training of --match_steps_of, to continue it"
            )

    def take(
        self,
        inputs: Mapping[str, Sequence[ShardSet]],
        facts: Mapping[str, Any],
        digests: Mapping[str, str],
    ) -> None:
        """Locks the folder until the process ends, and writes whose it is.

        Args:
          inputs, digests: as of `check_inputs`.
          facts: dict of what else `run.json` says.
        """
        with disk_errors(self._own_dir):
            tf.io.gfile.makedirs(self._own_dir)
        self.lock = self._lock_folder()
        write_text(self.own_path("flags.cfg"), flagfile(self.settings))
        content = {
            "binary": self.binary,
            "project_version": PROJECT_VERSION,
            "lane": lanes.LANE,
            "settings": self.settings,
            "inputs": {flag: [s.digest for s in sets] for flag, sets in inputs.items()},
            "digests": digests,
            "facts": facts,
        }
        write_json(self.own_path("run.json"), content)

    def _lock_folder(self):
        """The folder's lock, an open file; or a `UserError` where another has it."""
        with disk_errors(self.own_path(".lock")):
            lock = open(self.own_path(".lock"), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise UserError(
                f"--model_dir={self.path}: another process is training in it."
            ) from error
        return lock

    def _former_run(self):
        """What `run.json` says of the training in the folder; None in a new one."""
        if self.settings["start_over"] and not self._is_chief:
            return None  # The chief may be about to put it aside.
        if not tf.io.gfile.exists(self.shared_path("run.json")):
            return None
        former = read_run(self.path)
        if former["binary"] != self.binary:
            raise UserError(
                f"--model_dir={self.path}: holds a training by"
                f" {former['binary']}, not {self.binary}; give another folder."
            )
        return former

    def _check_settings(self):
        """Refuses to continue in another lane, or with flags that change the result."""
        former = self._former_run()
        if not former:
            return
        lane = former.get("lane", lanes.FAITHFUL)  # There was one alone once.
        if lane != lanes.LANE and not self.is_finished:
            return self._replace_former(
                f"--model_dir={self.path}: the training there was begun in the {lane}"
                f" lane, this is the {lanes.LANE} one, whose steps round otherwise; use"
                f" Python {lanes.PYTHONS[lane]} to continue it"
            )
        if changed := differences(former["settings"], self.settings):
            name, old, new = changed[0]
            self._replace_former(
                f"--{name}: the training in {self.path} was started with"
                f" {old!r}, now it is {new!r}; give the former value to continue it"
            )

    def _replace_former(self, difference):
        """Puts another training in the folder aside if that is asked for.

        Raises:
          UserError: it is not asked for, or that training is running.
        """
        if not self.settings["start_over"]:
            raise UserError(
                f"{difference}, or another --model_dir, or --start_over to put what is"
                " there aside and begin a new one."
            )
        if self.settings["dry_run"]:
            return
        self._lock_folder().close()
        aside = next(
            path
            for path in (f"{self.path}.{n}" for n in itertools.count(1))
            if not tf.io.gfile.exists(path)
        )
        tf.io.gfile.rename(self.path, aside)
        print(f"{self.path}: another training; it is now {aside}.", flush=True)

    def latest_step(self) -> int:
        """The step of the latest checkpoint; 0 without one."""
        paths = checkpoint_paths(self.shared_path("checkpoints"))
        return step_of(paths[-1]) if paths else 0

    def restore(self, model: keras.Model) -> int:
        """Brings `model` to the latest checkpoint, if there is one; returns its step.

        Every variable, the optimizers' too, must exist by now.
        """
        folder = self.shared_path("checkpoints")
        path = latest_checkpoint(folder)
        if self._is_chief:
            with disk_errors(folder):
                forget_later(folder, path)
        if not path:
            return 0
        checkpoint = lanes.checkpoint(model=model)
        checkpoint.restore(path).assert_existing_objects_matched()
        return step_of(path)

    def save(self, model: keras.Model, step: int) -> None:
        """Writes a checkpoint of a step; the one before is kept, too."""
        checkpoint = lanes.checkpoint(model=model)
        manager = tf.train.CheckpointManager(
            checkpoint, self.own_path("checkpoints"), max_to_keep=KEPT_CHECKPOINTS
        )
        with disk_errors(self.own_path("checkpoints")):
            manager.save(checkpoint_number=step)

    def keep(self, model: keras.Model, step: int) -> None:
        """Writes a checkpoint of a step that is never removed."""
        checkpoint = lanes.checkpoint(model=model)
        with disk_errors(self.own_path("kept")):
            checkpoint.write(os.path.join(self.own_path("kept"), f"step-{step}"))

    def finish(self, **results: Any) -> None:
        """Marks the training as complete, with `results` for whoever reads it."""
        write_json(self.own_path(FINISHED), results)


def former_precision(settings: Mapping[str, Any]) -> str | None:
    """The precision of the training in `model_dir`, which it keeps where it continues.

    None in a new folder, or where `--start_over` puts a training by other flags aside.
    """
    if not tf.io.gfile.exists(os.path.join(settings["model_dir"], "run.json")):
        return None
    former = read_run(settings["model_dir"])["settings"]
    differ = differences(former, {**settings, "precision": former["precision"]})
    return None if settings["start_over"] and differ else former["precision"]


def differences(
    former: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    """Name, former and present value of the flags that change what is computed."""
    now = json.loads(json.dumps(settings))
    names = sorted({*former, *now} - FREE)
    values = [(name, former.get(name), now.get(name)) for name in names]
    return [(name, old, new) for name, old, new in values if old != new]


def flagfile(settings: Mapping[str, Any]) -> str:
    """`settings` as the lines of an absl flagfile."""
    lines = []
    for name, value in settings.items():
        if isinstance(value, bool):
            lines.append(f"--{'' if value else 'no'}{name}")
        elif isinstance(value, (list, tuple)):
            lines.append(f"--{name}={','.join(map(str, value))}")
        elif value is not None:
            lines.append(f"--{name}={value}")
    return "\n".join(lines) + "\n"
