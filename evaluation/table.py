"""Makes the table of results from predictions of the test images.

    python -m evaluation.table --rows=real=real/predictions.csv
      --rows=real+classic=classic/predictions.csv --output_dir=table

Rows of one name are runs of one training set and become their mean; paths that are
joined by commas are the folds of one run (docs/statistics.md). A classifier that calls
every image the same has learnt nothing, though its accuracy may look respectable: such
a row is flagged, has no numbers and is compared with nothing.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.table")

import os

from dataset.errors import UserError
from dataset.folders import check_new, write_text
from dataset.shards import PROJECT_VERSION
from evaluation.bootstrap import draw_patients
from evaluation.conclusions import conclusion, resolution
from evaluation.figures import write_figure
from evaluation.paper import read_paper_table
from evaluation.rows import (
    as_given,
    order_rows,
    pairs_to_compare,
    read_controls,
    read_rows,
)
from evaluation.scores import (
    METRICS,
    RANKINGS,
    images_per_metric,
    score_runs,
    share_right,
)
from evaluation.statistics import compare, compare_rankings, correct_for_many
from evaluation.table_document import SPREADS, document, findings
from evaluation.table_figures import draw_intervals, draw_roc_curves
from evaluation.tables import Table, to_markdown, write_results

ENDS = ("value", "sd", "low", "high", "patients_low", "patients_high")
OF_DIFFERENCES = (
    *("difference", "patients_low", "patients_high"),
    *("better", "worse", "p_value", "p_holm", "patients_se"),
)


def write_table(rows, output_dir, *, overwrite, **settings):
    """Writes `table.*`, `comparisons.csv`, and the figures `roc` and `intervals`.

    The arguments are the flags.

    Returns:
      The content of `table.json`, and the table as Markdown.

    Raises:
      UserError: flags or files are wrong, or the folder has a table.
    """
    path = os.path.join(output_dir, "table")
    check_new(path + ".json", f"--output_dir={output_dir}", overwrite)
    rows = read_rows(rows)
    table = make_table(rows, **settings)
    os.makedirs(output_dir, exist_ok=True)
    figures = {"roc": draw_roc_curves(rows, table), "intervals": draw_intervals(table)}
    for name, figure in figures.items():
        write_figure(figure, os.path.join(output_dir, name))
    comparisons = comparisons_table(table).to_csv()
    write_text(os.path.join(output_dir, "comparisons.csv"), comparisons)
    return table, write_results(path, table, document, scores_table(table))


def make_table(rows, **settings):
    """The content of `table.json`.

    Args:
      rows: list of `Row`.
      settings: `protocol`, `threshold`, `at_specificity`, `baseline`, `controls`,
        `compare_to`, `num_bootstrap` and `seed`, as the flags.

    Raises:
      UserError: a flag names no row, or there are too few images for the protocol.
    """
    runs = [run for row in rows for run in row.runs]
    images = images_to_measure(runs[0], settings["protocol"])
    draws = draw_patients(
        runs[0].patients, settings["num_bootstrap"], settings["seed"], runs[0].fold
    )
    control_of = read_controls(settings["controls"], rows)
    pairs = pairs_to_compare(rows, settings["baseline"], control_of)
    threshold = settings["threshold"]
    scores, rankings, shares = {}, {}, {}
    for row in rows:
        shares[row.name] = share_right(row.runs, threshold)
        scores[row.name], rankings[row.name] = score_runs(
            row.runs, images, threshold, settings["at_specificity"], draws
        )
    comparisons = [
        {"row": row.name, "against": other.name, "kind": kind}
        | compare(shares[row.name], shares[other.name], images, draws)
        | compare_rankings(rankings[row.name], rankings[other.name])
        for row, other, kind in pairs
        if rankings[row.name] and rankings[other.name]
    ]
    correct_for_many(comparisons, METRICS)
    table = {
        "project_version": PROJECT_VERSION,
        "settings": {"rows": as_given(rows), **settings},
        "inputs": {fold.path: fold.sha256 for run in runs for fold in run.folds},
        "images": {metric: len(positions) for metric, positions in images.items()},
        "num_patients": draws.num_patients,
        "num_folds": len(runs[0].folds),
        "rows": [
            {
                "name": row.name,
                "group": row.group,
                "mix": row.mix,
                "control_of": [k for k, v in control_of.items() if v == row.name],
                **scores[row.name],
            }
            for row in order_rows(rows, control_of)
        ],
        "comparisons": comparisons,
        "paper": read_paper_table() if settings["compare_to"] == "paper" else None,
    }
    table["resolution"] = resolution(table)
    table["conclusion"] = conclusion(table)
    return table


def images_to_measure(run, protocol):
    """The images that each metric is measured on, as `images_per_metric`.

    Raises:
      UserError: the protocol is not one of these images.
    """
    if protocol == "paper" and len(run.folds) > 1:
        raise UserError(
            "--protocol=paper: repeats how the paper counted on its one test part, but"
            f" --rows have {len(run.folds)} folds; expected --protocol=full."
        )
    images = images_per_metric(run.labels, protocol)
    for metric, positions in images.items():
        if not len(positions):
            raise UserError(
                f"--protocol={protocol}: {run.path} has fewer than the 32 images of a"
                f" batch to measure {metric} on; use --protocol=full."
            )
    return images


def scores_table(table):
    """A line per row, fractions from 0 to 1; empty where a row has no result."""
    of_rankings = [end for end in ENDS if end not in ("low", "high")]
    values = [(metric, end) for metric in METRICS for end in ENDS]
    values += [(metric, end) for metric in RANKINGS for end in of_rankings]
    spreads = [(metric, end) for metric in (*METRICS, *RANKINGS) for end in SPREADS]
    lines = [
        {"name": row["name"], "control_of": " ".join(row["control_of"])}
        | {"num_runs": row["num_runs"]}
        | {f"{m}_{end}": (row[m] or {}).get(end) for m, end in values}
        | {"constant_runs": " ".join(row["constant_runs"])}
        | {"num_chains": row["num_chains"]}
        | {f"{m}_{end}": (row[m] or {}).get(end) for m, end in spreads}
        for row in table["rows"]
    ]
    columns = [name.removesuffix("_value") for name in lines[0]]
    return Table(columns, [list(line.values()) for line in lines])


def comparisons_table(table):
    """A line per comparison and metric; rankings have no image-wise test."""
    return Table(
        ["row", "against", "kind", "metric", *OF_DIFFERENCES],
        [
            [pair["row"], pair["against"], pair["kind"], metric]
            + [pair[metric].get(column) for column in OF_DIFFERENCES]
            for pair in table["comparisons"]
            for metric in (*METRICS, *RANKINGS)
        ],
    )


def main(settings):
    table, markdown = write_table(**settings)
    print(markdown, to_markdown(findings(table)), sep="\n")
    folder, number = settings["output_dir"], len(table["rows"])
    print(f"{folder}: rows: {number}; look at {folder}/table.md.")
