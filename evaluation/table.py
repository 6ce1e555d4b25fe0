"""Makes the table of results from predictions of the test images.

    python -m evaluation.table --rows=real=real/predictions.csv
      --rows=real+classic=classic/predictions.csv --output_dir=table

Rows of one name are runs of one setup and become their mean. A classifier that calls
every image the same has learnt nothing, though its accuracy may look respectable: such
a row is flagged, has no numbers and is compared with nothing.
"""

import os

from dataset.shards import PROJECT_VERSION, UserError, write_json, write_text
from evaluation.bootstrap import draw_patients
from evaluation.figures import write_figure
from evaluation.paired_tests import compare, correct_for_many
from evaluation.paper import read_paper_table
from evaluation.rendering import comparisons_to_csv, to_csv, to_markdown
from evaluation.statistics import images_per_metric, score_runs
from evaluation.table_figures import draw_intervals, draw_roc_curves
from evaluation.table_rows import (
    order_rows,
    pairs_to_compare,
    read_controls,
    read_rows,
)
from flags import binary
from flags import tables as tables_flags


def write_table(rows, output_dir, *, overwrite, **settings):
    """Writes the table and its figures; returns it as Markdown.

    `table.md`, `table.csv` and `table.json`, `comparisons.csv`, and `roc` and
    `intervals` as PNG and SVG.

    Args:
      rows: list of texts NAME=PATH.
      output_dir: folder to write to.
      overwrite: as the flag.
      settings: the other flags, as for `make_table`.

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
    return markdown


def make_table(
    rows, *, protocol, threshold, baseline, controls, compare_to, num_bootstrap, seed
):
    """All numbers of the table, as a dict of JSON values.

    Args:
      rows: list of `Row`.
      protocol, threshold, baseline, controls, compare_to, num_bootstrap, seed: as the
        flags.

    Raises:
      UserError: a flag names no row, or there are too few images for the protocol.
    """
    everything = [run for row in rows for run in row.runs]
    images = images_per_metric(everything[0].labels, protocol)
    for metric, positions in images.items():
        if not len(positions):
            raise UserError(
                f"--protocol={protocol}: {everything[0].path} has fewer than the 32"
                f" images of a batch to measure {metric} on; use --protocol=full."
            )
    draws = draw_patients(everything[0].patients, num_bootstrap, seed)
    control_of = read_controls(controls, rows)
    pairs = pairs_to_compare(rows, baseline, control_of)
    scores = {row.name: score_runs(row.runs, images, threshold, draws) for row in rows}
    comparisons = [
        {"row": row.name, "against": other.name, "kind": kind}
        | compare(row.runs, other.runs, images, threshold, draws)
        for row, other, kind in pairs
        if scores[row.name]["accuracy"] and scores[other.name]["accuracy"]
    ]
    correct_for_many(comparisons)
    return {
        "project_version": PROJECT_VERSION,
        "settings": {
            "rows": [f"{row.name}={run.path}" for row in rows for run in row.runs],
            "protocol": protocol,
            "threshold": threshold,
            "baseline": baseline,
            "controls": controls,
            "compare_to": compare_to,
            "num_bootstrap": num_bootstrap,
            "seed": seed,
        },
        "inputs": {run.path: run.sha256 for run in everything},
        "images": {metric: len(positions) for metric, positions in images.items()},
        "num_patients": draws.num_patients,
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
        "paper": read_paper_table() if compare_to == "paper" else None,
    }


def main(settings):
    print(write_table(**settings))


def run():
    binary.run(main, tables_flags.define_table, UserError)


if __name__ == "__main__":
    run()
