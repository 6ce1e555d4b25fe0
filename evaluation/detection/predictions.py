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
    """What one trained classifier says of a set of images.

    Attributes:
      path: the file.
      sha256: its digest, hexadecimal.
      ids: ids of the images, tuple of str.
      patients: patient of each image, tuple of str.
      labels: the truth, int64 [images]: 0 non-tumor, 1 tumor.
      probabilities: of being a tumor image, float64 [images] in [0, 1].
    """

    path: str
    sha256: str
    ids: tuple
    patients: tuple
    labels: np.ndarray
    probabilities: np.ndarray


@dataclasses.dataclass(frozen=True)
class Run:
    """The predictions of the detectors of one seed; images in the order of the folds.

    Attributes:
      folds: list of `Predictions`, one per detector.
      chain: number of the chain that the detectors' images are from.
    """

    folds: list[Predictions]
    chain: int = 0

    @property
    def path(self):
        """The files, joined by commas."""
        return ",".join(fold.path for fold in self.folds)

    @property
    def patients(self):
        """Patient of each image, list of str."""
        return [patient for fold in self.folds for patient in fold.patients]

    @functools.cached_property
    def labels(self):
        """The truth, int64 [images]."""
        return np.concatenate([fold.labels for fold in self.folds])

    @functools.cached_property
    def probabilities(self):
        """Of being a tumor image, by the detector of its fold: float64 [images]."""
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
        lines = list(_read_lines(path, content))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8: {error}.") from error
    ids, patients, labels, probabilities = zip(*lines) if lines else ((), (), (), ())
    for label, name in enumerate(LABEL_NAMES):
        if label not in labels:
            raise UserError(
                f"{path}: {len(labels)} images, none of them with label {label}"
                f" ({name}); a table needs images of both labels."
            )
    return Predictions(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        ids=ids,
        patients=patients,
        labels=np.array(labels, np.int64),
        probabilities=np.array(probabilities, np.float64),
    )


def _read_lines(path, content):
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    for column in COLUMNS:
        if column not in (reader.fieldnames or ()):
            raise UserError(
                f"{path}: no column {column!r}; has {reader.fieldnames or []}, expected"
                f" {list(COLUMNS)}."
            )
    seen = {}
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        identifier = row["id"]
        if identifier in seen:
            raise UserError(
                f"{where}: id {identifier!r} is on line {seen[identifier]} already."
            )
        seen[identifier] = reader.line_num
        yield (
            identifier,
            row["patient"],
            _parse_label(where, row["label"]),
            _parse_probability(where, row["probability"]),
        )


def _parse_label(where, text):
    if text not in ("0", "1"):
        raise UserError(f"{where}: label {text!r}, expected 0 or 1.")
    return int(text)


def _parse_probability(where, text):
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0.0 <= value <= 1.0:
        raise UserError(
            f"{where}: probability {text!r}, expected a number from 0 to 1."
        )
    return value


def read_run(paths, chain=0):
    """Reads the files of a run, one per fold.

    Raises:
      UserError: a file is wrong, or a patient or an image is in two of them.
    """
    run = Run([read_predictions(path) for path in paths], chain)
    for kind in ("patient", "id"):
        seen = {}
        for fold in run.folds:
            names = fold.patients if kind == "patient" else fold.ids
            for name in dict.fromkeys(filter(None, names)):
                if name in seen:
                    raise UserError(
                        f"{fold.path}: {kind} {name!r} is in {seen[name]}, too;"
                        " expected each patient in one fold alone."
                    )
                seen[name] = fold.path
    return run


def check_same_images(predictions):
    """Refuses predictions that are not of the same images in the same order.

    Args:
      predictions: a list of `Predictions`.

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


def check_same_folds(runs):
    """Refuses runs that are not of the same images, fold by fold.

    Raises:
      UserError: names two files and what differs.
    """
    first = runs[0]
    for other in runs[1:]:
        if len(other.folds) != len(first.folds):
            raise UserError(
                f"--rows: {other.path} is of {len(other.folds)} folds, but {first.path}"
                f" of {len(first.folds)}; expected the same folds in every row."
            )
    for folds in zip(*(run.folds for run in runs)):
        check_same_images(folds)
