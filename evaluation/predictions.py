"""Predictions of a classifier: a CSV file, one line per image."""

import csv
import dataclasses
import hashlib
import io

import numpy as np

from dataset.shards import LABEL_NAMES, UserError

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


def read_predictions(path):
    """Reads and checks the predictions that `classifier.predict` writes.

    Columns may stand in any order, and others beside them.

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
                f"{path}: no column {column!r}; has {reader.fieldnames or []}, wanted"
                f" {list(COLUMNS)}."
            )
    seen = {}
    for row in reader:
        place = f"{path}, line {reader.line_num}"
        identifier = row["id"]
        if identifier in seen:
            raise UserError(
                f"{place}: id {identifier!r} stands on line {seen[identifier]} already."
            )
        seen[identifier] = reader.line_num
        yield (
            identifier,
            row["patient"],
            _parse_label(place, row["label"]),
            _parse_probability(place, row["probability"]),
        )


def _parse_label(place, text):
    if text not in ("0", "1"):
        raise UserError(f"{place}: label {text!r}, wanted 0 or 1.")
    return int(text)


def _parse_probability(place, text):
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0.0 <= value <= 1.0:
        raise UserError(f"{place}: probability {text!r}, wanted a number from 0 to 1.")
    return value


def check_same_images(predictions):
    """Refuses predictions that are not of the same images in the same order.

    Args:
      predictions: a list of `Predictions`.

    Raises:
      UserError: names both files, the line and what stands there.
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
