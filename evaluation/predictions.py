"""Predictions of test images: CSV files, and runs of one file per fold.

In cross-validation the chain runs once per fold, without that fold's patients, and each
fold's detector predicts their images alone. The folds of a run together have each
patient once, in as many files as there are detectors.
"""

import csv
import dataclasses
import functools
import hashlib
import io

import numpy as np

from dataset.errors import UserError
from dataset.records import LABEL_NAMES

COLUMNS = ("id", "patient", "label", "probability")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What one trained classifier says of the images of a file."""

    path: str
    sha256: str  # Hexadecimal.
    ids: tuple  # Of the images, str.
    patients: tuple  # Of each image, str.
    labels: np.ndarray  # The truth, int64 [images]: 0 non-tumor, 1 tumor.
    probabilities: np.ndarray  # Of being a tumor image, float64 [images] in [0, 1].


@dataclasses.dataclass(frozen=True)
class Run:
    """The predictions of the detectors of one seed, in the order of the folds."""

    folds: list[Predictions]  # One per detector.
    chain: int = 0  # Number of the chain that the detectors' images are from.

    @property
    def path(self):
        """The files, joined by commas."""
        return ",".join(fold.path for fold in self.folds)

    @property
    def patients(self):
        return [patient for fold in self.folds for patient in fold.patients]

    @functools.cached_property
    def labels(self):
        return np.concatenate([fold.labels for fold in self.folds])

    @functools.cached_property
    def probabilities(self):
        return np.concatenate([fold.probabilities for fold in self.folds])

    @functools.cached_property
    def fold(self):
        """Number of each image's fold, int [images]."""
        sizes = [len(fold.labels) for fold in self.folds]
        return np.repeat(np.arange(len(sizes)), sizes)


def read_predictions(path):
    """Reads and checks the predictions that `classifier.predict` writes.

    The order of the columns is free, and there may be others.

    Raises:
      UserError: a column or a value is missing or impossible, an id occurs twice, or
        there are no images of one of the labels.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        lines = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8: {error}.") from error
    for column in COLUMNS:
        if column not in (reader.fieldnames or ()):
            raise UserError(
                f"{path}: no column {column!r}; has {reader.fieldnames or []}, expected"
                f" {list(COLUMNS)}."
            )
    known = {}
    for number, row in lines:
        _check_line(f"{path}, line {number}", row, known.get(row["id"]))
        known[row["id"]] = number
    ids, patients, labels, probabilities = (
        tuple(row[column] for _, row in lines) for column in COLUMNS
    )
    for label, name in enumerate(LABEL_NAMES):
        if str(label) not in labels:
            raise UserError(
                f"{path}: {len(labels)} images, none of them with label {label}"
                f" ({name}); a table needs images of both labels."
            )
    digest = hashlib.sha256(content).hexdigest()
    labels = np.array([*map(int, labels)], np.int64)
    probabilities = np.array([*map(float, probabilities)], np.float64)
    return Predictions(path, digest, ids, patients, labels, probabilities)


def _check_line(where, row, former_line):
    if former_line:
        raise UserError(f"{where}: id {row['id']!r} is on line {former_line} already.")
    if row["label"] not in ("0", "1"):
        raise UserError(f"{where}: label {row['label']!r}, expected 0 or 1.")
    try:
        is_probability = 0.0 <= float(row["probability"]) <= 1.0
    except (TypeError, ValueError):
        is_probability = False
    if not is_probability:
        raise UserError(
            f"{where}: probability {row['probability']!r}, expected a number from 0"
            " to 1."
        )


def read_run(paths, chain=0):
    """Reads the files of a run, one per fold.

    Raises:
      UserError: a file is wrong, or a patient or an image is in two of them.
    """
    run = Run([read_predictions(path) for path in paths], chain)
    seen = {}
    for fold in run.folds:
        own = [("patient", name) for name in fold.patients if name]
        for kind, name in dict.fromkeys([*own, *(("id", name) for name in fold.ids)]):
            if seen.setdefault((kind, name), fold.path) != fold.path:
                raise UserError(
                    f"{fold.path}: {kind} {name!r} is in {seen[kind, name]}, too;"
                    " expected each patient in one fold alone."
                )
    return run


def check_same_images(predictions):
    """Refuses predictions that are not of the same images in the same order.

    Raises:
      UserError: names both files, the line and its content.
    """
    first = predictions[0]
    for other in predictions[1:]:
        if len(other.ids) != len(first.ids):
            raise UserError(
                f"{other.path}: {len(other.ids)} images, but {first.path} has"
                f" {len(first.ids)}; rows of a table must be of the same images."
            )
        images = zip(first.ids, first.labels, other.ids, other.labels)
        for number, (id_a, label_a, id_b, label_b) in enumerate(images, start=1):
            if (id_a, label_a) != (id_b, label_b):
                raise UserError(
                    f"{other.path}, image {number}: {id_b!r} with label {label_b}, but"
                    f" {first.path} has {id_a!r} with label {label_a}; rows of a table"
                    " must be of the same images in the same order."
                )
