"""The table of a folder of images: file, label, patient and id of each."""

import csv
import dataclasses
import os

from dataset.curation import NON_TUMOR, TUMOR, UNLABELED
from dataset.errors import UserError

COLUMNS = ("file", "label", "patient", "id")
LABELS = {"0": NON_TUMOR, "1": TUMOR, "-1": UNLABELED, "": UNLABELED}
LABELS |= {name: name for name in (NON_TUMOR, TUMOR, UNLABELED)}


@dataclasses.dataclass(frozen=True)
class Row:
    """What a table says of an image.

    Attributes:
      label: tumor, non_tumor or unlabeled.
      patient: its name, or empty.
      id: in shard sets, or empty.
      where: the table and the line, for people.
    """

    label: str
    patient: str
    id: str
    where: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that was read.

    Attributes:
      columns: those it has.
      rows: {path of the image below its folder, with `/`: `Row`}, in order.
    """

    columns: set
    rows: dict

    def has(self, column):
        return column in self.columns


def read_table(path, images_dir):
    """Reads `file,label,patient,id`; all but `file` may be missing.

    Paths of files are below `images_dir`, or absolute. Labels are 1 or tumor, 0 or
    non_tumor; -1, unlabeled or nothing where nobody has said.

    Returns:
      A `Table`.

    Raises:
      UserError: names the line, what was seen and what is expected.
    """
    rows, ids = {}, {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = set(reader.fieldnames or ())
            if "file" not in columns:
                raise UserError(
                    f"--images_csv={path}: columns {', '.join(sorted(columns))};"
                    f" expected {', '.join(COLUMNS)}, of which file is needed."
                )
            for line in reader:
                where = f"--images_csv={path}, line {reader.line_num}"
                name = _relative(line["file"], images_dir, where)
                if name in rows:
                    raise UserError(f"{where}: {name!r} a second time, expected once.")
                rows[name] = _row(line, where)
                identifier = rows[name].id
                first = ids.setdefault(identifier, where) if identifier else where
                if first != where:
                    raise UserError(
                        f"{where}: id {identifier!r} is that of {first}, too; expected"
                        " ids that differ."
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"--images_csv={path}: cannot be read ({error}).") from error
    return Table(columns, rows)


def _row(line, where):
    label = (line.get("label") or "").strip().lower()
    if label not in LABELS:
        raise UserError(
            f"{where}: label {label!r}, expected 1 or {TUMOR}, 0 or {NON_TUMOR}, or"
            " nothing."
        )
    patient, identifier = ((line.get(name) or "").strip() for name in ("patient", "id"))
    return Row(LABELS[label], patient, identifier, where)


def _relative(name, images_dir, where):
    name = (name or "").strip()
    if not name:
        raise UserError(f"{where}: no file, expected its path below --images_dir.")
    if os.path.isabs(name):
        name = os.path.relpath(name, images_dir)
    return os.path.normpath(name).replace(os.sep, "/")
