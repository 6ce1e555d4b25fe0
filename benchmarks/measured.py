"""What measured times of trainings come to, in operations per second."""

import pathlib
import re

from evaluation.tables import Table

GIGA, TERA = 1e9, 1e12


def measured_table(steps, path):
    """A table of operations per second: of the trainings whose times are in a file.

    Where early stopping ends trainings, their number of steps is not in it: the fewest
    and the most that there can be give the two ends, the shortest time taken for that
    of the fewest, the longest for that of the most.

    Args:
      steps: `Step`s of the experiment that was measured.
      path: Markdown file with lines `| step | runs | seconds of one, or lowest to
        highest | processor minutes of all | ...`.
    """
    pattern = r"^\| (\w+) \| (\d+) \| (\d+)(?: to (\d+))? \| ([\d.]+) \|"
    lines = re.findall(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    known = {name: numbers for name, *numbers in lines}
    trainings = {}
    for step in steps:
        kind, _, detail = step.name.partition(", ")
        name = f"{detail}_train" if kind == "refiner_train" else kind
        if name in known and name.endswith("_train"):
            trainings.setdefault(name, []).append(step)
    rows = []
    for name, parts in trainings.items():
        _, shortest, longest, minutes = known[name]
        runs = sum(step.runs for step in parts)
        most = sum(step.operations for step in parts)
        least = sum(step.operations * step.least for step in parts)
        wall = sorted(
            operations / runs / float(seconds) / GIGA
            for operations, seconds in (
                (least, shortest),
                (most, longest or shortest),
            )
        )
        processor = (n / (60 * float(minutes)) / GIGA for n in (least, most))
        spans = [
            f"{a:.0f}" if round(a) == round(b) else f"{a:.0f} to {b:.0f}"
            for a, b in (wall, processor)
        ]
        rows.append([name, runs, f"{most / runs / TERA:,.1f}", *spans])
    header = ("step", "runs", "Top of one, at most")
    columns = [*header, "Gop/s by the clock", "by processor time"]
    return Table(columns, rows).to_markdown()
