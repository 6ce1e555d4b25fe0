"""The rows of a table, and which of them are compared.

A row is named by a mix of training images, `real+classic`, or by an initialisation and
a mix, `imagenet/real+classic`. Rows are compared with the baseline of their own
initialisation, so that no gain is one of pre-training, and with their control.
"""

import dataclasses
import re

from dataset.errors import UserError
from evaluation.predictions import Run, check_same_images, read_run

DEFAULT_BASELINE = "real+classic"
ROW = re.compile(
    r"(?P<name>(?:[^=]+/)?[^=/]+?)(?:@chain-(?P<chain>\d+))?=(?P<paths>[^,]+(?:,[^,]+)*)"
)


@dataclasses.dataclass(frozen=True)
class Row:
    """A training set and the predictions of its runs."""

    name: str
    runs: list[Run]

    @property
    def group(self):
        """The initialisation, empty if the name has none."""
        return self.name.rpartition("/")[0]

    @property
    def mix(self):
        return self.name.rpartition("/")[2]


def read_rows(rows):
    """Reads the predictions of all rows: a list of `Row` in the order of the table.

    Texts are NAME=PATH, NAME@chain-S=PATH, or with PATH,PATH,... of folds; those of one
    name are runs of one row.

    Raises:
      UserError: a text or a file is wrong, files are not of the same images, or folds
        of the same patients.
    """
    paths = {}
    for row in rows:
        found = ROW.fullmatch(row)
        if not found:
            raise UserError(
                f"--rows={row}: expected NAME=PATH, or NAME=PATH,PATH,... of folds,"
                " where NAME is MIX or GROUP/MIX; after it @chain-1 for another chain."
            )
        run = (found["paths"].split(","), int(found["chain"] or 0))
        paths.setdefault(found["name"], []).append(run)
    for name, runs in paths.items():
        files = [path for own, _ in runs for path in own]
        if len(set(files)) < len(files):
            raise UserError(f"--rows: {name} has one file twice; expected other runs.")
    table = [
        Row(name, [read_run(*run) for run in runs]) for name, runs in paths.items()
    ]
    first, *others = [run for row in table for run in row.runs]
    for other in others:
        if len(other.folds) != len(first.folds):
            raise UserError(
                f"--rows: {other.path} is of {len(other.folds)} folds, but {first.path}"
                f" of {len(first.folds)}; expected the same folds in every row."
            )
    for folds in zip(*(run.folds for run in [first, *others])):
        check_same_images(folds)
    groups = list(dict.fromkeys(row.group for row in table))
    return sorted(table, key=lambda row: groups.index(row.group))


def as_given(rows):
    """Rows as texts that `read_rows` reads."""
    return [
        f"{row.name}{f'@chain-{run.chain}' if run.chain else ''}={run.path}"
        for row in rows
        for run in row.runs
    ]


def read_controls(controls, rows):
    """`["a=b"]` to `{"a": "b"}`: the compute-matched control of row a is row b.

    Raises:
      UserError: names no two rows, or a row has two controls.
    """
    groups = {row.name: row.group for row in rows}
    control_of = {}
    for text in controls:
        name, _, control = text.partition("=")
        if name not in groups or control not in groups or name == control:
            raise UserError(
                f"--controls={text}: expected ROW=CONTROL, two of the rows"
                f" {', '.join(groups)}."
            )
        if groups[name] != groups[control]:
            raise UserError(
                f"--controls={text}: {groups[name] or 'no group'} and"
                f" {groups[control] or 'no group'};"
                " expected rows of one initialisation."
            )
        if control_of.setdefault(name, control) != control:
            raise UserError(f"--controls={text}: {name} has a control already.")
    return control_of


def order_rows(rows, control_of):
    """Rows with each control below the first row that it is the control of."""
    by_name = {row.name: row for row in rows}
    ordered = {}
    for row in rows:
        if row.name not in control_of.values():
            ordered[row.name] = row
            control = control_of.get(row.name)
            if control:
                ordered.setdefault(control, by_name[control])
    return [*ordered.values(), *(row for row in rows if row.name not in ordered)]


def pairs_to_compare(rows, baseline, control_of):
    """Which row is compared with which.

    The others of a group are compared with the row of the mix `baseline`, by default
    `real+classic` where there is one; controls with their rows alone.

    Returns:
      List of (row, other row, "baseline" or "control").

    Raises:
      UserError: no row has the mix `baseline`.
    """
    mixes = {row.mix: None for row in rows}
    if baseline and baseline not in mixes:
        raise UserError(
            f"--baseline={baseline}: no such row; expected one of {', '.join(mixes)}."
        )
    baseline = baseline or DEFAULT_BASELINE
    by_name = {row.name: row for row in rows}
    baselines = {row.group: row for row in rows if row.mix == baseline}
    pairs = []
    for row in rows:
        base = baselines.get(row.group)
        if base and base is not row and row.name not in control_of.values():
            pairs.append((row, base, "baseline"))
        if row.name in control_of:
            pairs.append((row, by_name[control_of[row.name]], "control"))
    return pairs
