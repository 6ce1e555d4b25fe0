"""The table of results: its numbers, and the files that hold them."""

import os

from dataset.errors import UserError
from dataset.folders import check_new, write_json, write_text
from dataset.shards import PROJECT_VERSION
from evaluation.detection.bootstrap import draw_patients
from evaluation.detection.conclusions import add_conclusions
from evaluation.detection.figures import draw_intervals, draw_roc_curves
from evaluation.detection.paired_tests import (
    compare,
    compare_rankings,
    correct_for_many,
)
from evaluation.detection.paper import read_paper_table
from evaluation.detection.rendering import (
    comparisons_table,
    document,
    findings,
    scores_table,
)
from evaluation.detection.rows import (
    as_given,
    order_rows,
    pairs_to_compare,
    read_controls,
    read_rows,
)
from evaluation.detection.scores import images_per_metric, score_runs
from evaluation.figures import write_figure
from evaluation.tables import to_markdown


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
      The table as Markdown, and at its end once more what it says.

    Raises:
      UserError: flags or files are wrong, or the folder has a table.
    """
    output = os.path.join(output_dir, "table")
    check_new(output + ".json", f"--output_dir={output_dir}", overwrite)
    rows = read_rows(rows)
    table = make_table(rows, **settings)
    markdown = to_markdown(document(table))
    os.makedirs(output_dir, exist_ok=True)
    figures = {"roc": draw_roc_curves(rows, table), "intervals": draw_intervals(table)}
    for name, figure in figures.items():
        write_figure(figure, os.path.join(output_dir, name))
    write_text(output + ".md", markdown)
    write_text(output + ".csv", scores_table(table).to_csv())
    comparisons = comparisons_table(table).to_csv()
    write_text(os.path.join(output_dir, "comparisons.csv"), comparisons)
    write_json(output + ".json", table)
    return f"{markdown}\n{to_markdown(findings(table))}"


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
