"""Makes the table of results from predictions of the test images.

    python -m evaluation.table --rows=real=real/predictions.csv --output_dir=table

Rows of one name are runs of one setup and become their mean. A classifier that calls
every image the same has learnt nothing, though its accuracy may look respectable: such
a row is flagged and has no numbers.
"""

import os

from dataset.shards import PROJECT_VERSION, UserError, write_json, write_text
from evaluation.predictions import check_same_images, read_predictions
from evaluation.rendering import to_csv, to_markdown
from evaluation.statistics import images_per_metric, score_runs
from flags import binary
from flags import evaluation as evaluation_flags


def write_table(rows, output_dir, *, protocol, threshold, overwrite):
    """Writes `table.md`, `table.csv` and `table.json`; returns the first as text.

    Args:
      rows: list of texts NAME=PATH.
      output_dir: folder to write to.
      protocol, threshold, overwrite: as the flags.

    Raises:
      UserError: rows or files are wrong, or a table stands there.
    """
    output = os.path.join(output_dir, "table")
    if os.path.exists(output + ".json") and not overwrite:
        raise UserError(
            f"--output_dir={output_dir}: has a table already; give another folder or"
            " --overwrite."
        )
    runs = {
        name: [read_predictions(path) for path in paths]
        for name, paths in paths_by_name(rows).items()
    }
    everything = [run for row in runs.values() for run in row]
    check_same_images(everything)
    images = images_per_metric(everything[0].labels, protocol)
    for metric, positions in images.items():
        if not len(positions):
            raise UserError(
                f"--protocol={protocol}: {everything[0].path} has fewer than the 32"
                f" images of a batch to measure {metric} on; use --protocol=full."
            )
    scores = {name: score_runs(row, images, threshold) for name, row in runs.items()}
    markdown = to_markdown(scores, images, protocol, threshold)
    os.makedirs(output_dir, exist_ok=True)
    write_text(output + ".md", markdown)
    write_text(output + ".csv", to_csv(scores))
    content = {
        "project_version": PROJECT_VERSION,
        "settings": {"rows": rows, "protocol": protocol, "threshold": threshold},
        "inputs": {run.path: run.sha256 for run in everything},
        "rows": [{"name": name, **row} for name, row in scores.items()],
    }
    write_json(output + ".json", content)
    return markdown


def paths_by_name(rows):
    """`["a=x.csv", "b=y.csv", "a=z.csv"]` to `{"a": [x.csv, z.csv], "b": [y.csv]}`."""
    paths = {}
    for row in rows:
        name, _, path = row.partition("=")
        if not name or not path:
            raise UserError(f"--rows={row}: wanted NAME=PATH.")
        paths.setdefault(name, []).append(path)
    return paths


def main(settings):
    print(write_table(**settings))


def run():
    binary.run(main, evaluation_flags.define_table, UserError)


if __name__ == "__main__":
    run()
