"""Dry runs of the trainings of a plan, before there is what they are to read.

A training's own `--dry_run` says whether it could begin. To that end the sets that it
is to read have placeholders in a temporary folder, with the planned numbers in their
manifest and one black image of each class behind them.
"""

import concurrent.futures
import os
import re
import subprocess

import numpy as np
import tqdm

from dataset.folders import write_json
from dataset.records import LABEL_NAMES, Record
from dataset.shard_writer import write_shard_set
from dataset.shards import MANIFEST

CHECKPOINTS = re.compile(r"checkpoints: (\d+) of (\d+) MB")
# What is changed for a training that has not begun: nothing depends on it then.
WITHOUT_WEIGHTS = "--weights=none"
WITHOUT_GUIDE = "--guide_weight=0"
AS_LONG_AS = "--match_steps_of="


class DryRuns:
    """The dry runs that are to be made, and the folder for them.

    Args:
      folder: an empty folder; it gets what a training looks for.
      preflight: the `Preflight`, which finds sets, planned or there.

    Attributes:
      commands: what tells trainings apart, to a step's name and a command line.
      checkpoint_bytes: room for the checkpoints of all trainings, once these have run.
    """

    def __init__(self, folder, preflight):
        self.folder = folder
        self.commands = {}
        self.checkpoint_bytes = 0
        self._preflight = preflight
        self._num_trainings = {}

    def add(self, step):
        """Adds that of a training.

        Trainings that differ in nothing but names and seeds have one for all. One that
        has begun is called as it will be, since its binary compares all settings with
        those that it began with.
        """
        settings = step.settings
        key = (step.binary, self._kind(settings))
        for path in data_folders(settings):
            self._place(path)
        words = [*step.command]
        model_dir = os.path.join(self._preflight.output_dir, settings["model_dir"])
        if os.path.exists(os.path.join(model_dir, "run.json")):
            self.link(settings["model_dir"])
            key = settings["model_dir"]
            if as_long_as := settings.get("match_steps_of"):
                self.link(as_long_as)
            if guide := settings.get("guide_dir"):
                self.link(guide)
        else:
            words = [word for word in words if not word.startswith(AS_LONG_AS)]
            if settings.get("weights") == "imagenet":
                words.append(WITHOUT_WEIGHTS)
            if settings.get("guide_dir"):
                words.append(WITHOUT_GUIDE)
        self.commands.setdefault(key, (step.name, [*words, "--dry_run"]))
        self._num_trainings[key] = self._num_trainings.get(key, 0) + 1

    def _kind(self, settings):
        """What a training's settings come to: not names, seeds, how many images."""
        kind = {**settings, "model_dir": None, "seed": None, "match_steps_of": None}
        enough = settings.get("num_images", 0)
        for name, value in settings.items():
            if is_data(name):
                sets = [self._preflight.find(path) for path in as_list(value)]
                kind[name] = {(s.image_size, s.has(enough)) for s in sets}
        return repr(sorted((name, repr(value)) for name, value in kind.items()))

    def _place(self, path):
        """Puts a set, or its placeholder, to its place in the folder."""
        if path not in self._preflight.sets:
            self.link(path)
        elif not os.path.exists(os.path.join(self.folder, path)):
            write_placeholder(self._preflight.sets[path], self.folder, path)

    def link(self, path):
        """Puts what is finished, or begun, to its place in the folder."""
        if os.path.isabs(path) or "://" in path:
            return
        link = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if not os.path.exists(link):
            os.symlink(os.path.join(self._preflight.output_dir, path), link)

    def run(self, num_workers):
        """Makes all dry runs; returns what they refuse, a list of texts."""
        if not self.commands:
            return []
        number = len(self.commands)
        print(
            f"Dry run{'s' * (number > 1)} of {number} training{'s' * (number > 1)} ..."
        )
        with concurrent.futures.ThreadPoolExecutor(min(num_workers, 4)) as pool:
            results = pool.map(self._run_one, self.commands)
            results = list(tqdm.tqdm(results, total=number, disable=None))
        self.checkpoint_bytes = sum(size for _, size in results)
        return [refusal for refusal, _ in results if refusal]

    def _run_one(self, key):
        """What a dry run refuses, or None, and the bytes of its checkpoints."""
        name, command = self.commands[key]
        result = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            # Several at once on one GPU: none may take all of its memory.
            env={**os.environ, "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        )
        if result.returncode:
            return f"{name}: {last_line(result.stderr)}", 0
        match = CHECKPOINTS.search(result.stdout)
        size = int(match[1]) * int(match[2]) * 1e6 if match else 0
        return None, size * self._num_trainings[key]


def write_placeholder(planned, folder, path):
    """Writes a set of the planned numbers, of one image of each class."""
    image = np.zeros([planned.image_size] * 2, np.uint8)
    labels = [label for label, count in enumerate(planned.counts) if count]
    part = path if "real" in path.split("/") else ""
    records = [Record(image, label, f"{path}/{label}", part) for label in labels]
    directory = os.path.join(folder, path)
    shards = write_shard_set(
        directory,
        lambda start, stop: iter(records[start:stop]),
        len(records),
        binary="workflow.run",
        settings={},
    )
    manifest = shards.manifest
    manifest["num_images"] = planned.num_images
    manifest["shards"][0]["num_images"] = planned.num_images
    manifest["images_per_label"] = dict(zip(LABEL_NAMES, planned.counts))
    write_json(os.path.join(directory, MANIFEST), manifest)


def is_data(flag):
    """Whether a training's flag names shard sets."""
    return flag.endswith(("_dir", "_dirs")) and flag not in ("model_dir", "guide_dir")


def as_list(value):
    """Values of a flag that takes one, or several; of one that is not given none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def data_folders(settings):
    """The shard sets that a training reads."""
    return [p for name in settings if is_data(name) for p in as_list(settings[name])]


def last_line(text):
    """The message that a program ended with."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "ended without a message."
