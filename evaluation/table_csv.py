"""The table of results for programs: CSV, fractions from 0 to 1.

Both functions take the content of `table.json`, from `evaluation.table.make_table`.
"""

import csv
import io

from evaluation.rankings import RANKINGS
from evaluation.statistics import METRICS

SPREADS = ("sd_folds", "sd_detector_seeds", "sd_chain_seeds")
DIFFERENCES = ("difference", "patients_low", "patients_high", "better", "worse")
DIFFERENCES += ("p_value", "p_holm", "patients_se")


def to_csv(table):
    """A line per row; empty where a row has no result."""
    ends = ("value", "sd", "low", "high", "patients_low", "patients_high")
    of_rankings = tuple(end for end in ends if end not in ("low", "high"))
    values = [(metric, end) for metric in METRICS for end in ends]
    values += [(metric, end) for metric in RANKINGS for end in of_rankings]
    spreads = [(metric, end) for metric in (*METRICS, *RANKINGS) for end in SPREADS]

    def names(columns):
        return [
            metric if end == "value" else f"{metric}_{end}" for metric, end in columns
        ]

    def cells(row, columns):  # None is written as nothing.
        return [(row[metric] or {}).get(end) for metric, end in columns]

    header = ["name", "control_of", "num_runs", *names(values), "constant_runs"]
    lines = [[*header, "num_chains", *names(spreads)]]
    for row in table["rows"]:
        first = [row["name"], " ".join(row["control_of"]), row["num_runs"]]
        constant = [" ".join(row["constant_runs"]), row["num_chains"]]
        lines.append([*first, *cells(row, values), *constant, *cells(row, spreads)])
    return _write_csv(lines)


def comparisons_to_csv(table):
    """A line per comparison and metric; rankings have no image-wise test."""
    lines = [["row", "against", "kind", "metric", *DIFFERENCES]]
    for comparison in table["comparisons"]:
        names = [comparison[key] for key in ("row", "against", "kind")]
        for metric in (*METRICS, *RANKINGS):
            values = [comparison[metric].get(column) for column in DIFFERENCES]
            lines.append([*names, metric, *values])
    return _write_csv(lines)


def _write_csv(lines):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
