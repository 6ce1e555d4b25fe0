"""Runs a trainer in a process of its own and stops it where a test wants."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf

from training.callbacks import read_log
from training.run import flagfile

# The signal comes when the step is counted, before its checkpoint is made: with
# SIGKILL, the step is lost and has to be done again.
_DRIVER = """
import os, runpy, signal, sys
import tensorflow as tf
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # The tests may run under nohup.
name, signal_name, step = sys.argv[1:4]
sys.argv = [name, *sys.argv[4:]]
from training import callbacks
count = callbacks.StepCount.after_step
def count_and_stop(self, before):
    count(self, before)
    if self.run.step == int(step):
        os.kill(os.getpid(), getattr(signal, signal_name))
if signal_name != "none":
    callbacks.StepCount.after_step = count_and_stop
runpy.run_module(name, run_name="__main__")
"""
SECONDS = 900  # At most, on a machine that has other work, too.


def run(name, settings, stop=("none", 0)):
    """Runs the binary `name` with flags from a dict; stops it by (signal, step).

    Returns:
      The `subprocess.CompletedProcess`; its output is text.
    """
    signal_name, step = stop
    command = [sys.executable, "-c", _DRIVER, name, signal_name, str(step)]
    return subprocess.run(
        command + flagfile(settings).split("\n")[:-1],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


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


def continued_step(result):
    """The step at which a process said that it goes on; 0 if it began."""
    found = re.search(r"continuing at step (\d+) of", result.stdout)
    return int(found[1]) if found else 0


def final_weights(model_dir):
    """Every variable of a training's latest checkpoint by name."""
    path = tf.train.latest_checkpoint(f"{model_dir}/checkpoints")
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
