"""What every step of a plan would find, before any of it is there: `--dry_run`.

Programs, flags, files and sizes: every step adds the shard sets that it will write
(`outputs`) to those that later steps find.
"""

import glob
import os
import shutil
import tempfile

from dataset.errors import UserError
from dataset.folders import keras_models_folder, read_json
from dataset.records import LABEL_NAMES
from dataset.shards import ShardSet
from workflow.dry_runs import DryRuns
from workflow.outputs import OF_BINARY, OF_RULE, PlannedSet

# What all other steps depend on.
PREPARERS = {"dataset.prepare", "dataset.import_images"}
# Values of --backbone that do without weights.
WITHOUT_A_NETWORK = {"auto", "descriptors"}


def check(steps, parse, output_dir, num_workers):
    """Checks the steps of a plan: programs, flags, files, sizes, room on the disk.

    Args:
      steps: `plan.Step`s, in order; they get their `settings`.
      parse: `parse(binary, arguments)` gives a dict of flags, or raises `UserError`.
      output_dir: the experiment's folder.
      num_workers: how many dry runs of trainings may be at work at once.

    Returns:
      Two lists of texts: what is wrong, and what else a person should know.
    """
    wrong = [text for step in steps for text in check_command(step, parse)]
    if wrong:
        return sorted(set(wrong)), []
    with tempfile.TemporaryDirectory() as folder:
        preflight = Preflight(folder, output_dir)
        wrong = preflight.check_steps(steps) + preflight.dry_runs.run(num_workers)
        print(preflight.describe())
        return wrong, [*preflight.missing_weights(), *preflight.room()]


def check_command(step, parse):
    """What is wrong with a step's program or flags: a list of at most one text."""
    if not shutil.which(step.command[0]):
        return [f"{step.command[0]}: no such program."]
    if step.binary:
        try:
            step.settings = parse(step.binary, step.command[3:])
        except UserError as error:
            flagfiles = [w for w in step.command if w.startswith("--flagfile=")]
            return [" ".join([step.binary, *flagfiles]) + f": {error}"]
    return []


class Preflight:
    """What there will be, step by step.

    Args:
      folder: an empty folder, for the dry runs of trainings.
      output_dir: the experiment's folder, with what is finished.

    Attributes:
      sets: path in `output_dir` to `PlannedSet`.
      trainings: path of a model folder to the settings of the step that fills it.
      num_cases: number of the artificial cases; None for others.
      networks: names of those whose ImageNet weights are needed.
      dry_runs: `DryRuns` of the trainings.
    """

    def __init__(self, folder, output_dir):
        self.output_dir = os.path.abspath(output_dir)
        self.sets = {}
        self.trainings = {}
        self.num_cases = None
        self.networks = set()
        self.dry_runs = DryRuns(folder, self)

    def check_steps(self, steps):
        """Adds what every step writes; returns what is wrong, a list of texts."""
        faults = {}
        for step in steps:
            try:
                self._check_weights(step.settings or {})
                if (step.binary or "").endswith(".train"):
                    self.trainings[step.settings["model_dir"]] = step.settings
                    self.dry_runs.add(step)
                elif plan_outputs := OF_BINARY.get(step.binary) or OF_RULE.get(
                    step.rule
                ):
                    plan_outputs(self, step)
            except UserError as fault:
                faults.setdefault(str(fault), step.name)
                if step.binary in PREPARERS:  # All others depend on it.
                    break
        return [f"{name}: {fault}" for fault, name in faults.items()]

    def add_set(self, path, image_size, counts, at_most=False):
        self.sets[path] = PlannedSet(image_size, tuple(counts), at_most)

    def find(self, path):
        """The set at `path`: one that is planned, or else one that is there.

        Raises:
          UserError: neither.
        """
        if path in self.sets:
            return self.sets[path]
        elsewhere = "://" in path
        found = ShardSet(path if elsewhere else os.path.join(self.output_dir, path))
        counts = tuple(found.label_counts[name] for name in LABEL_NAMES)
        return PlannedSet(found.image_size, counts)

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
            self.dry_runs.link(weights)

    def describe(self):
        """The planned sets, as a text."""
        lines = []
        for path, planned in self.sets.items():
            number = f"{'at most ' * planned.at_most}{planned.num_images:,}"
            lines.append(f"  {path}: {number} images of {planned.image_size} px")
        lines = lines or ["  none"]
        return "\n".join(["Sets of images that would be written:", *lines])

    @property
    def num_bytes(self):
        """Room for the planned sets, and for the checkpoints of trainings."""
        sets = sum(planned.num_bytes for planned in self.sets.values())
        return sets, self.dry_runs.checkpoint_bytes

    def room(self):
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
        folder = keras_models_folder()
        for network in sorted(self.networks):
            if not glob.glob(os.path.join(folder, f"{network}_weights_*_notop.h5")):
                yield (
                    f"ImageNet weights of {network} are not in {folder}: the first step"
                    " that needs them downloads them; without a network, put them"
                    " there."
                )


def existing_folder(path):
    """The folder, or the nearest above it that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path
