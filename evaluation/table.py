"""Makes the table of results from predictions of the test images.

    python -m evaluation.table --rows=real=real/predictions.csv
      --rows=real+classic=classic/predictions.csv --output_dir=table

Rows of one name are runs of one setup and become their mean; paths that are joined by
commas are the folds of one run (docs/statistics.md). A classifier that calls every
image the same has learnt nothing, though its accuracy may look respectable: such a row
is flagged, has no numbers and is compared with nothing.
"""

import os

from dataset.shards import PROJECT_VERSION, UserError, write_json, write_text
from evaluation.bootstrap import draw_patients
from evaluation.conclusions import add_conclusions
from evaluation.figures import write_figure
from evaluation.paired_tests import compare, compare_rankings, correct_for_many
from evaluation.paper import read_paper_table
from evaluation.rendering import findings, to_markdown
from evaluation.statistics import images_per_metric, score_runs
from evaluation.table_csv import comparisons_to_csv, to_csv
from evaluation.table_figures import draw_intervals, draw_roc_curves
from evaluation.table_rows import (
    as_given,
    order_rows,
    pairs_to_compare,
    read_controls,
    read_rows,
)
from flags import binary
from flags import tables as tables_flags


def write_table(rows, output_dir, *, overwrite, **settings):
    """Writes the table and its figures; returns what is to be printed.

    `table.md`, `table.csv` and `table.json`, `comparisons.csv`, and `roc` and
    `intervals` as PNG and SVG.

    Args:
      rows: list of texts NAME=PATH or NAME=PATH,PATH,...
      output_dir: folder to write to.
      overwrite: as the flag.
      settings: the other flags, as for `make_table`.

    Returns:
      The table as Markdown, and once more, at its end, what it begins with: what it
      says.

    Raises:
      UserError: flags or files are wrong, or a table stands there.
    """
    output = os.path.join(output_dir, "table")
    if os.path.exists(output + ".json") and not overwrite:
        raise UserError(
            f"--output_dir={output_dir}: has a table already; give another folder or"
            " --overwrite."
        )
    rows = read_rows(rows)
    table = make_table(rows, **settings)
    markdown = to_markdown(table)
    os.makedirs(output_dir, exist_ok=True)
    figures = {"roc": draw_roc_curves(rows, table), "intervals": draw_intervals(table)}
    for name, figure in figures.items():
        write_figure(figure, os.path.join(output_dir, name))
    write_text(output + ".md", markdown)
    write_text(output + ".csv", to_csv(table))
    write_text(os.path.join(output_dir, "comparisons.csv"), comparisons_to_csv(table))
    write_json(output + ".json", table)
    return f"{markdown}\n{findings(table)}"


def make_table(rows, **settings):
    """All numbers of the table, as a dict of JSON values.

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
    scores, rankings = {}, {}
    for row in rows:
        scores[row.name], rankings[row.name] = score_runs(
            row.runs, images, threshold, settings["at_specificity"], draws
        )
    comparisons = [
        {"row": row.name, "against": other.name, "kind": kind}
        | compare(row.runs, other.runs, images, threshold, draws)
        | compare_rankings(rankings[row.name], rankings[other.name])
        for row, other, kind in pairs
        if rankings[row.name] and rankings[other.name]
    ]
    correct_for_many(comparisons)
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
    return add_conclusions(table)


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


def main(settings):
    print(write_table(**settings))


def run():
    binary.run(main, tables_flags.define_table, UserError)


if __name__ == "__main__":
    run()
