"""Proof that nothing in an experiment has learned from patients that it is tested on.

A fold is a folder with `real/`, which `dataset.prepare` or another program has divided;
one split is a fold by itself. A detector's run, with `model/` and `predictions.csv`, is
of the fold whose folder it lies in.
"""

import collections
import csv
import dataclasses
import os

import tensorflow as tf

from dataset.errors import UserError
from dataset.folders import read_json
from dataset.lineage import Lineage
from dataset.records import LABEL_NAMES
from dataset.shards import ShardSet
from dataset.splits import PARTS

REAL, REPORT, MODEL, PREDICTIONS = "real", "report.json", "model", "predictions.csv"
SELECTION = "selection.json"
UNUSED = "unused"  # The training patients beyond --training_share.


@dataclasses.dataclass(frozen=True)
class Fold:
    """Who is in which part.

    Attributes:
      folder: in the experiment; "." for its only one.
      num_folds: how many there should be.
      training_share: share of the training patients that it has.
      parts: {part: set of patients}, by the records; `UNUSED` by the report.
    """

    folder: str
    num_folds: int
    training_share: float
    parts: dict

    def others(self, part):
        """{patient: part} of all other parts."""
        return {p: o for o, own in self.parts.items() if o != part for p in own}


class LeakCheck:
    """Checks the runs of an experiment.

    Args:
      experiment_dir: its folder.

    Attributes:
      faults: lines that name what is wrong.
      folds: {folder: `Fold`} of those that have checked runs.
    """

    def __init__(self, experiment_dir):
        self.lineage = Lineage(experiment_dir)
        self.faults = []
        self.folds = {}
        reports = self.lineage.files.get(REPORT, [])
        folders = [os.path.split(os.path.dirname(path)) for path in reports]
        self._folders = [fold or "." for fold, name in folders if name == REAL]

    def find_runs(self):
        """All runs of the experiment that were tested."""
        paths = self.lineage.files.get(PREDICTIONS, [])
        return [os.path.dirname(path) or "." for path in paths]

    def check(self, run_dirs):
        """Checks some runs, all that they come from, and that folds complement."""
        for run in run_dirs:
            self._check_run(os.path.normpath(run))
        for path, patients in self.lineage.validated.items():
            if fold := self.folds.get(self._folder_of(path)):
                self._compare(path, "validated on", patients, fold, "validation")
        for path in self.lineage.files.get(SELECTION, []):
            if fold := self.folds.get(self._folder_of(path)):
                self._check_selection(path, fold)
        alike = collections.defaultdict(list)
        for fold in self.folds.values():
            alike[fold.num_folds, fold.training_share].append(fold)
        for (num_folds, _), folds in alike.items():
            if num_folds > 1:
                self._check_complement(num_folds, folds)
        self.faults += [f"{k}: {v}" for k, v in self.lineage.faults.items()]

    def _folder_of(self, path):
        """The innermost fold that a path is in; None if there is none."""
        inside = [f for f in self._folders if f == "." or path.startswith(f + "/")]
        return max(inside, key=lambda f: (f != ".", len(f)), default=None)

    def _fold_of(self, run):
        folder = self._folder_of(run)
        if folder is None:
            raise UserError(f"{run}: no {REAL}/{REPORT} beside it or above it.")
        if folder not in self.folds:
            self.folds[folder] = self._read_fold(folder)
        return self.folds[folder]

    def _read_fold(self, folder):
        real = os.path.join("" if folder == "." else folder, REAL)
        report = read_json(self.lineage.full(os.path.join(real, REPORT)))
        parts = {}
        for part in PARTS:
            paths = [os.path.join(real, part, label) for label in LABEL_NAMES]
            paths = [p for p in map(self.lineage.full, paths) if os.path.isdir(p)]
            sets = [ShardSet(path).patients() for path in paths]
            parts[part] = set().union(*sets)
        seen = {}
        for part, patients in parts.items():
            for patient in sorted(patients):
                if seen.setdefault(patient, part) != part:
                    self.faults.append(
                        f"{real}: patient {patient} is in {seen[patient]} and {part}."
                    )
        if unused := report.get("unused_patients"):
            parts[UNUSED] = set(unused)
        share = report.get("training_share", 1)
        return Fold(folder, report.get("num_folds", 1), share, parts)

    def _check_run(self, run):
        fold = self._fold_of(run)
        model = os.path.join(run, MODEL)
        learned = self.lineage.of_training(model)
        self._compare(model, "learned from", learned, fold, "train")
        path = os.path.join(run, PREDICTIONS)
        tested = read_patients(self.lineage.full(path))
        expected = fold.parts["test"]
        for patients, words in (
            (tested - expected, "not in the test part of"),
            (expected - tested, "missing, but in the test part of"),
        ):
            if patients:
                self.faults.append(
                    f"{path}: {listed(patients)}: {words} {fold.folder}."
                )

    def _check_selection(self, path, fold):
        """A step is to be selected by the fold's own validation patients."""
        for source in read_json(self.lineage.full(path)).get("inputs", {}):
            patients = read_patients(self.lineage.full(source))
            judged = {patient: (path, source) for patient in patients}
            self._compare(path, "selected by", judged, fold, "validation")

    def _compare(self, name, words, patients, fold, part):
        """Refuses patients of other parts of the fold than `part`."""
        elsewhere = collections.defaultdict(dict)
        others = fold.others(part)
        for patient, trail in patients.items():
            if patient in others:
                elsewhere[others[patient]][patient] = trail
        for other, found in elsewhere.items():
            trail = " <- ".join(dict.fromkeys(found[min(found)]))
            self.faults.append(
                f"{name}: {words} {listed(found)}, in the {other} part of"
                f" {fold.folder}; through {trail}."
            )

    def _check_complement(self, num_folds, folds):
        """Refuses folds that do not test every patient once."""
        if len(folds) != num_folds:
            self.faults.append(
                f"{len(folds)} folds with results, expected {num_folds} as in"
                f" {folds[0].folder}/{REAL}/{REPORT}."
            )
        tested = {}
        for fold in folds:
            for patient in sorted(fold.parts["test"]):
                if (first := tested.setdefault(patient, fold.folder)) != fold.folder:
                    self.faults.append(
                        f"patient {patient} is tested in {first} and {fold.folder}."
                    )
        everyone = {p for fold in folds for own in fold.parts.values() for p in own}
        if missing := everyone - set(tested):
            self.faults.append(f"{listed(missing)}: tested in no fold.")

    def describe(self):
        """What was checked, and what could not be: lines."""
        for fold in self.folds.values():
            sizes = ", ".join(f"{len(own)} {part}" for part, own in fold.parts.items())
            yield f"{fold.folder}: patients: {sizes}."
        for path, reason in self.lineage.unknown.items():
            yield f"Note: {path}: {reason}; only patients in records are known."
        yield (
            f"{len(self.lineage.visited)} trainings, sets and clusterings, back to the"
            " real images."
        )


def read_patients(path):
    """The set of patients in a file of predictions.

    Raises:
      UserError: it is not there or has no such column.
    """
    try:
        with tf.io.gfile.GFile(path) as file:
            rows = list(csv.DictReader(file))
    except tf.errors.NotFoundError as error:
        raise UserError(f"{path}: not found.") from error
    if not rows or "patient" not in rows[0]:
        raise UserError(f"{path}: no column 'patient' or no line.")
    return {row["patient"] for row in rows}


def listed(patients, most=3):
    """The first patients, and how many more there are."""
    names = sorted(patients)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"patient{'s' * (len(names) > 1)} {', '.join(names[:most])}{more}"
