"""The contents of an experiment's folder, found by the names that programs write.

A folder with `run.json` is a training, one with `manifest.json` a shard set, however
folders are named and nested. Paths are relative to the experiment, with slashes.
"""

import collections
import dataclasses
import glob
import json
import math
import os
import re

import pandas as pd

from dataset.errors import UserError
from dataset.folders import file_sha256, read_json
from training.display import read_log
from training.model_dir import flagfile

# Folders of many files that the page does not show.
SKIPPED = {
    *(".snakemake", "checkpoints", "events", "kept", "phantom"),
    *("saved_model", "samples", "variables"),
}
# Results beside trainings and shard sets, by file name.
FILES = (
    *("slices.csv", "report.json"),
    *("table.json", "turing.json", "tsne.json", "quality.json", "selection.json"),
    "learning_curve.json",
    *("kept_and_discarded.png", "before_after.png"),
)
DIGITS = 16  # Of a digest; enough to tell files apart.


@dataclasses.dataclass(frozen=True)
class Training:
    """A training that has begun."""

    name: str  # Its folder, without a last `/model`.
    binary: str  # Such as `pggan.train`.
    finished: dict  # Content of `finished.json`; empty if it is not finished.
    log: list  # Dicts, the lines of `log.jsonl`.
    samples: list  # File names in `samples`.
    path: str  # The folder.

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
    """An experiment's folder."""

    path: str
    trainings: list[Training]
    shard_sets: dict  # Manifests by path of the set.
    files: dict  # Paths by file name, of `FILES`.

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
            trainings.append(_read_training(folder, relative))
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


def _read_training(folder, relative):
    finished = os.path.join(folder, "finished.json")
    samples = os.path.join(folder, "samples")
    run = read_json(os.path.join(folder, "run.json"))
    lines = read_log(os.path.join(folder, "log.jsonl"), math.inf)
    return Training(
        name=re.sub(r"/model$", "", relative),
        binary=run.get("binary", "a program that is not named"),
        finished=read_json(finished) if os.path.exists(finished) else {},
        log=[json.loads(line) for line in lines],
        samples=sorted(os.listdir(samples)) if os.path.isdir(samples) else [],
        path=folder,
    )


def prefix_of(path):
    """Where something is in an experiment: `fold-0/share-50/chain-1/`, or ""."""
    return re.match(r"(?:fold-\d+/)?(?:share-[\d.]+/)?(?:chain-\d+/)?", path)[0]


def read_slices(path):
    """The rows of a `slices.csv`, a `DataFrame` of texts."""
    try:
        slices = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise UserError(f"{path}: damaged: {error}.") from error
    for column in ("part", "patient", "reason", "verdict"):
        if column not in slices:
            raise UserError(f"{path}: no column {column!r}.")
    return slices


def is_artificial(path):
    """Whether an experiment's real images are of what `dataset.phantom` wrote in it."""
    for pattern in ("real/report.json", "*/real/report.json"):  # Of every fold.
        for report in glob.glob(os.path.join(path, pattern)):
            cases = (read_json(report).get("settings") or {}).get("brats_dir") or ""
            if os.path.exists(os.path.join(path, cases, "phantom.json")):
                return True
    return False


def origins(experiment, result_paths):
    """Flags of everything in an `Experiment`, and digests of what it was made from.

    Args:
      result_paths: of JSON files of results.

    Returns:
      A list of dicts of texts, `name`, `binary`, `digest` (of the file that says so)
      and `inputs`, and of `flags`, a list. Of several outputs of one program the later
      ones have those flags in which they differ from the first, which `base` names.
    """
    reports = map(experiment.full, experiment.prepared("report.json"))
    files = [
        *(os.path.join(training.path, "run.json") for training in experiment.trainings),
        *(experiment.full(f"{name}/manifest.json") for name in experiment.shard_sets),
        *map(experiment.full, experiment.files["selection.json"]),
        *result_paths,
    ]
    entries, first = [], {}
    for path in [*reports, *files]:
        content = read_json(path)
        binary, settings = content.get("binary", ""), content.get("settings") or {}
        base = first.setdefault(binary, (path, settings)) if binary else (path, {})
        is_first = base[0] == path
        shown = {k: v for k, v in settings.items() if is_first or base[1].get(k) != v}
        words = f"As {os.path.relpath(base[0], experiment.path)}, but "
        entries.append(
            {
                "name": os.path.relpath(path, experiment.path),
                "binary": binary,
                "digest": file_sha256(path)[:DIGITS],
                "base": "" if is_first else words,
                "flags": list(filter(None, flagfile(shown).splitlines())),
                "inputs": _as_digests(content.get("inputs") or {}),
            }
        )
    return entries


def _as_digests(inputs):
    """Inputs and the beginnings of their digests."""
    texts = []
    for name, digests in inputs.items():
        digests = digests if isinstance(digests, list) else [digests]
        texts.append(f"{name} {' '.join(str(digest)[:DIGITS] for digest in digests)}")
    return "; ".join(texts)
