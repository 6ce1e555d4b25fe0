"""The table of a folder of images: file, label, patient and id of each."""

import dataclasses
import os

from dataset.curation import NON_TUMOR, TUMOR, UNLABELED
from dataset.errors import UserError
from dataset.folders import read_csv

TABLE, EXPORT = "images.csv", "export.json"
CARD = ("card.md", "card.json")  # Of `dataset.card`, on the images in the folder.
COLUMNS = ("file", "label", "patient", "id")
LABELS = {"0": NON_TUMOR, "1": TUMOR, "-1": UNLABELED, "": UNLABELED}
LABELS |= {name: name for name in (NON_TUMOR, TUMOR, UNLABELED)}


@dataclasses.dataclass(frozen=True)
class Row:
    """What a table says of an image; of `patient` and `id` perhaps nothing, "".

    Attributes:
      label: tumor, non_tumor or unlabeled.
      where: the table and the line, for people.
    """

    label: str
    patient: str
    id: str
    where: str


def read_table(path, images_dir):
    """Reads `file,label,patient,id`; all but `file` may be missing.

    Paths of files are below `images_dir`, or absolute. Labels are 1 or tumor, 0 or
    non_tumor; -1, unlabeled or nothing where nobody has said.

    Returns:
      The set of its columns and {path below `images_dir`, with `/`: `Row`}, in order.

    Raises:
      UserError: names the line, what was seen and what is expected.
    """
    columns, lines = read_csv(path, "images_csv")
    if "file" not in columns:
        raise UserError(
            f"--images_csv={path}: columns {', '.join(sorted(columns))};"
            f" expected {', '.join(COLUMNS)}, of which file is needed."
        )
    rows, ids = {}, {}
    for where, line in lines:
        line = {name: (line.get(name) or "").strip() for name in COLUMNS}
        name = _relative(line["file"], images_dir, where)
        if name in rows:
            raise UserError(f"{where}: {name!r} a second time, expected once.")
        label = line["label"].lower()
        if label not in LABELS:
            raise UserError(
                f"{where}: label {label!r}, expected 1 or {TUMOR}, 0 or {NON_TUMOR}, or"
                " nothing."
            )
        rows[name] = Row(LABELS[label], line["patient"], line["id"], where)
        if line["id"] and (first := ids.setdefault(line["id"], where)) != where:
            raise UserError(
                f"{where}: id {line['id']!r} is that of {first}, too; expected ids that"
                " differ."
            )
    return columns, rows


def _relative(name, images_dir, where):
    if not name:
        raise UserError(f"{where}: no file, expected its path below --images_dir.")
    if os.path.isabs(name):
        name = os.path.relpath(name, images_dir)
    return os.path.normpath(name).replace(os.sep, "/")
