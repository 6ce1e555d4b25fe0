"""From which patients a training or a set of images has learned, however indirectly.

Programs note what they work on with its digest: a training in `run.json`, a set in
`manifest.json`, a clustering in `clusters.json`. These notes lead back to real images,
whose records name their patients.
"""

import functools
import os

import tensorflow as tf

from dataset.errors import UserError
from dataset.folders import file_sha256, read_json, variables_sha256
from dataset.shards import ShardSet

RUN, CLUSTERS, EXPORT = "run.json", "clusters.json", "export.json"
# Of a training's flags, those whose images it does not learn from.
VALIDATION = {"validation_dir", "validation_dirs"}
# Full of files, and of none that matters here.
SKIPPED = {".snakemake", "checkpoints", "events", "logs", "phantom", "samples"}


class Lineage:
    """What lies in an experiment's folder, and the patients behind it.

    Patients are dicts, {patient: trail}: a trail is a tuple of paths, from what was
    asked for to the set whose records name the patient.

    Args:
      experiment_dir: the folder that relative paths are taken from.

    Attributes:
      files: paths by file name of all files, relative to the folder.
      faults: what contradicts the notes, by line: a set that has changed since.
      unknown: sets and trainings whose own origin is not noted.
      sources: by path, the paths of what it was made from, in order; what a training
        validated on is not among them.
      visited: paths of all sets, trainings and clusterings.
      validated: by training, the patients that it validated on.
    """

    def __init__(self, experiment_dir):
        self.experiment_dir = experiment_dir
        self.faults, self.unknown, self.visited = {}, {}, set()
        self.sources = {}
        self.validated = {}
        self._open = set()  # Trainings that are being followed.
        self.of_training = functools.cache(self._of_training)
        self.of_set = functools.cache(self._of_set)

    def full(self, path):
        return path if "://" in path else os.path.join(self.experiment_dir, path)

    @functools.cached_property
    def files(self):
        found = {}
        for folder, folders, names in os.walk(self.experiment_dir):
            folders[:] = sorted(set(folders) - SKIPPED)
            relative = os.path.relpath(folder, self.experiment_dir)
            for name in names:
                path = os.path.normpath(os.path.join(relative, name))
                found.setdefault(name, []).append(path)
        return found

    def _of_training(self, model_dir):
        """Patients that the training in `model_dir` learned from."""
        learned, validated = {}, self.validated.setdefault(model_dir, {})
        self.visited.add(model_dir)
        path = self.full(os.path.join(model_dir, RUN))
        if not os.path.exists(path):
            self.unknown[model_dir] = f"it has no {RUN}"
            return learned
        run = read_json(path)
        self._open.add(model_dir)
        for flag, digests in run["inputs"].items():
            folders = run["settings"][flag]
            folders = folders if isinstance(folders, list) else [folders]
            for folder, digest in zip(folders, digests, strict=True):
                if flag not in VALIDATION:
                    self._add(learned, model_dir, folder, digest)
                elif source := self._find(model_dir, folder, digest):
                    _merge(validated, model_dir, self.of_set(source))
        if run["settings"].get("guide_weight"):
            digest = run.get("digests", {}).get("guide_dir")
            folder = run["settings"]["guide_dir"]
            self._add_guide(learned, model_dir, folder, digest)
        self._open.remove(model_dir)
        return learned

    def _add_guide(self, found, path, folder, digest):
        """Adds the patients of the detector, an exported one, that guided a GAN."""
        if not self._is_within_reach(path, folder):
            return
        note = os.path.normpath(os.path.join(folder, EXPORT))
        if not os.path.exists(self.full(note)):
            self.unknown[path] = f"guided by {folder}, which has no {EXPORT}"
            return
        if digest and variables_sha256(self.full(folder)) != digest:
            self.faults[path] = f"guided by another detector than lies in {folder} now."
            return
        detector = read_json(self.full(note))["settings"]["model_dir"]
        if not self._is_within_reach(note, detector):
            self.unknown[path] = self.unknown.pop(note)
            return
        detector = os.path.normpath(detector)
        if detector in self._open:  # It learned from images that it guided.
            self.unknown[path] = f"guided by {detector}, which was trained again since"
            return
        self._link(path, detector)
        _merge(found, path, self.of_training(detector))

    def _of_set(self, path):
        """Patients in a set's records, and those that learned what made it."""
        self.visited.add(path)
        shard_set = ShardSet(self.full(path))
        patients = shard_set.patients()
        found = {patient: (path,) for patient in patients - {""}}
        settings = shard_set.manifest.get("settings") or {}
        inputs = shard_set.manifest.get("inputs") or {}
        model_dir = settings.get("model_dir")
        for folder, digest in inputs.items():
            self._add(found, path, folder, digest)
        if model_dir and self._is_within_reach(path, model_dir):
            model_dir = os.path.normpath(model_dir)
            self._link(path, model_dir)
            _merge(found, path, self.of_training(model_dir))
        if clusters := settings.get("clusters_sha256"):
            self._add_clusters(found, path, clusters)
        if "" in patients and not inputs and not model_dir:
            self.unknown[path] = "its manifest does not say what it was made from"
        return found

    def _add_clusters(self, found, path, digest):
        """Adds the patients of the clustering by which a set was filtered."""
        paths = self.files.get(CLUSTERS, [])
        own = [p for p in paths if file_sha256(self.full(p)) == digest]
        if not own:
            self.faults[path] = f"no {CLUSTERS} has the digest that it notes."
            return
        self.visited.add(own[0])
        self._link(path, own[0])
        for folder, expected in read_json(self.full(own[0]))["inputs"].items():
            self._add(found, own[0], folder, expected)

    def _add(self, found, path, folder, digest):
        """Adds the patients of a set that `path` was made from."""
        if source := self._find(path, folder, digest):
            self._link(path, source)
            _merge(found, path, self.of_set(source))

    def _link(self, path, source):
        self.sources.setdefault(path, []).append(source)

    def _find(self, path, folder, digest):
        """The path of a set that `path` notes; None if it is not there as noted."""
        if not self._is_within_reach(path, folder):
            return None
        folder = folder if "://" in folder else os.path.normpath(folder)
        try:
            seen = ShardSet(self.full(folder)).digest
        except (UserError, tf.errors.OpError) as error:
            self.faults[path] = f"made from {folder}, which cannot be read: {error}"
            return None
        if seen != digest:
            self.faults[path] = (
                f"made from another {folder} than lies there now (its manifest.json has"
                " changed since)."
            )
            return None
        return folder

    def _is_within_reach(self, path, folder):
        """Whether it is known where a path in a note leads."""
        elsewhere = os.path.isabs(path) or "://" in path
        if elsewhere and not os.path.isabs(folder) and "://" not in folder:
            self.unknown[path] = f"made from {folder}, in a folder that is not known"
            return False
        return True


def _merge(found, path, patients):
    for patient, trail in patients.items():
        found.setdefault(patient, (path, *trail))
