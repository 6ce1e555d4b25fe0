"""Starts a training, stops it where a test wants, and compares what it left.

With real processes, which signals reach, and in the process of the test, with new
objects for every start.
"""

import contextlib
import functools
import glob
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from training import callbacks
from training.display import read_log
from training.model import SteppedModel
from training.model_dir import flagfile
from training.run import Run

SECONDS = 900  # At most, on a machine that has other work, too.


class Killed(BaseException):
    """Stands for SIGKILL in the process of a test: nothing saves, nothing ends well."""


def start(name, settings, stop=None, eagerly=False):
    """Starts the trainer `name` in this process, with new objects.

    Args:
      name: of the binary, `pggan.train`.
      settings: dict of its flags.
      eagerly: whether without graphs: few steps are done before one is made.
      stop: (number of a signal, step): it comes when the step is counted, before its
        checkpoint is made. With SIGKILL, the step is lost and has to be done again.

    Returns:
      The `Run`; the folder is free for another.
    """
    run = Run(name, settings)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    with pytest.MonkeyPatch.context() as patch, _stopping(stop):
        if eagerly:
            compile_eagerly = functools.partialmethod(
                SteppedModel.compile, run_eagerly=True
            )
            patch.setattr(SteppedModel, "compile", compile_eagerly)
        try:
            importlib.import_module(name).train(run, **run.model_flags)
        finally:  # As the end of the process does.
            if lock := getattr(run.folder, "lock", None):
                lock.close()
            for number, handler in handlers.items():
                signal.signal(number, handler)
    return run


@contextlib.contextmanager
def _stopping(stop):
    """Stops the training within; it is a failure if that has not come to the step."""
    number, step = stop or (None, None)
    count = callbacks.StepCount.after_step
    stopped = []

    def count_and_stop(self, before):
        count(self, before)
        if self.run.step == step:
            stopped.append(step)
            if number == signal.SIGKILL:
                raise Killed
            self.run.stop_signal = number

    callbacks.StepCount.after_step = count_and_stop
    try:
        yield
    except Killed:
        pass
    except SystemExit as end:
        assert end.code == 128 + number
    finally:
        callbacks.StepCount.after_step = count
    assert stopped or not stop, f"not stopped at step {step}"


def run(name, settings):
    """Runs the binary `name` with flags from a dict, to its end.

    Returns:
      The `subprocess.CompletedProcess`; its output is text.
    """
    command = [sys.executable, "-m", name, *flagfile(settings).split("\n")[:-1]]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)


def interrupt(name, settings, moment, number=signal.SIGKILL):
    """Runs the binary `name` as a user does, and interrupts it from outside.

    The process is frozen before the signal, so that what `moment` sees on the disk is
    what the signal finds.

    Args:
      name: of the binary, `pggan.train`.
      settings: dict of its flags.
      moment: function that tells whether now is the moment; asked all the time.
      number: of the signal.

    Returns:
      The `subprocess.CompletedProcess`; its output is text.
    """
    command = [sys.executable, "-m", name, *flagfile(settings).split("\n")[:-1]]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        try:
            while process.poll() is None:
                if moment():
                    process.send_signal(signal.SIGSTOP)
                    if moment():
                        process.send_signal(number)
                        process.send_signal(signal.SIGCONT)
                        break
                    process.send_signal(signal.SIGCONT)
                time.sleep(0.001)
            output = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, *output)


def after_step(model_dir, step, seconds=0.0):
    """The moment that comes `seconds` after the next process has logged `step`."""
    before = changed(log_path(model_dir))
    seen = []

    def moment():
        # Until the process writes the log, it ends with steps that are to be redone.
        fresh = changed(log_path(model_dir)) != before
        if not seen and fresh and logged_step(model_dir) >= step:
            seen.append(time.monotonic())
        return seen and time.monotonic() >= seen[0] + seconds

    return moment


def writing_checkpoint(model_dir, step):
    """The moment at which a checkpoint after `step` is being written."""

    def moment():
        folder = os.path.join(model_dir, "checkpoints")
        names = os.listdir(folder) if os.path.isdir(folder) else ()
        begun = [re.match(r"ckpt-(\d+)_temp", name) for name in names]
        return any(match and int(match[1]) > step for match in begun)

    return moment


def log_path(model_dir):
    return os.path.join(model_dir, "log.jsonl")


def changed(path):
    """When a file was changed, ns; None while there is none."""
    return os.stat(path).st_mtime_ns if os.path.exists(path) else None


def log_lines(model_dir):
    """The lines of a training's log as dicts."""
    return [json.loads(line) for line in read_log(log_path(model_dir), float("inf"))]


def logged_step(model_dir):
    """The last step in a training's log; 0 before the first."""
    return max((line["step"] for line in log_lines(model_dir)), default=0)


def continued_step(printed):
    """The step at which a training said that it goes on; 0 if it began."""
    found = re.search(r"continuing at step (\d+) of", printed)
    return int(found[1]) if found else 0


def final_weights(model_dir):
    """Every variable of a training's latest checkpoint by name."""
    return variables(tf.train.latest_checkpoint(f"{model_dir}/checkpoints"))


def variables(path):
    """Every variable of a checkpoint by name."""
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_shape_map()
    return {n: reader.get_tensor(n) for n in names if "OBJECT_GRAPH" not in n}


def assert_bits_equal(weights, others):
    """Asserts that two results of `final_weights` are the same to the last bit."""
    assert weights.keys() == others.keys()
    for name, value in weights.items():
        if name.startswith("save_counter"):  # Counts the checkpoints themselves.
            continue
        np.testing.assert_array_equal(value, others[name], err_msg=name)


def assert_same_training(model_dir, other):
    """Asserts that two folders hold the same training, to the last bit.

    Weights, states of optimizers and all else of the last checkpoint, and of those that
    are kept; losses of every line of the log; pictures; how it ended.
    """
    assert_bits_equal(final_weights(model_dir), final_weights(other))
    assert kept_steps(model_dir) == kept_steps(other)
    for name in kept_steps(model_dir):
        paths = (os.path.join(folder, "kept", name) for folder in (model_dir, other))
        assert_bits_equal(*map(variables, paths))
    assert timeless(log_lines(model_dir)) == timeless(log_lines(other))
    assert pictures(model_dir) == pictures(other)
    assert timeless([finished(model_dir)]) == timeless([finished(other)])


def kept_steps(model_dir):
    """The names of the checkpoints that are kept for ever."""
    paths = glob.glob(f"{model_dir}/kept/*.index")
    return sorted(os.path.basename(path).removesuffix(".index") for path in paths)


def timeless(lines):
    """Dicts without what depends on the clock."""
    return [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]


def pictures(model_dir):
    """The bytes of a training's pictures by name."""
    contents = {}
    for path in glob.glob(f"{model_dir}/samples/*.png"):
        with open(path, "rb") as file:
            contents[os.path.basename(path)] = file.read()
    return contents


def finished(model_dir):
    """What a training says of its end."""
    with open(os.path.join(model_dir, "finished.json")) as file:
        return json.load(file)
