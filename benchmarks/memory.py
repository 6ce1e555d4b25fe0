"""Measures how much memory a training step takes, on the CPU, at two small batches.

    python -m benchmarks.memory --flags=flags/paper

Each measurement is one real step of the largest kind in a process of its own. The
paper's batch is extrapolated: what a step takes beside the variables is a fixed part
and a part per image. Takes some minutes and some GB.
"""

if __name__ == "__main__":  # Before TensorFlow is imported.
    from flags import binary

    binary.set_process_up()

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import psutil
import tensorflow as tf

from benchmarks.step_graphs import (
    REFINERS,
    classifier_training,
    pggan_training,
    read_settings,
    refiner_training,
)
from evaluation.tables import Table
from training.checkpoints import num_bytes

# Two batches each: SimGAN's is even, ResNet-50's batch norm wants several images.
BATCHES = {
    "pggan_train": (4, 8),
    **{f"{refiner}_train": (2, 4) for refiner in REFINERS},
    "classifier_train": (8, 16),
}
MB = 1e6
ENVIRONMENT = {
    # One operation after another, as on a GPU.
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    # Memory of tensors goes back to the system at once, so that the peak is theirs.
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def training_calls(step, flags, *arguments):
    """The `Calls` of one training, by the name of its flagfile."""
    settings = read_settings(f"{flags}/{step}.cfg", *arguments)
    if step == "pggan_train":
        return pggan_training(settings, [settings["batch_size"] * 1000])
    if step == "classifier_train":
        return classifier_training(settings)
    size = read_settings(f"{flags}/pggan_train.cfg")["resolution"]
    return refiner_training(step.removesuffix("_train"), settings, size)


def measure(step, flags, batch):
    """Does one step; returns a dict of bytes and seconds."""
    arguments = [f"--batch_size={batch}"]
    if step == "pggan_train":  # A group cannot be larger than the batch.
        arguments.append(f"--stddev_group={batch}")
    at_start = resident_bytes()
    calls = [c for c in training_calls(step, flags, *arguments) if c.model][-1]
    built = resident_bytes()
    function = calls.trace()
    (specs,), _ = function.structured_input_signature
    inputs = tf.nest.map_structure(lambda s: tf.random.uniform(s.shape), specs)
    before, began = resident_bytes(), time.monotonic()
    function(inputs)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "variables": num_bytes(calls.model),
        "built": built - at_start,
        "step": peak - before,
        "seconds": seconds,
    }


def resident_bytes():
    return psutil.Process().memory_info().rss


def measure_apart(step, flags, batch):
    """What `measure` returns, from a new process."""
    command = [sys.executable, "-m", __spec__.name, f"--flags={flags}"]
    result = subprocess.run(
        [*command, f"--step={step}", f"--batch={batch}"],
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(result.stdout.splitlines()[-1])


def row(step, flags):
    """The measurements of a step, extrapolated to the batch of its flagfile."""
    batch = read_settings(f"{flags}/{step}.cfg")["batch_size"]
    small, large = BATCHES[step]
    first, second = (measure_apart(step, flags, size) for size in (small, large))
    per_image = (second["step"] - first["step"]) / (large - small)
    fixed = first["step"] - small * per_image
    whole = first["variables"] + fixed + batch * per_image
    return [
        step,
        f"{first['variables'] / MB:,.0f}",
        f"{first['built'] / MB:,.0f}",
        *(
            f"{m['step'] / MB:,.0f} of {b}"
            for m, b in zip((first, second), (small, large))
        ),
        f"{fixed / MB:,.0f}",
        f"{per_image / MB:,.0f}",
        batch,
        f"{whole / MB / 1000:.1f}",
        f"{first['seconds']:.0f}, {second['seconds']:.0f}",
    ]


HEADER = (
    "training",
    "variables (MB)",
    "measured when built (MB)",
    "a step of few (MB)",
    "of twice as many (MB)",
    "fixed part (MB)",
    "per image (MB)",
    "batch",
    "in all (GB)",
    "took (s)",
)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flags", default="flags/paper", help="folder of flagfiles")
    parser.add_argument("--step", choices=BATCHES, help="this one only")
    parser.add_argument("--batch", type=int, help="one measurement of --step, as JSON")
    options = parser.parse_args()
    if options.batch:
        print(json.dumps(measure(options.step, options.flags, options.batch)))
    else:
        steps = [options.step] if options.step else BATCHES
        rows = [row(step, options.flags) for step in steps]
        print(Table(HEADER, rows).to_markdown())
