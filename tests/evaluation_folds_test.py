"""Tables of several folds: pooled numbers by hand, draws, spread and refusals."""

import json

import numpy as np
import pytest
from predicted import SETTINGS, table_of, write, write_predictions
from refusals import refused
from shard_sets import read_table
from sklearn.metrics import roc_auc_score

from evaluation.rows import as_given, read_rows
from evaluation.scores import spread
from evaluation.table import main
from evaluation.table_figures import average_roc_curve

# Two folds of two patients each: by patient, its tumor and its non-tumor images.
FOLDS = [{"a": (2, 1), "b": (1, 1)}, {"c": (1, 2), "d": (1, 2)}]
# Scores in this order, of two runs. The second fold's are on another scale.
FIRST = [[0.9, 0.6, 0.6, 0.6, 0.2], [0.8, 0.5, 0.7, 0.5, 0.45, 0.42]]
SECOND = [[0.9, 0.8, 0.1, 0.7, 0.2], [0.6, 0.6, 0.6, 0.3, 0.2, 0.1]]


def write_fold(path, fold, scores):
    """A file of a fold; scores are those of each patient's tumor images first."""
    patients = [
        patient for patient, numbers in fold.items() for _ in range(sum(numbers))
    ]
    labels = [n for tumor, other in fold.values() for n in [1] * tumor + [0] * other]
    ids = [f"x/{patient}/{n}" for n, patient in enumerate(patients)]
    return write_predictions(path, scores, labels, patients, ids)


@pytest.fixture
def runs(tmp_path):
    """Values of --rows for the two runs, by name."""
    return {
        name: ",".join(
            write_fold(tmp_path / name / f"fold-{n}.csv", fold, own)
            for n, (fold, own) in enumerate(zip(FOLDS, scores))
        )
        for name, scores in (("first", FIRST), ("second", SECOND))
    }


# Of FIRST by hand. Fold 0: tumor 0.9 0.6 0.6, non-tumor 0.6 0.2. Right from 0.5 on: 3
# and 1. Pairs: 2 + 1.5 + 1.5 of 6. Specificity 3/4 is half an image of two called: the
# tie at 0.6 counts half, 1 + 2/2 = 2 of 3 tumor images.
# Fold 1: tumor 0.8 0.45, non-tumor 0.5 0.7 0.42 ... is written patient by patient:
# c: tumor 0.8, non-tumor 0.5 0.7; d: tumor 0.5, non-tumor 0.45 0.42. Right: 2 of 2 and
# 2 of 4. Pairs: 4 + 2.5 of 8. One image of four may be called, 0.7: above the next
# score, 0.5, is one of two tumor images.
# Of SECOND. Fold 0: tumor 0.9 0.8 0.7, non-tumor 0.1 0.2: everything right; all pairs,
# all tumor images. Fold 1: c: tumor 0.6, non-tumor 0.6 0.6; d: tumor 0.3, non-tumor 0.2
# 0.1. Right: 1 of 2 and 2 of 4. Pairs: 3 + 2 of 8. One of the two ties at 0.6 may be
# called, so half of the tumor image there: 0.5 of 2.
BY_HAND = {
    "accuracy": [[4 / 5, 4 / 6, 8 / 11], [5 / 5, 3 / 6, 8 / 11]],
    "sensitivity": [[3 / 3, 2 / 2, 5 / 5], [3 / 3, 1 / 2, 4 / 5]],
    "specificity": [[1 / 2, 2 / 4, 3 / 6], [2 / 2, 2 / 4, 4 / 6]],
    "auc": [[5 / 6, 6.5 / 8, 11.5 / 14], [6 / 6, 5 / 8, 11 / 14]],
    "sensitivity_at_specificity": [[2 / 3, 1 / 2, 3 / 5], [3 / 3, 0.25, 3.5 / 5]],
}


@pytest.mark.parametrize("metric", BY_HAND)
def test_pooled_table_equals_the_one_by_hand(runs, metric):
    (row,) = table_of([f"a={runs['first']}", f"a={runs['second']}"])["rows"]
    (*first, of_first), (*second, of_second) = BY_HAND[metric]
    values = row[metric]
    assert values["runs"] == pytest.approx([of_first, of_second])
    assert values["value"] == pytest.approx((of_first + of_second) / 2)
    assert values["folds"] == pytest.approx(np.mean([first, second], axis=0))
    assert values["sd_folds"] == pytest.approx(np.std(values["folds"], ddof=1))
    assert values["sd_detector_seeds"] == pytest.approx(
        abs(of_first - of_second) / 2**0.5
    )
    assert values["sd_chain_seeds"] is None
    assert (row["num_runs"], row["num_chains"]) == (2, 1)


def test_every_patient_and_image_counts_once(runs):
    table = table_of([f"a={runs['first']}", f"a={runs['second']}"])
    assert table["num_patients"] == 4 and table["num_folds"] == 2
    assert table["images"] == {"accuracy": 11, "sensitivity": 5, "specificity": 6}
    paths = [path for files in runs.values() for path in files.split(",")]
    assert list(table["inputs"]) == paths


def test_scores_of_two_detectors_are_not_ordered_among_each_other(runs, tmp_path):
    rows = read_rows([f"a={runs['first']}"])
    (run,) = rows[0].runs
    (row,) = table_of([f"a={runs['first']}"])["rows"]
    of_all_pairs = roc_auc_score(run.labels, run.probabilities)
    assert row["auc"]["value"] != pytest.approx(of_all_pairs)
    # Another scale for one detector changes nothing about the order of its scores.
    scores = [score / 2 for score in FIRST[1]]
    other = write_fold(tmp_path / "scaled.csv", FOLDS[1], scores)
    (scaled,) = table_of([f"a={run.folds[0].path},{other}"], threshold=0.22)["rows"]
    assert scaled["auc"] == row["auc"]
    assert scaled["sensitivity_at_specificity"] == row["sensitivity_at_specificity"]


def test_differences_are_paired_over_patients_of_all_folds(runs):
    rows = [f"real+classic={runs['first']}", f"new={runs['second']}"]
    (pair,) = table_of(rows)["comparisons"]
    assert pair["auc"]["difference"] == pytest.approx((11 - 11.5) / 14)
    at_specificity = pair["sensitivity_at_specificity"]
    assert at_specificity["difference"] == pytest.approx(0.5 / 5)
    assert at_specificity["patients_low"] < 0.1 < at_specificity["patients_high"]
    assert pair["accuracy"]["better"] == pair["accuracy"]["worse"] == 1
    rows = [f"real+classic={runs['first']}", f"same={runs['first']}"]
    (pair,) = table_of(rows)["comparisons"]
    for metric in BY_HAND:
        assert pair[metric]["patients_low"] == pair[metric]["patients_high"] == 0.0


def test_spread_over_seeds_of_detectors_and_of_chains_is_said_apart():
    values = spread([1.0, 3.0, 6.0, 8.0, 7.0], [2.0, 4.0], [0, 0, 1, 1, 1])
    # Squares about the chains' means 2 and 7: 2 and 2, with 1 and 2 degrees of freedom.
    assert values == {
        "sd_folds": pytest.approx(2**0.5),
        "sd_detector_seeds": pytest.approx((4 / 3) ** 0.5),
        "sd_chain_seeds": pytest.approx(5 / 2**0.5),
    }
    alone = spread([0.5], [0.5], [0])
    assert set(alone.values()) == {None}


def test_chains_of_a_row_are_named_and_shown(runs, tmp_path, capsys):
    rows = [f"real+classic={runs['first']}", f"real+classic@chain-1={runs['second']}"]
    rows += [f"real+classic+unit={runs['second']}"]
    rows += [f"real+classic+unit@chain-1={runs['first']}"]
    assert as_given(read_rows(rows)) == rows
    settings = {"rows": rows, "output_dir": str(tmp_path / "t"), "overwrite": False}
    main(SETTINGS | settings)
    markdown = capsys.readouterr().out
    assert markdown.endswith(f"rows: 2; look at {tmp_path}/t/table.md.\n")
    assert "| real+classic | 2 chain seeds | 0.025 |" in markdown
    assert "| real+classic | 2 folds | " in markdown
    assert "| detector seeds |" not in markdown
    table = json.loads((tmp_path / "t" / "table.json").read_text())
    gain = pytest.approx(0.5 / 14)
    (pair,) = table["comparisons"]
    assert pair["auc"]["chains"] == {"0": pytest.approx(-0.5 / 14), "1": gain}
    assert "(by chain -0.036, +0.036)" in table["conclusion"]
    line = read_table(tmp_path / "t" / "table.csv")[0]
    assert line["num_chains"] == "2" and line["auc_sd_detector_seeds"] == ""
    assert float(line["auc_sd_chain_seeds"]) == pytest.approx(0.5 / 14 / 2**0.5)


def test_detector_that_calls_all_of_its_fold_the_same_is_named(tmp_path, runs):
    dead = write_fold(tmp_path / "dead.csv", FOLDS[1], [0.1] * 6)
    (first, _), (second, _) = (files.split(",") for files in runs.values())
    rows = [f"a={first},{dead}", f"b={runs['first']}", f"b={second},{dead}"]
    table, markdown = write(rows, tmp_path / "t")
    assert "| a | 1 | no result: calls every image of fold 1 non-tumor |" in markdown
    assert "| b | 2 | no result: calls every image of fold 1 of run 1 non" in markdown
    (_, row) = table["rows"]
    assert row["constant_folds"] == [{"run": 1, "fold": 1, "label": "non_tumor"}]
    assert row["constant_runs"] == ["non_tumor"] and row["auc"] is None


def test_average_roc_curve_has_the_tables_sensitivity_at_its_specificity(runs):
    texts = [f"a={runs['first']}", f"b={runs['second']}"]
    for specificity in (0.0, 0.3, 0.5, 0.75, 1.0):
        table = table_of(texts, at_specificity=specificity)
        for row, scored in zip(read_rows(texts), table["rows"]):
            height = np.interp(1 - specificity, *average_roc_curve(row.runs[0]))
            value = scored["sensitivity_at_specificity"]["value"]
            assert height == pytest.approx(value)


@pytest.mark.parametrize(
    "rows, parts",
    [
        (["name"], ["--rows=name: ", "NAME=PATH"]),
        (["=path"], ["NAME=PATH"]),
        (["name="], ["NAME=PATH"]),
        (["/mix=path"], ["NAME=PATH"]),
        (["group/=path"], ["NAME=PATH"]),
        (["a={x},"], ["NAME=PATH"]),
        (["a=,{x}"], ["NAME=PATH"]),
        (["a={x},,{y}"], ["NAME=PATH"]),
        (["a@chain-1="], ["NAME=PATH"]),
        (["a={x}", "a={x}"], ["--rows: a ", "twice"]),
        (["a={x},{x}"], ["--rows: a ", "twice"]),
        (["a={x}", "a@chain-1={x}"], ["--rows: a ", "twice"]),
        (["a={x},{y}", "b={x}"], ["--rows: ", "of 1 folds, but", "of 2"]),
        (["a={x},{y}", "b={y},{x}"], ["images, but {x} has"]),
        (["a={x},{b}"], ["{b}: patient 'b' is in {x}, too"]),
        (["a={u},{v}"], ["{v}: id 'x' is in {u}, too"]),
    ],
)
def test_impossible_rows_are_refused(runs, tmp_path, rows, parts):
    paths = dict(zip("xy", runs["first"].split(",")))
    fold = {"b": (1, 1), "e": (1, 1)}
    paths["b"] = write_fold(tmp_path / "b.csv", fold, [0.9, 0.1] * 2)
    for name in "uv":  # An image of an unknown patient, in two files.
        own = ([1, 0], [1, 0], ["", ""], ["x", name])
        paths[name] = write_predictions(tmp_path / f"{name}.csv", *own)
    with refused(*(part.format(**paths) for part in parts)):
        read_rows([row.format(**paths) for row in rows])


def test_paper_protocol_of_folds_is_refused(runs):
    with refused("--protocol=paper: ", "--rows have 2 folds"):
        table_of([f"a={runs['first']}"], protocol="paper")
