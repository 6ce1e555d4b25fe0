"""Makes a learning curve: what detectors achieve by their number of training patients.

    python -m evaluation.learning_curve --points=table=real/report.json
      --points=share-50/table=share-50/real/report.json --output_dir=learning_curve

A point is a table of results and the report of its training patients. All tables are of
the same test images, so that rows of different points can be compared patient by
patient: also with the baseline's mix on all training patients, which says whether other
images stand in for patients.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.learning_curve")

import dataclasses
import os

import tensorflow as tf

from dataset.errors import UserError
from dataset.folders import check_new, file_sha256, read_json
from dataset.shards import PROJECT_VERSION
from evaluation.bootstrap import draw_patients
from evaluation.figures import write_figure
from evaluation.learning_curve_document import GAINS, document, draw_curves
from evaluation.predictions import check_same_images
from evaluation.rows import DEFAULT_BASELINE, read_rows
from evaluation.scores import RANKINGS, measure_rankings
from evaluation.statistics import compare_rankings
from evaluation.tables import Table, write_results

# What tables that are compared have in common.
SHARED = ("at_specificity", "baseline", "num_bootstrap", "seed")
OF_A_ROW = (
    *("name", "group", "mix", "num_runs", "num_folds", *RANKINGS),
    *("constant_runs", "constant_folds"),
)
INTERVAL = ("patients_low", "patients_high")


@dataclasses.dataclass(frozen=True)
class Point:
    """A table, and from how many patients its detectors have learned."""

    path: str  # Of its table.json.
    table: dict  # Content of that.
    reports: list  # Paths, one of each fold.
    patients: list  # Number of training patients in each fold.


def write_curve(points, output_dir, *, overwrite):
    """Writes `learning_curve.*`; the arguments are the flags.

    Returns:
      The curve as Markdown.

    Raises:
      UserError: points or files are wrong, or the folder has a curve.
    """
    path = os.path.join(output_dir, "learning_curve")
    check_new(path + ".json", f"--output_dir={output_dir}", overwrite)
    curve = make_curve([read_point(text) for text in points])
    curve["settings"]["points"] = points
    os.makedirs(output_dir, exist_ok=True)
    write_figure(draw_curves(curve), path)
    return write_results(path, curve, document, curve_table(curve))


def read_point(text):
    """The `Point` of FOLDER=REPORT,REPORT,...

    Raises:
      UserError: the text or a report is wrong, or there is not a report of each fold.
    """
    folder, _, reports = text.partition("=")
    reports = reports.split(",")
    if not folder or not all(reports):
        raise UserError(f"--points={text}: expected TABLE=REPORT,REPORT,... of folds.")
    path = os.path.join(folder, "table.json")
    try:
        table = read_json(path)
        num_folds, _ = table["num_folds"], [table["settings"][n] for n in SHARED]
        trained = [read_json(r)["parts"]["train"]["patients"] for r in reports]
    except tf.errors.NotFoundError as error:
        raise UserError(f"--points={text}: not found: {error.message}.") from error
    except KeyError as error:
        raise UserError(
            f"--points={text}: no {error} in a file; expected a table.json of"
            " evaluation.table, and the report.json of dataset.prepare or"
            " dataset.import_images."
        ) from error
    if len(reports) != num_folds:
        raise UserError(
            f"--points={text}: {len(reports)} reports, but {path} has {num_folds}"
            " folds; expected a report of each."
        )
    return Point(path, table, reports, [len(own) for own in trained])


def make_curve(points):
    """The content of `learning_curve.json`, from `Point`s.

    Raises:
      UserError: there are fewer than two, or they are not of the same test images and
        settings.
    """
    points = sorted(points, key=lambda point: sum(point.patients))
    settings = shared_settings(points)
    rankings, num_patients = score_points(points, settings)
    settings["baseline"] = settings["baseline"] or DEFAULT_BASELINE
    places = [point.path for point in points]
    paths = [path for point in points for path in (point.path, *point.reports)]
    return {
        "project_version": PROJECT_VERSION,
        "settings": settings,
        "inputs": {path: file_sha256(path) for path in paths},
        "num_patients": num_patients,
        "num_folds": points[-1].table["num_folds"],
        "points": [
            {
                "training_patients": point.patients,
                "rows": [
                    {key: row[key] for key in OF_A_ROW}
                    | gains(row, rankings, settings["baseline"], place, places[-1])
                    for row in point.table["rows"]
                ],
            }
            for place, point in zip(places, points)
        ],
    }


def shared_settings(points):
    """The settings of all points' tables.

    Raises:
      UserError: there is one point alone, or settings or numbers of folds differ.
    """
    if len(points) < 2:
        raise UserError(f"--points: {len(points)} table, expected two at least.")
    *others, last = [
        {"num_folds": p.table["num_folds"]}
        | {n: p.table["settings"][n] for n in SHARED}
        for p in points
    ]
    for point, own in zip(points, others):
        for name, value in own.items():
            if value != last[name]:
                raise UserError(
                    f"--points: {point.path} has {name}={value}, but"
                    f" {points[-1].path} {last[name]}; expected the same."
                )
    return {name: last[name] for name in SHARED}


def score_points(points, settings):
    """What the order of scores says of every row, in the same draws of patients.

    Returns:
      {(path of the table, row): `Ranking`s by name}, and the number of test patients.

    Raises:
      UserError: the predictions are not of the same images.
    """
    tables = {p.path: read_rows(p.table["settings"]["rows"]) for p in points}
    first, *others = [rows[0].runs[0] for rows in tables.values()]
    for folds in zip(first.folds, *(run.folds for run in others), strict=True):
        check_same_images(folds)
    draws = draw_patients(
        first.patients, settings["num_bootstrap"], settings["seed"], first.fold
    )
    rankings = {
        (point.path, row.name): measure_rankings(
            row.runs, settings["at_specificity"], draws
        )
        for point in points
        for row in tables[point.path]
        if row.name in {own["name"] for own in point.table["rows"] if own["auc"]}
    }
    return rankings, draws.num_patients


def gains(row, rankings, baseline, place, largest):
    """Differences of a row from the baseline of its initialisation.

    Args:
      row: of a table.
      rankings: see `measure`.
      baseline: a mix.
      place, largest: paths of the row's table, and of that of most training patients.

    Returns:
      A dict of `GAINS`: from the baseline of as many patients and of all of them, by
      name of the ranking, as `compare_rankings`; None for the row itself, and where one
      of the two has no result.
    """
    one = place, row["name"]
    name = "/".join(filter(None, (row["group"], baseline)))
    others = dict(zip(GAINS, ((place, name), (largest, name))))
    return {
        kind: compare_rankings(rankings[one], rankings[other])
        if one != other and {one, other} <= rankings.keys()
        else None
        for kind, other in others.items()
    }


def curve_table(curve):
    """A line per point, row and metric; empty where there is no result."""
    columns = ["training_patients", "row", "metric", "value", *INTERVAL]
    for kind in GAINS:
        columns += [f"gain_{kind}", *(f"gain_{kind}_{end}" for end in INTERVAL)]
    table = Table(columns)
    for point in curve["points"]:
        patients = " ".join(map(str, point["training_patients"]))
        for row in point["rows"]:
            for metric in RANKINGS:
                found = [((row[metric] or {}), "value")]
                found += [((row[k] or {}).get(metric, {}), "difference") for k in GAINS]
                cells = [d.get(key) for d, own in found for key in (own, *INTERVAL)]
                table.rows.append([patients, row["name"], metric, *cells])
    return table


def main(settings):
    print(write_curve(**settings))
    folder, number = settings["output_dir"], len(settings["points"])
    print(f"{folder}: points: {number}; look at {folder}/learning_curve.md.")
