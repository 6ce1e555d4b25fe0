"""One training, from its plan to its end, whatever it trains."""

import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import keras
import tensorflow as tf

from dataset.errors import UserError
from dataset.record_faults import record_errors
from dataset.shards import ShardSet
from training import callbacks as cb
from training import checkpoints, workers
from training import strategy as strategies
from training.checkpoints import KEPT_CHECKPOINTS
from training.display import Display
from training.model import SteppedModel
from training.model_dir import ModelDir, former_precision

COMMON = (
    "model_dir",
    "seed",
    "batch_size",
    "strategy",
    "precision",
    "jit_compile",
    "deterministic",
    "dry_run",
    "start_over",
    "checkpoint_minutes",
    "log_steps",
)


def _with_precision(settings):
    """`settings` with the precision that `auto` stands for."""
    if settings["precision"] != "auto":
        return settings
    if settings["strategy"] == "multi_worker":
        raise UserError(
            "--precision=auto: machines may differ; name the precision with"
            " --strategy=multi_worker."
        )
    precision = former_precision(settings) or strategies.fast_precision()
    return {**settings, "precision": precision}


class Run:
    """A training that can be stopped at any step and started again.

    Args:
      binary: name of the program, `pggan.train`.
      settings: all its flags; `precision` may be auto.
      group: see `strategy.create_strategy`.

    Attributes:
      settings: all flags of the binary, with the precision that auto stands for.
      model_flags: those that not every trainer has.
      folder: the `ModelDir`.
      display: the `Display`, known from `start` on.
      step: number of finished steps.
      logged_step: the last one in the log.
      sets: the `ShardSet`s that it reads, known from `start` on.
      batches_of: see `fit`.
      num_steps: number of steps in all, known from `start` on.

    Raises:
      UserError: the folder holds another training, or one that is running.
    """

    def __init__(
        self, binary: str, settings: Mapping[str, Any], group: int = 1
    ) -> None:
        self.settings = settings = _with_precision(settings)
        self.model_flags = {k: v for k, v in settings.items() if k not in COMMON}
        self.seed = settings["seed"]
        self.batch_size = settings["batch_size"]
        self.step = self.logged_step = 0
        self.num_steps: int | None = None
        self.sets: list[ShardSet] = []
        self.stop_signal: int | None = None
        self.workers = workers.Workers(settings["strategy"])
        self.folder = ModelDir(binary, settings, self.workers)
        self.display: Display | None = None
        strategies.configure(
            settings["seed"], settings["precision"], settings["deterministic"]
        )
        self.strategy = strategies.create_strategy(
            settings["strategy"], settings["batch_size"], group
        )

    def start(
        self,
        model: SteppedModel,
        *,
        num_steps: int,
        inputs: Mapping[str, Sequence[ShardSet]],
        facts: Mapping[str, Any],
        keep_steps: Collection[int] = (),
        digests: Mapping[str, str] | None = None,
    ) -> bool:
        """Shows the plan, takes the folder, brings `model` to its last checkpoint.

        Args:
          model: the `SteppedModel`, whose variables are all there.
          num_steps: number of steps of the whole training.
          inputs: dict of flag name to list of the `ShardSet`s that it names.
          facts: dict of what is printed before it starts.
          keep_steps: as for `fit`.
          digests: SHA-256 of what else the training works with, by the flag's name.

        Returns:
          Whether there is anything to do: false for a dry run, or if it is finished.
        """
        self.num_steps = num_steps
        self.sets = [own for sets in inputs.values() for own in sets]
        digests = digests or {}
        self.folder.check_inputs(inputs, num_steps, digests)
        with self.workers.explain_gone():
            self.any_worker()  # The chief may have put a former training aside.
        facts = {**facts, "steps": num_steps}
        self._print_plan(model, inputs, facts, KEPT_CHECKPOINTS + len(keep_steps))
        if self.settings["dry_run"]:
            print("dry run: everything checked, nothing written.")
            return False
        if self.folder.is_finished:
            print(f"{self.folder.path}: finished already; nothing to do.")
            return False
        self.folder.take(inputs, facts, digests)
        self._catch_signals()
        self._began = time.monotonic()
        self.step = self.folder.restore(model)
        # Losses come back as well: sums since the last line of the log.
        self.logged_step = self.step - self.step % self.settings["log_steps"]
        self._check_step()
        if self.step:
            print(f"continuing at step {self.step} of {num_steps}.", flush=True)
        self.display = Display(
            self.folder,
            step=self.step,
            num_images=num_steps * self.batch_size,
            batch_size=self.batch_size,
            with_bar=self.workers.is_chief,
        )
        return True

    def _check_step(self):
        """Refuses workers of which one has read another checkpoint than the chief."""
        with self.workers.explain_gone():
            expected = self.workers.of_chief(self.strategy, self.step)
            (differs,) = self.any_worker(self.step != expected)
        if differs:
            raise UserError(
                f"worker {self.workers.index}: the latest checkpoint that it can read"
                f" is of step {self.step}, the chief's is of step {expected}; see that"
                f" all machines read {self.folder.path} alike, and run the same command"
                " on each again."
            )

    def _print_plan(self, model, inputs, facts, num_checkpoints):
        for flag, sets in inputs.items():
            for shards in sets:
                counts = ", ".join(f"{n} {k}" for k, n in shards.label_counts.items())
                print(f"  --{flag}: {shards.directory}: {counts}")
        where = strategies.describe(self.strategy, self.workers.number)
        facts = {
            **facts,
            "checkpoints": f"{num_checkpoints} of"
            f" {checkpoints.num_bytes(model) / 1e6:.0f} MB",
            "runs on": f"{where}, {self.settings['precision']}",
        }
        for name, value in facts.items():
            print(f"  {name}: {value}", flush=True)

    def fit(
        self,
        model: SteppedModel,
        batches_of: Callable[[int, int], tf.data.Dataset],
        stop: int,
        *,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        describe: Callable[[int], Mapping[str, Any]] | None = None,
        keep_steps: Collection[int] = (),
    ) -> None:
        """Trains `model` from the current step to step `stop`.

        Args:
          model: a compiled `SteppedModel`.
          batches_of: `batches_of(start, stop)` gives the `tf.data.Dataset` of the
            batches of the steps `start` + 1 to `stop` of the training.
          stop: number of steps done at its end.
          callbacks: further callbacks, called before the checkpoint is made.
          describe: `describe(step)` gives a dict of scalars for the log.
          keep_steps: steps whose checkpoints are kept for ever.
        """
        chain = [
            cb.StepCount(self),
            cb.Log(self, self.settings["log_steps"], describe),
            *callbacks,
            cb.Save(self, self.settings["checkpoint_minutes"], keep_steps),
        ]
        self.batches_of = batches_of
        if self.step < self.num_steps:
            batches = batches_of(self.step, stop)
            with self.workers.explain_gone(), record_errors(self.sets):
                model.fit(batches, epochs=1, verbose=0, callbacks=chain, shuffle=False)

    def any_worker(self, *conditions: bool) -> list[bool]:
        """Whether a condition holds for any worker: see `Workers.any_worker`."""
        return self.workers.any_worker(self.strategy, *conditions)

    def finish(self, **results: Any) -> None:
        """Marks the training as complete, with `results` for whoever reads it."""
        self.display.close()
        seconds = round(time.monotonic() - self._began, 1)
        self.folder.finish(step=self.step, seconds_since_last_start=seconds, **results)
        print(f"{self.folder.path}: finished at step {self.step}.", flush=True)

    def stop(self) -> NoReturn:
        """Leaves after a signal; the state is saved."""
        self.display.close()
        self.stop_signal = self.stop_signal or signal.SIGTERM  # Another worker's.
        name = signal.Signals(self.stop_signal).name
        print(
            f"{name}: saved step {self.step} of {self.num_steps} in"
            f" {self.folder.path}; run the same command again to continue.",
            flush=True,
        )
        sys.exit(128 + self.stop_signal)

    def _catch_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # Started by nohup.
            signal.signal(number, self._note_signal)

    def _note_signal(self, number, frame):
        if self.stop_signal is not None:  # Asked twice: the person is in a hurry.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.stop_signal = number
