"""Table 1 of Han et al. (2019) as printed, to be put beside one's own."""

import json
import pathlib

from evaluation.detection.scores import METRICS

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
    """What the paper prints for a row: a dict by initialisation, of one or of both.

    Args:
      paper: from `read_paper_table`, or None.
      group: `imagenet`, `scratch`, or anything else for both.
      mix: name of the mix.
    """
    names = [group] if group in INITIALISATIONS else INITIALISATIONS
    rows = [row for row in paper["rows"] if row["mix"] == mix] if paper else []
    return {name: rows[0][name] for name in names} if rows else {}
