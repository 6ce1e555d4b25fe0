"""What every step of a plan would find, before any of it is there.

Steps announce the shard sets that they will write (`announcements`). A training is
asked by its own `--dry_run` whether it could begin; to that end the sets that it is to
read stand in a temporary folder, with the announced numbers in their manifest and one
black image of each class behind them.
"""

import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import tempfile

import numpy as np
import tqdm

from dataset.shards import (
    LABEL_NAMES,
    MANIFEST,
    Record,
    ShardSet,
    UserError,
    read_json,
    write_json,
    write_shard_set,
)
from workflow.announcements import ANNOUNCERS, RULES, Announced

# What all other steps depend on.
PREPARERS = {"dataset.prepare", "dataset.import_images"}

CHECKPOINTS = re.compile(r"checkpoints: (\d+) of (\d+) MB")
# Values of --backbone that do without weights.
WITHOUT_A_NETWORK = {"auto", "descriptors"}
# What a training is asked without or with before it begins: nothing depends on it then.
WITHOUT_WEIGHTS = "--weights=none"
AS_LONG_AS = "--match_steps_of="


def rehearse(steps, output_dir, num_workers):
    """Goes through a plan; see `check.check`."""
    with tempfile.TemporaryDirectory() as folder:
        rehearsal = Rehearsal(folder, output_dir)
        faults = rehearsal.go_through(steps)
        faults += rehearsal.ask_trainings(num_workers)
        print(rehearsal.describe())
        return faults, [*rehearsal.missing_weights(), *rehearsal.space()]


class Rehearsal:
    """Announced sets and trainings, and the folder where trainings are asked.

    Args:
      folder: an empty folder; it gets what a training looks for.
      output_dir: the experiment's folder, with what is finished.

    Attributes:
      sets: path in `output_dir` to `Announced`.
      trainings: path of a model folder to the settings of the step that fills it.
    """

    def __init__(self, folder, output_dir):
        self.folder = folder
        self.output_dir = os.path.abspath(output_dir)
        self.sets = {}
        self.trainings = {}
        self.num_cases = None
        self.networks = set()  # Whose ImageNet weights are wanted.
        self._questions = {}
        self._num_asked_for = {}
        self._checkpoint_bytes = 0

    def go_through(self, steps):
        """Announces what every step writes; returns what is wrong, a list of texts."""
        faults = {}
        for step in steps:
            try:
                self._check_weights(step.settings or {})
                if (step.binary or "").endswith(".train"):
                    self.ask(step)
                elif announce := ANNOUNCERS.get(step.binary) or RULES.get(step.rule):
                    announce(self, step)
            except UserError as fault:
                faults.setdefault(str(fault), step.name)
                if step.binary in PREPARERS:  # All others depend on it.
                    break
        return [f"{name}: {fault}" for fault, name in faults.items()]

    def announce(self, path, image_size, counts, at_most=False):
        self.sets[path] = Announced(image_size, tuple(counts), at_most)

    def find(self, path):
        """The set at `path`: one that is announced, or else one that is there.

        Raises:
          UserError: neither.
        """
        if path in self.sets:
            return self.sets[path]
        elsewhere = "://" in path
        found = ShardSet(path if elsewhere else os.path.join(self.output_dir, path))
        counts = tuple(found.label_counts[name] for name in LABEL_NAMES)
        return Announced(found.image_size, counts)

    def training(self, model_dir):
        """The settings of a training, planned or there.

        Raises:
          UserError: neither.
        """
        if model_dir not in self.trainings:
            path = os.path.join(self.output_dir, model_dir, "run.json")
            if not os.path.exists(path):
                raise UserError(f"--model_dir={model_dir}: no training in it.")
            self.trainings[model_dir] = read_json(path)["settings"]
        return self.trainings[model_dir]

    def _check_weights(self, settings):
        weights = settings.get("weights")
        backbone = settings.get("backbone", "resnet50")
        if weights == "imagenet":
            self.networks |= {backbone} - WITHOUT_A_NETWORK
        elif weights not in (None, "none"):
            if not os.path.isfile(os.path.join(self.output_dir, weights)):
                raise UserError(f"--weights={weights}: no such file.")
            self._link(weights)

    def ask(self, step):
        """Notes a training whose binary is to be asked whether it could begin.

        Trainings that differ in nothing but names and seeds are asked once. One that
        has begun is asked as it will be called, since its binary compares all settings
        with those that it began with.
        """
        settings = step.settings
        self.trainings[settings["model_dir"]] = settings
        key = (step.binary, self._kind(settings))
        for name, value in settings.items():
            if is_data(name):
                for path in as_list(value):
                    self._stand_in(path)
        words = [*step.command]
        existing = os.path.join(self.output_dir, settings["model_dir"])
        if os.path.exists(os.path.join(existing, "run.json")):
            self._link(settings["model_dir"])
            key = settings["model_dir"]
            if as_long_as := settings.get("match_steps_of"):
                self._link(as_long_as)
        else:
            words = [word for word in words if not word.startswith(AS_LONG_AS)]
            if settings.get("weights") == "imagenet":
                words.append(WITHOUT_WEIGHTS)
        self._questions.setdefault(key, (step.name, [*words, "--dry_run"]))
        self._num_asked_for[key] = self._num_asked_for.get(key, 0) + 1

    def _kind(self, settings):
        """What a training's settings come to: not names, seeds, how many images."""
        kind = {**settings, "model_dir": None, "seed": None, "match_steps_of": None}
        enough = settings.get("num_images", 0)
        for name, value in settings.items():
            if is_data(name):
                sets = [self.find(path) for path in as_list(value)]
                kind[name] = {(s.image_size, s.has(enough)) for s in sets}
        return repr(sorted((name, repr(value)) for name, value in kind.items()))

    def _stand_in(self, path):
        """Puts a set that `find` finds to its place in the folder."""
        if path not in self.sets:
            self._link(path)
        elif not os.path.exists(os.path.join(self.folder, path)):
            self._write_stand_in(path)

    def _write_stand_in(self, path):
        """Writes a set of the announced numbers, of one image of each class."""
        announced = self.sets[path]
        image = np.zeros([announced.image_size] * 2, np.uint8)
        labels = [label for label, count in enumerate(announced.counts) if count]
        part = path if "real" in path.split("/") else ""
        records = [Record(image, label, f"{path}/{label}", part) for label in labels]
        directory = os.path.join(self.folder, path)
        shards = write_shard_set(
            directory,
            lambda start, stop: iter(records[start:stop]),
            len(records),
            binary="workflow.run",
            settings={},
        )
        manifest = shards.manifest
        manifest["num_images"] = sum(announced.counts)
        manifest["shards"][0]["num_images"] = sum(announced.counts)
        manifest["images_per_label"] = dict(zip(LABEL_NAMES, announced.counts))
        write_json(os.path.join(directory, MANIFEST), manifest)

    def _link(self, path):
        """Puts what is finished, or begun, to its place in the folder."""
        if os.path.isabs(path) or "://" in path:
            return
        link = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if not os.path.exists(link):
            os.symlink(os.path.join(self.output_dir, path), link)

    def ask_trainings(self, num_workers):
        """Runs each noted binary's dry run; returns what they refuse, texts."""
        if not self._questions:
            return []
        number = len(self._questions)
        print(f"Asking {number} training{'s' * (number > 1)} by their dry run ...")
        with concurrent.futures.ThreadPoolExecutor(min(num_workers, 4)) as pool:
            answers = pool.map(self._ask, self._questions, self._questions.values())
            bar = tqdm.tqdm(answers, total=len(self._questions), disable=None)
            answers = list(bar)
        return [answer for answer in answers if answer]

    def _ask(self, key, question):
        name, command = question
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
            return f"{name}: {last_line(result.stderr)}"
        if match := CHECKPOINTS.search(result.stdout):
            size = int(match[1]) * int(match[2]) * 1e6
            self._checkpoint_bytes += size * self._num_asked_for[key]
        return None

    def describe(self):
        """The announced sets, as a text."""
        lines = []
        for path, announced in self.sets.items():
            number = f"{'at most ' * announced.at_most}{announced.num_images:,}"
            lines.append(f"  {path}: {number} images of {announced.image_size} px")
        lines = lines or ["  none"]
        return "\n".join(["Sets of images that would be written:", *lines])

    @property
    def num_bytes(self):
        """Room for the announced sets, and for the checkpoints of trainings."""
        return sum(s.num_bytes for s in self.sets.values()), self._checkpoint_bytes

    def space(self):
        """A text about the room on the disk; two if it is too little."""
        sets, checkpoints = self.num_bytes
        free = shutil.disk_usage(existing_folder(self.output_dir)).free
        yield (
            f"room on the disk, estimated: {sets / 1e9:.1f} GB of images,"
            f" {checkpoints / 1e9:.1f} GB of checkpoints; {free / 1e9:.1f} GB are free."
        )
        if sets + checkpoints > free:
            yield "that is not enough: make room, or take another --output_dir."

    def missing_weights(self):
        """A text for each network whose ImageNet weights are not in Keras' cache."""
        folder = os.path.join(os.path.expanduser("~"), ".keras", "models")
        for network in sorted(self.networks):
            if not glob.glob(os.path.join(folder, f"{network}_weights_*_notop.h5")):
                yield (
                    f"ImageNet weights of {network} are not in {folder}: the first step"
                    " that wants them downloads them; without a network, put them"
                    " there."
                )


def is_data(flag):
    """Whether a training's flag names shard sets."""
    return flag.endswith(("_dir", "_dirs")) and flag != "model_dir"


def as_list(value):
    """Values of a flag that takes one, or several; of one that is not given none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def existing_folder(path):
    """The folder, or the nearest above it that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def last_line(text):
    """The message that a program ended with."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "ended without a message."
