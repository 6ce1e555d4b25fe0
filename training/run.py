"""One training in its `--model_dir`: settings, checkpoints, resume, and its end.

The folder is the whole state: `flags.cfg` (give it to `--flagfile`), `run.json`,
`checkpoints/`, `log.jsonl`, `events/` (TensorBoard), `samples/`, and `finished.json`
once the last step is done and saved.
"""

import fcntl
import itertools
import json
import os
import signal
import sys
import time

import tensorflow as tf
import tqdm

from dataset import pictures
from dataset.shards import PROJECT_VERSION, UserError, to_uint8, write_json, write_text
from training import callbacks as cb
from training import checkpoints, workers
from training import strategy as strategies
from training.checkpoints import read_run, step_of

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
# Settings that may differ when a training is continued: they do not change what is
# computed, only where, and what is shown of it.
FREE = {"model_dir", "strategy", "jit_compile", "deterministic", "dry_run"}
FREE |= {"checkpoint_minutes", "log_steps", "start_over"}
KEPT_CHECKPOINTS = 2  # The latest, and the one before.


class Run:
    """A training that can be stopped at any step and started again.

    Args:
      binary: name of the program, `pggan.train`.
      settings: all its flags.
      group: see `strategy.create_strategy`.

    Attributes:
      settings: all flags of the binary.
      own: those that not every trainer has.
      step: number of finished steps.
      num_steps: number of steps in all, known from `start` on.

    Raises:
      UserError: the folder holds another training, or one that is running.
    """

    def __init__(self, binary, settings, group=1):
        self.binary = binary
        self.settings = settings
        self.own = {k: v for k, v in settings.items() if k not in COMMON}
        self.model_dir = settings["model_dir"]
        self.seed = settings["seed"]
        self.batch_size = settings["batch_size"]
        self.step = 0
        self.num_steps = None
        self.stop_signal = None
        self.workers = workers.Workers(settings["strategy"])
        self._own_dir = self.workers.folder(self.model_dir)
        self._check_settings()
        strategies.configure(
            settings["seed"], settings["precision"], settings["deterministic"]
        )
        self.strategy = strategies.create_strategy(
            settings["strategy"], settings["batch_size"], group
        )

    @property
    def finished(self):
        return tf.io.gfile.exists(self._path("finished.json"))

    def start(self, model, *, num_steps, inputs, facts, keep_steps=()):
        """Shows the plan and takes the folder.

        Args:
          model: the compiled `SteppedModel`, whose variables are all there.
          num_steps: number of steps of the whole training.
          inputs: dict of flag name to list of the `ShardSet`s that it names.
          facts: dict of what a person wants to see before it starts.
          keep_steps: as for `fit`.

        Returns:
          Whether there is anything to do: false for a dry run, or if it is finished.
        """
        self.num_steps = num_steps
        digests = {key: [s.digest for s in sets] for key, sets in inputs.items()}
        self._check_inputs(inputs, digests)
        with self.workers.explain_gone():
            self.agree()  # The chief may have put a former training aside.
        for flag, sets in inputs.items():
            for shards in sets:
                counts = ", ".join(f"{n} {k}" for k, n in shards.label_counts.items())
                print(f"  --{flag}: {shards.directory}: {counts}")
        self.facts = {**facts, "steps": num_steps}
        for name, value in self.facts.items():
            print(f"  {name}: {value}", flush=True)
        megabytes = checkpoints.num_bytes(model) / 1e6
        number = KEPT_CHECKPOINTS + len(keep_steps)
        print(f"  checkpoints: {number} of {megabytes:.0f} MB", flush=True)
        print(f"  runs on: {self._where()}", flush=True)
        if self.settings["dry_run"]:
            print("dry run: everything checked, nothing written.")
            return False
        if self.finished:
            print(f"{self.model_dir}: finished already; nothing to do.")
            return False
        self._take_folder(digests)
        return True

    def _where(self):
        precision = self.settings["precision"]
        return f"{strategies.describe(self.strategy, self.workers.number)}, {precision}"

    def _take_folder(self, digests):
        tf.io.gfile.makedirs(self._own_dir)
        self._lock = self._lock_folder()  # Until the process ends.
        with tf.io.gfile.GFile(self.own_path("flags.cfg"), "w") as file:
            file.write(flagfile(self.settings))
        content = {
            "binary": self.binary,
            "project_version": PROJECT_VERSION,
            "settings": self.settings,
            "inputs": digests,
            "facts": self.facts,
        }
        write_json(self.own_path("run.json"), content)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # Started by nohup.
            signal.signal(number, self._note_signal)
        self.events = tf.summary.create_file_writer(self.own_path("events"))
        self._began = time.monotonic()
        self._bar = None

    def _lock_folder(self):
        """The folder's lock, an open file; or a `UserError` where another has it."""
        lock = open(self.own_path(".lock"), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise UserError(
                f"--model_dir={self.model_dir}: another process is training in it."
            ) from error
        return lock

    def _former_run(self):
        """What `run.json` says of the training in the folder; None in a new one."""
        if self.settings["start_over"] and not self.workers.is_chief:
            return None  # The chief may be about to put it aside.
        if not tf.io.gfile.exists(self._path("run.json")):
            return None
        former = read_run(self.model_dir)
        if former["binary"] != self.binary:
            raise UserError(
                f"--model_dir={self.model_dir}: holds a training by"
                f" {former['binary']}, not {self.binary}; give another folder."
            )
        return former

    def _check_settings(self):
        """Refuses to continue with a flag that changes the result."""
        former = self._former_run()
        if not former:
            return
        before, now = former["settings"], json.loads(json.dumps(self.settings))
        for name in sorted({*before, *now} - FREE):
            old, new = before.get(name), now.get(name)
            if old != new:
                return self._replace_former(
                    f"--{name}: the training in {self.model_dir} was started with"
                    f" {old!r}, now it is {new!r}; give the former value to continue it"
                )

    def _check_inputs(self, inputs, digests):
        """Refuses to continue on other images, in folders of the same names."""
        former = self._former_run()
        if not former:
            return
        for flag, sets in inputs.items():
            before = former["inputs"][flag]
            for shards, old, new in zip(sets, before, digests[flag], strict=True):
                if old != new:
                    return self._replace_former(
                        f"--{flag}: the images in {shards.directory} have changed since"
                        f" the training in {self.model_dir} was started (SHA-256 of"
                        f" manifest.json was {old[:8]}..., is {new[:8]}...); restore"
                        " them to continue it"
                    )
        steps = former["facts"]["steps"]
        if steps != self.num_steps:  # Settings are equal, but not what they lead to.
            self._replace_former(
                f"--model_dir={self.model_dir}: the training there takes {steps} steps,"
                f" now it would be {self.num_steps}; restore what says so, such as the"
                " training of --match_steps_of, to continue it"
            )

    def _replace_former(self, difference):
        """Puts another training in the folder aside if that is asked for.

        Raises:
          UserError: it is not asked for, or that training is running.
        """
        if not self.settings["start_over"]:
            raise UserError(
                f"{difference}, or another --model_dir, or --start_over to put what is"
                " there aside and start anew."
            )
        if self.settings["dry_run"]:
            return
        self._lock_folder().close()
        aside = next(
            path
            for path in (f"{self.model_dir}.{n}" for n in itertools.count(1))
            if not tf.io.gfile.exists(path)
        )
        tf.io.gfile.rename(self.model_dir, aside)
        print(f"{self.model_dir}: another training; it is now {aside}.", flush=True)

    def restore(self, model):
        """Brings `model` to the latest checkpoint, if there is one.

        Every variable, the optimizers' too, must exist by now.
        """
        path = tf.train.latest_checkpoint(self._path("checkpoints"))
        self.step = 0
        if path:
            checkpoint = tf.train.Checkpoint(model=model)
            checkpoint.restore(path).assert_existing_objects_matched()
            self.step = step_of(path)
            print(f"continuing at step {self.step} of {self.num_steps}.", flush=True)
        lines = cb.read_log(self._path("log.jsonl"), self.step)
        content = "".join(line + "\n" for line in lines)
        write_text(self.own_path("log.jsonl"), content)

    def latest_step(self):
        """The step of the latest checkpoint; 0 without one."""
        path = tf.train.latest_checkpoint(self._path("checkpoints"))
        return step_of(path) if path else 0

    def fit(self, model, batches, *, callbacks=(), describe=None, keep_steps=()):
        """Trains `model` on all of `batches`, the next ones of the training.

        Args:
          model: a compiled `SteppedModel`.
          batches: `tf.data.Dataset` of the batches from `step` on.
          callbacks: further callbacks, called before the checkpoint is made.
          describe: `describe(step)` gives a dict of scalars for the log.
          keep_steps: steps whose checkpoints are kept for ever.
        """
        chain = [
            cb.StepCount(self),
            cb.ProgressBar(self),
            cb.Log(self, self.settings["log_steps"], describe),
            *callbacks,
            cb.Save(self, self.settings["checkpoint_minutes"], keep_steps),
        ]
        if self.step < self.num_steps:
            with self.workers.explain_gone():
                model.fit(batches, epochs=1, verbose=0, callbacks=chain, shuffle=False)

    def agree(self, *wishes):
        """Whether any worker has a wish, a bool for each: see `Workers.agree`."""
        return self.workers.agree(self.strategy, *wishes)

    def save(self, model):
        """Writes a checkpoint of the current step; the one before is kept, too."""
        checkpoint = tf.train.Checkpoint(model=model)
        manager = tf.train.CheckpointManager(
            checkpoint, self.own_path("checkpoints"), max_to_keep=KEPT_CHECKPOINTS
        )
        manager.save(checkpoint_number=self.step)

    def keep(self, model):
        """Writes a checkpoint of the current step that is never removed."""
        checkpoint = tf.train.Checkpoint(model=model)
        checkpoint.write(os.path.join(self.own_path("kept"), f"step-{self.step}"))

    def finish(self, **results):
        """Marks the training as complete, with `results` for whoever reads it."""
        if self._bar:
            self._bar.close()
        seconds = round(time.monotonic() - self._began, 1)
        content = {"step": self.step, "seconds_since_last_start": seconds, **results}
        write_json(self.own_path("finished.json"), content)
        print(f"{self.model_dir}: finished at step {self.step}.", flush=True)

    def log(self, line):
        """Appends a dict with a `step` to log.jsonl and its numbers to TensorBoard."""
        with open(self.own_path("log.jsonl"), "a") as file:
            file.write(json.dumps(line) + "\n")
        with self.events.as_default(line["step"]):
            for name, value in line.items():
                if name != "step" and isinstance(value, (int, float)):
                    tf.summary.scalar(name, value)

    def picture(self, name, images, columns=None, tag=None):
        """Writes float images in [-1, 1] as a grid to samples/ and TensorBoard."""
        image = pictures.grid(to_uint8(images), columns)
        pictures.write_png(os.path.join(self.own_path("samples"), name + ".png"), image)
        with self.events.as_default(self.step):
            tf.summary.image(tag or name, image[None])

    def advance(self):
        """Moves the progress bar by one step."""
        if self._bar is None:
            self._bar = tqdm.tqdm(
                total=self.num_steps * self.batch_size,
                initial=(self.step - 1) * self.batch_size,
                desc=self.binary,
                unit="img",
                unit_scale=True,
                disable=not self.workers.is_chief,
                mininterval=0.5 if sys.stderr.isatty() else 5.0,
                dynamic_ncols=True,
            )
        self._bar.update(self.batch_size)

    def show(self, values):
        """Shows the latest losses beside the progress bar."""
        if self._bar:
            self._bar.set_postfix(
                {k: f"{v:.3g}" for k, v in values.items()}, refresh=False
            )

    def stop(self):
        """Leaves after a signal; the state is saved."""
        if self._bar:
            self._bar.close()
        self.stop_signal = self.stop_signal or signal.SIGTERM  # Another worker's.
        name = signal.Signals(self.stop_signal).name
        print(
            f"{name}: saved step {self.step} of {self.num_steps} in {self.model_dir};"
            " run the same command again to continue.",
            flush=True,
        )
        sys.exit(128 + self.stop_signal)

    def _note_signal(self, number, frame):
        if self.stop_signal is not None:  # Asked twice: the person is in a hurry.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.stop_signal = number

    def own_path(self, name):
        """Where this worker writes a file of the folder: see `Workers.folder`."""
        return os.path.join(self._own_dir, name)

    def _path(self, name):
        return os.path.join(self.model_dir, name)


def flagfile(settings):
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
