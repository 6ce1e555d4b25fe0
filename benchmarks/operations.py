"""What an experiment costs: operations of its networks, GPU time, disk. Runs nothing.

    python -m benchmarks.operations --configuration=workflow/paper.yaml --slices=real

Prints tables in Markdown. `--slices` is what `dataset.prepare` made of any cases, to
measure how large an image is on disk; without it there is no disk. What a machine
makes of so many operations: `benchmarks.peers`.
"""

if __name__ == "__main__":  # Before TensorFlow is imported.
    from flags import binary

    binary.set_process_up()

import argparse
import dataclasses
import functools
import json
import math
import pathlib
import subprocess

import numpy as np

from benchmarks.experiment import Experiment
from dataset.records import serialize
from dataset.shards import ShardSet
from evaluation.tables import Table

GIGA, TERA, PETA = 1e9, 1e12, 1e15
HOUR = 3600.0
FRAMING = 16  # Bytes that a TFRecord file adds to each record.


@dataclasses.dataclass(frozen=True)
class GPU:
    """A GPU at one precision: operations per second, and what is reached."""

    name: str
    peak: float
    fraction: float

    @classmethod
    def parse(cls, text):
        """Of `name=TFLOP/s*fraction`."""
        name, _, rate = text.rpartition("=")
        peak, _, fraction = rate.partition("*")
        return cls(name, float(peak) * TERA, float(fraction))

    def hours(self, operations):
        return operations / (self.peak * self.fraction) / HOUR


# Peaks are NVIDIA's. The fractions are assumptions, below what its own ResNet-50 for
# TensorFlow is published to reach (docs/experiment.md): ours is less tuned.
GPUS = [
    GPU("V100, float32", 15.7 * TERA, 0.4),
    GPU("A100, float32", 19.5 * TERA, 0.4),
    GPU("A100, TF32", 156 * TERA, 0.1),
]


def step_table(steps, alternatives, gpus):
    """A row per step, sums of all that may be and of what is the least, alternatives.

    Args:
      steps: list of `Step`s.
      alternatives: list of `Step`s that are not in the sums.
      gpus: list of `GPU`s.
    """

    def row(step):
        operations = step.operations
        work = ["-", "-", "-", *("-" for _ in gpus)]
        if step.calls:
            per_image = f"{operations / step.images / GIGA:,.1f}"
            work = [per_image, f"{step.images:,}", *work_of(operations, gpus)]
        return [step.name, step.runs, *work, gigabytes(step.disk)]

    def total(name, operations):
        disk = gigabytes(sum(step.disk for step in steps))
        return [f"**{name}**", "", "", "", *work_of(operations, gpus), disk]

    rows = [row(step) for step in steps]
    rows += [
        total("together, at most", sum(s.operations for s in steps)),
        total("together, at least", sum(s.operations * s.least for s in steps)),
        *(row(step) for step in alternatives),
    ]
    header = ["step", "runs", "Gop per image", "images", "Pop", *(g.name for g in gpus)]
    return Table([*header, "disk (GB)"], rows).to_markdown()


def work_of(operations, gpus):
    """Cells of a number of operations: Pop, and time on each GPU."""
    return [
        f"{operations / PETA:,.1f}",
        *(hours(gpu.hours(operations)) for gpu in gpus),
    ]


def hours(number):
    """Hours in the figures that they are worth."""
    if number >= 10:
        return f"{number:,.0f} h"
    return f"{number:.1f} h" if number >= 0.1 else f"{number * 60:.1f} min"


def gigabytes(number):
    if math.isnan(number):
        return "?"
    return f"{number / GIGA:,.1f}" if number else "-"


def call_table(steps):
    """A row per graph of a training."""
    rows = [
        [step.name, c.name, c.batch, f"{c.operations_per_image / GIGA:,.2f}"]
        + [f"{c.number:,}", f"{c.operations / PETA:,.2f}"]
        for step in steps
        for c in step.calls
        if c.model and not step.name.startswith("classifier_train,")
    ]
    header = ("step", "graph", "batch", "Gop per image", "calls", "Pop")
    return Table(header, rows).to_markdown()


def image_bytes(folder):
    """A function of an image's size to its mean bytes in a shard.

    Measured on the slices in `folder`, zero-padded where they are smaller.
    """
    paths = sorted(pathlib.Path(folder).rglob("manifest.json"))
    records = [r for path in paths for r in ShardSet(str(path.parent)).records()]

    @functools.cache
    def measure(size):
        def padded(record):
            margin = (size - len(record.image)) // 2
            return dataclasses.replace(record, image=np.pad(record.image, margin))

        sizes = [len(serialize(padded(record))) for record in records]
        return float(np.mean(sizes)) + FRAMING

    return measure


def read_configuration(path, python):
    """A configuration of the workflow.

    Args:
      path: of a YAML file.
      python: interpreter of Snakemake's environment, which can read it.
    """
    program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"
    with open(path) as file:
        result = subprocess.run(
            [python, "-c", program], stdin=file, stdout=subprocess.PIPE, check=True
        )
    return json.loads(result.stdout)


def main(options):
    def sizes(text):
        return [int(number) for number in text.split(",")]

    experiment = Experiment(
        read_configuration(options.configuration, options.python),
        class_sizes=sizes(options.train_images),
        validation_images=sum(sizes(options.validation_images)),
        test_images=sum(sizes(options.test_images)),
        image_bytes=image_bytes(options.slices)
        if options.slices
        else lambda size: math.nan,
    )
    steps = list(experiment.steps())
    alternatives = map(experiment.pggan_training, options.alternative)
    print(step_table(steps, list(alternatives), options.gpu or GPUS))
    print(call_table(steps))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--configuration", default="workflow/paper.yaml")
    parser.add_argument(
        "--python",
        default=".venv-workflow/bin/python",
        help="interpreter of Snakemake's environment, which reads --configuration",
    )
    # Han et al. (2019), section III-A: tumor, non-tumor.
    parser.add_argument("--train_images", default="4679,3750")
    parser.add_argument("--validation_images", default="750,608")
    parser.add_argument("--test_images", default="1232,1013")
    parser.add_argument("--slices", help="folder that dataset.prepare has made")
    parser.add_argument(
        "--gpu",
        action="append",
        type=GPU.parse,
        help="name=TFLOP/s*fraction that is reached of it, such as V100=15.7*0.4",
    )
    parser.add_argument(
        "--alternative",
        action="append",
        default=[],
        help="flagfile in place of pggan_train, such as pggan_train_long",
    )
    main(parser.parse_args())
