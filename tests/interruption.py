"""Runs a trainer in a process of its own and stops it where a test wants."""

import subprocess
import sys

import numpy as np
import tensorflow as tf

from training.run import flagfile

# The signal comes when the step is counted, before its checkpoint is made: with
# SIGKILL, the step is lost and has to be done again.
_DRIVER = """
import os, runpy, signal, sys
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
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
        timeout=300,
    )


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
