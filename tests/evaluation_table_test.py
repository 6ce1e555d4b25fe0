"""The table of results, from hand-made predictions."""

import csv
import hashlib
import json

import numpy as np
import pytest

from dataset.shards import UserError
from evaluation.predictions import read_predictions
from evaluation.rendering import to_csv, to_markdown
from evaluation.statistics import images_per_metric, score_runs, wilson_interval
from evaluation.table import write_table

# Six tumor and four non-tumor images. At 0.5 on, five and one of them are called tumor:
# accuracy 8/10, sensitivity 5/6, specificity 3/4.
LABELS = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
PROBABILITIES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.55, 0.3, 0.2, 0.1]


def write_predictions(path, labels=LABELS, probabilities=PROBABILITIES, ids=None):
    ids = ids or [f"brats/p/{n}" for n in range(len(labels))]
    lines = [f"{i},p,{y},{p}" for i, y, p in zip(ids, labels, probabilities)]
    path.write_text("\n".join(["id,patient,label,probability", *lines]) + "\n")
    return str(path)


def make_table(rows, output_dir, protocol="full", threshold=0.5, overwrite=False):
    options = {"protocol": protocol, "threshold": threshold, "overwrite": overwrite}
    return write_table(rows, str(output_dir), **options)


def scores(labels, probabilities, tmp_path, protocol="full", threshold=0.5):
    path = write_predictions(tmp_path / "scored.csv", labels, probabilities)
    images = images_per_metric(np.array(labels), protocol)
    return score_runs([read_predictions(path)], images, threshold)


@pytest.mark.parametrize(
    "hits, images, low, high",  # Newcombe (1998), Table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_is_that_of_the_worked_examples(hits, images, low, high):
    assert wilson_interval(hits / images, images) == pytest.approx(
        (low, high), abs=5e-5
    )


def test_scores_are_the_counts_by_hand(tmp_path):
    row = scores(LABELS, PROBABILITIES, tmp_path)
    assert row["accuracy"]["value"] == pytest.approx(8 / 10)
    assert row["sensitivity"]["value"] == pytest.approx(5 / 6)
    assert row["specificity"]["value"] == pytest.approx(3 / 4)
    # Of 24 pairs, the non-tumor image at 0.55 outranks the tumor images at 0.5 and 0.4.
    assert row["auc"]["value"] == pytest.approx(22 / 24)
    assert [row[m]["images"] for m in ("accuracy", "sensitivity", "specificity")] == [
        10,
        6,
        4,
    ]


def test_probability_equal_to_the_threshold_is_called_tumor(tmp_path):
    row = scores(LABELS, PROBABILITIES, tmp_path, threshold=0.4)
    assert row["sensitivity"]["value"] == 1.0


def test_paper_protocol_drops_what_does_not_fill_a_batch_of_each_pass():
    labels = np.array([0] * 1013 + [1] * 1232)
    images = images_per_metric(labels, "paper")
    assert {metric: len(positions) for metric, positions in images.items()} == {
        "accuracy": 2240,
        "sensitivity": 1216,
        "specificity": 992,
    }
    assert images["accuracy"][-1] == 2239
    assert images["sensitivity"][0] == 1013 and images["sensitivity"][-1] == 2228
    assert images["specificity"][-1] == 991


PAPER_TABLE = """
    93.26 86.38 90.95 88.94 95.87 83.62
    95.02 92.21 93.63 90.21 96.57 95.11
    94.93 93.24 91.90 90.91 98.39 95.97
    93.95 86.25 92.48 87.25 95.56 84.78
    94.80 80.54 91.82 80.02 98.39 81.25
    96.18 95.63 94.12 94.24 98.79 97.28
    94.31 83.68 93.26 87.75 96.02 78.48
    96.70 96.34 95.48 97.53 98.29 94.96
    94.49 77.66 92.39 82.03 97.18 71.98
    96.36 95.04 95.11 95.07 97.88 94.96
"""


@pytest.mark.parametrize(
    "column, metric, exceptions",
    [(0, "accuracy", 1), (2, "sensitivity", 0), (4, "specificity", 0)],
)
def test_paper_protocol_explains_the_percentages_of_the_paper(
    column, metric, exceptions
):
    table = np.array(PAPER_TABLE.split(), float).reshape(10, 6)
    images = images_per_metric(np.array([0] * 1013 + [1] * 1232), "paper")
    halves = 2 * len(images[metric])  # Of two runs, each over these images.
    possible = np.round(100 * np.arange(halves + 1) / halves, 2)
    printed = table[:, column : column + 2]
    assert np.sum(~np.isin(printed, possible)) == exceptions


def test_runs_of_one_name_become_their_mean_with_the_interval_of_one_run(tmp_path):
    first = write_predictions(tmp_path / "a.csv")
    second = write_predictions(tmp_path / "b.csv", probabilities=LABELS)
    make_table([f"real={first}", f"real={second}"], tmp_path / "out")
    (row,) = json.loads((tmp_path / "out" / "table.json").read_text())["rows"]
    assert row["num_runs"] == 2
    assert row["accuracy"]["runs"] == [0.8, 1.0]
    assert row["accuracy"]["value"] == pytest.approx(0.9)
    interval = (row["accuracy"]["low"], row["accuracy"]["high"])
    assert interval == pytest.approx(wilson_interval(0.9, 10))


def test_constant_predictor_is_flagged_and_has_no_numbers(tmp_path):
    good = write_predictions(tmp_path / "good.csv")
    dead = write_predictions(tmp_path / "dead.csv", probabilities=[0.1] * 10)
    markdown = make_table(
        [f"good={good}", f"dead={dead}", f"half={good}", f"half={dead}"],
        tmp_path / "out",
    )
    assert (
        "| dead | 1 | no result: calls every image non-tumor | - | - | - |" in markdown
    )
    assert "| half | 2 | no result: 1 of 2 runs calls every image non-tumor" in markdown
    rows = json.loads((tmp_path / "out" / "table.json").read_text())["rows"]
    assert rows[1]["accuracy"] is None and rows[1]["constant_runs"] == ["non_tumor"]
    with open(tmp_path / "out" / "table.csv") as file:
        line = list(csv.DictReader(file))[1]
    assert line["accuracy"] == "" and line["constant_runs"] == "non_tumor"


def test_markdown_has_percentages_with_intervals_and_what_they_rest_on(tmp_path):
    images = images_per_metric(np.array(LABELS), "full")
    row = scores(LABELS, PROBABILITIES, tmp_path)
    markdown = to_markdown({"a|b": row}, images, "full", 0.5)
    low, high = (100 * end for end in wilson_interval(0.8, 10))
    assert rf"| a\|b | 1 | 80.00 [{low:.2f}, {high:.2f}] |" in markdown
    assert "10 for accuracy, 6 for sensitivity, 4 for specificity" in markdown


def test_csv_has_fractions(tmp_path):
    text = to_csv({"real": scores(LABELS, PROBABILITIES, tmp_path)})
    (row,) = csv.DictReader(text.splitlines())
    assert float(row["accuracy"]) == 0.8
    assert float(row["specificity_low"]) == wilson_interval(0.75, 4)[0]


def test_json_names_digests_and_flags(tmp_path):
    path = write_predictions(tmp_path / "a.csv")
    make_table([f"real={path}"], tmp_path / "out", threshold=0.25)
    table = json.loads((tmp_path / "out" / "table.json").read_text())
    digest = hashlib.sha256((tmp_path / "a.csv").read_bytes()).hexdigest()
    assert table["inputs"] == {path: digest}
    assert table["settings"] == {
        "rows": [f"real={path}"],
        "protocol": "full",
        "threshold": 0.25,
    }


HEADER = "id,patient,label,probability\n"


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "no column 'id'; has [], wanted"),
        (HEADER, "0 images, none of them with label 0 (non_tumor)"),
        ("id,label,probability\na,1,0.5\n", "no column 'patient'"),
        (HEADER + "a,p,1,0.5\n", "1 images, none of them with label 0 (non_tumor)"),
        (HEADER + "a,p,0,0.5\n", "1 images, none of them with label 1 (tumor)"),
        (HEADER + "a,p,1,0.5\nb,p,2,0.5\n", "line 3: label '2', wanted 0 or 1"),
        (HEADER + "a,p,1,1.5\n", "line 2: probability '1.5', wanted a number from 0"),
        (HEADER + "a,p,1,nan\n", "line 2: probability 'nan'"),
        (HEADER + "a,p,1,\n", "line 2: probability ''"),
        (HEADER + "a,p,1\n", "line 2: probability None"),
        (HEADER + "a,p,1,0.5\na,p,0,0.5\n", "line 3: id 'a' stands on line 2 already"),
    ],
)
def test_bad_predictions_are_refused_by_file_line_and_value(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(UserError) as error:
        read_predictions(str(path))
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"\x89PNG\xff\x00")
    with pytest.raises(UserError, match="not a CSV file in UTF-8"):
        read_predictions(str(tmp_path / "bad.csv"))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"labels": LABELS[:-1]}, "9 images, but"),
        ({"ids": [f"other/{n}" for n in range(10)]}, "image 1: 'other/0' with label 1"),
        ({"labels": [*LABELS[:-1], 1]}, "image 10: 'brats/p/9' with label 1"),
    ],
)
def test_rows_of_other_images_are_refused(tmp_path, change, message):
    first = write_predictions(tmp_path / "a.csv")
    second = write_predictions(tmp_path / "b.csv", **change)
    with pytest.raises(UserError) as error:
        make_table([f"a={first}", f"b={second}"], tmp_path / "out")
    assert message in str(error.value) and str(error.value).startswith(second)
    assert not (tmp_path / "out").exists()


def test_paper_protocol_refuses_fewer_images_than_a_batch(tmp_path):
    path = write_predictions(tmp_path / "a.csv")
    with pytest.raises(UserError, match="fewer than the 32 images"):
        make_table([f"a={path}"], tmp_path / "out", protocol="paper")


@pytest.mark.parametrize("row", ["name", "=path", "name="])
def test_row_that_is_not_name_and_path_is_refused(tmp_path, row):
    with pytest.raises(UserError, match="wanted NAME=PATH"):
        make_table([row], tmp_path / "out")


def test_existing_table_is_kept_unless_told_otherwise(tmp_path):
    path = write_predictions(tmp_path / "a.csv")
    make_table([f"a={path}"], tmp_path / "out")
    with pytest.raises(UserError, match="--overwrite"):
        make_table([f"b={path}"], tmp_path / "out")
    assert "| b |" in make_table([f"b={path}"], tmp_path / "out", overwrite=True)
