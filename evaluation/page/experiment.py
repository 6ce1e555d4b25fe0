"""The contents of an experiment's folder, found by the names that programs write.

A folder with `run.json` is a training, one with `manifest.json` a shard set, however
folders are named and nested. Paths are relative to the experiment, with slashes.
"""

import collections
import csv
import dataclasses
import json
import os
import re

from dataset.errors import UserError
from dataset.folders import read_json

# Folders of many files that the page does not show.
SKIPPED = {
    *(".snakemake", "checkpoints", "events", "kept", "phantom"),
    *("saved_model", "samples", "variables"),
}
# Results beside trainings and shard sets, by file name.
FILES = (
    *("slices.csv", "report.json"),
    *("table.json", "turing.json", "tsne.json", "quality.json", "selection.json"),
    *("kept_and_discarded.png", "before_after.png"),
)


@dataclasses.dataclass(frozen=True)
class Training:
    """A training that has begun.

    Attributes:
      name: its folder, without a last `/model`.
      binary: such as `pggan.train`.
      run: content of `run.json`.
      finished: content of `finished.json`; empty if it is not finished.
      log: list of dicts, the lines of `log.jsonl`.
      samples: file names in `samples`.
      path: the folder.
    """

    name: str
    binary: str
    run: dict
    finished: dict
    log: list
    samples: list
    path: str

    @property
    def seconds(self):
        """How long its steps took, from the log, which covers every start."""
        seconds, before = 0.0, 0
        for line in self.log:
            if "seconds_per_step" in line:
                seconds += line["seconds_per_step"] * (line["step"] - before)
                before = line["step"]
        return seconds

    @property
    def steps(self):
        return self.log[-1]["step"] if self.log else 0


@dataclasses.dataclass(frozen=True)
class Experiment:
    """An experiment's folder.

    Attributes:
      path: the folder.
      trainings: list of `Training`.
      shard_sets: manifests by path of the set.
      files: paths by file name, of `FILES`.
    """

    path: str
    trainings: list
    shard_sets: dict
    files: dict

    def full(self, path):
        return os.path.join(self.path, path)

    def prepared(self, name):
        """Paths of a file beside the real images: one, or one of each fold."""
        paths = self.files.get(name, [])
        return [p for p in paths if os.path.basename(os.path.dirname(p)) == "real"]


def read_experiment(path):
    """Walks through the folder.

    Raises:
      UserError: it does not exist or holds nothing of an experiment.
    """
    if not os.path.isdir(path):
        raise UserError(f"--experiment_dir={path}: no such folder.")
    trainings, shard_sets, files = [], {}, collections.defaultdict(list)
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(set(folders) - SKIPPED)
        relative = os.path.relpath(folder, path).replace(os.sep, "/")
        if "run.json" in names:
            trainings.append(read_training(folder, relative))
        if "manifest.json" in names:
            shard_sets[relative] = read_json(os.path.join(folder, "manifest.json"))
        for name in sorted(set(FILES) & set(names)):
            files[name].append(os.path.normpath(f"{relative}/{name}"))
    if not trainings and not shard_sets and not files:
        raise UserError(
            f"--experiment_dir={path}: no training, shard set or result in it; expected"
            " the --output_dir of workflow.run."
        )
    return Experiment(path, trainings, shard_sets, files)


def prefix_of(path):
    """The fold and chain of something in an experiment: `fold-0/chain-1/`, or ""."""
    return re.match(r"(?:fold-\d+/)?(?:chain-\d+/)?", path)[0]


def read_training(folder, relative):
    """Reads a training's folder: a `Training`."""
    finished = os.path.join(folder, "finished.json")
    samples = os.path.join(folder, "samples")
    run = read_json(os.path.join(folder, "run.json"))
    return Training(
        name=re.sub(r"/model$", "", relative),
        binary=run.get("binary", "a program that is not named"),
        run=run,
        finished=read_json(finished) if os.path.exists(finished) else {},
        log=read_log(os.path.join(folder, "log.jsonl")),
        samples=sorted(os.listdir(samples)) if os.path.isdir(samples) else [],
        path=folder,
    )


def read_log(path):
    """The lines of a log in order of steps; a line that a crash cut off is left out."""
    lines = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for text in file:
                try:
                    lines.append(json.loads(text))
                except ValueError:
                    continue
    return [line for line in lines if isinstance(line, dict) and "step" in line]


def read_slices(path):
    """Counts of `slices.csv`.

    Returns:
      Two dicts of numbers: images by (part, verdict), and slices that were left out by
      reason; and one of the number of patients by part.

    Raises:
      UserError: the file has no such columns.
    """
    images, reasons = collections.Counter(), collections.Counter()
    patients = collections.defaultdict(set)
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"patient", "verdict", "reason", "part"} - set(
            reader.fieldnames or ()
        )
        if missing:
            raise UserError(f"{path}: no column {min(missing)!r}.")
        for row in reader:
            if row["part"]:
                images[row["part"], row["verdict"]] += 1
                patients[row["part"]].add(row["patient"])
            else:
                reasons[row["reason"]] += 1
    return images, reasons, {part: len(own) for part, own in patients.items()}
