"""Table 1 of Han et al. (2019) as printed, beside one's own."""

import json
import pathlib

from evaluation.scores import METRICS
from evaluation.tables import Table, Text

PATH = pathlib.Path(__file__).with_name("paper_table.json")
INITIALISATIONS = ("imagenet", "scratch")


def read_paper_table():
    """The printed values as fractions.

    Returns:
      A dict of `source`, `title`, and `rows`: dicts of `mix` (our name), `printed`
      (theirs), and by initialisation a dict of the metrics.
    """
    paper = json.loads(PATH.read_text())
    for row in paper["rows"]:
        for name in INITIALISATIONS:
            fractions = [round(percent / 100, 4) for percent in row[name]]
            row[name] = dict(zip(METRICS, fractions))
    return paper


def printed_values(paper, group, mix):
    """What the paper, which may be None, prints for a row: a dict by initialisation.

    The group is `imagenet`, `scratch`, or anything else for both.
    """
    names = [group] if group in INITIALISATIONS else INITIALISATIONS
    rows = [row for row in paper["rows"] if row["mix"] == mix] if paper else []
    return {name: rows[0][name] for name in names} if rows else {}


def beside_paper(table):
    """The rows of `table.json`, and those of the paper that were not run: a `Table`."""
    header = [f"{m.capitalize()} (%){end}" for m in METRICS for end in ("", ", paper")]
    seen = {row["mix"] for row in table["rows"]}
    rows = [(row["name"], row["group"], row) for row in table["rows"]]
    rows += [
        (f"{row['mix']}, not run", "", {"mix": row["mix"]})
        for row in table["paper"]["rows"]
        if row["mix"] not in seen
    ]
    beside = Table(["Trained on", *header])
    for name, group, row in rows:
        printed = printed_values(table["paper"], group, row["mix"])
        cells = []
        for metric in METRICS:
            own = row.get(metric)
            cells.append(f"{100 * own['value']:.2f}" if own else "-")
            cells.append(_printed(printed, metric))
        beside.rows.append([name, *cells])
    return beside


def _printed(printed, metric):
    """`93.26 (86.38)` as the paper does, or the one that belongs to the row."""
    first, *second = [f"{100 * own[metric]:.2f}" for own in printed.values()] or ["-"]
    return f"{first} ({second[0]})" if second else first


def like_with_like(paper):
    """What the paper's main gain is between equal initialisations, too."""
    values = {row["mix"]: row for row in paper["rows"]}
    classic, best = values["real+classic"], values["real+classic+unit"]
    pairs = [
        (name, f"{100 * classic[a]['sensitivity']:.2f}", 100 * best[b]["sensitivity"])
        for name, a, b in (
            ("across initialisations, in its abstract,", "imagenet", "scratch"),
            ("pre-trained on ImageNet", "imagenet", "imagenet"),
            ("from scratch", "scratch", "scratch"),
        )
    ]
    gains = "; ".join(f"{name} {old} to {new:.2f}" for name, old, new in pairs)
    return Text(
        f"{paper['source']}. Where a row has no initialisation: pre-trained (from"
        f" scratch). Sensitivity from classic DA to classic DA with UNIT: {gains}."
    )
