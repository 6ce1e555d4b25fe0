"""The table of results, from hand-made predictions."""

import hashlib
import json

import cv2
import pytest
from predicted import (
    LABELS,
    PROBABILITIES,
    SETTINGS,
    table_of,
    write,
    write_predictions,
)
from refusals import refused
from shard_sets import read_table

from evaluation.paper import printed_values, read_paper_table
from evaluation.predictions import read_predictions
from evaluation.rows import order_rows, pairs_to_compare, read_controls, read_rows
from evaluation.statistics import wilson_interval


@pytest.fixture
def files(tmp_path):
    """Predictions by name: all right, as above, worse, and a constant predictor."""
    kinds = {
        "perfect": LABELS,
        "good": PROBABILITIES,
        "bad": [0.9, 0.1, 0.1, 0.6, 0.1, 0.4, 0.55, 0.7, 0.2, 0.1],
        "dead": [0.1] * 10,
    }
    return {
        name: write_predictions(tmp_path / f"{name}.csv", values)
        for name, values in kinds.items()
    }


def test_runs_of_one_name_become_their_mean_with_the_interval_of_one_run(files):
    (row,) = table_of([f"real={files['good']}", f"real={files['perfect']}"])["rows"]
    assert row["num_runs"] == 2
    accuracy = row["accuracy"]
    assert accuracy["runs"] == [0.8, 1.0]
    assert accuracy["value"] == pytest.approx(0.9)
    assert accuracy["sd"] == pytest.approx(0.1 * 2**0.5)
    interval = (accuracy["low"], accuracy["high"])
    assert interval == pytest.approx(wilson_interval(0.9, 10))


def test_rows_are_tested_against_the_baseline_of_their_initialisation(files):
    rows = [f"{g}/{m}={files['good']}" for g in ("a", "b") for m in ("real", "new")]
    rows += [f"b/real+classic={files['bad']}", f"a/real+classic={files['perfect']}"]
    comparisons = table_of(rows)["comparisons"]
    assert [(c["row"], c["against"]) for c in comparisons] == [
        ("a/real", "a/real+classic"),
        ("a/new", "a/real+classic"),
        ("b/real", "b/real+classic"),
        ("b/new", "b/real+classic"),
    ]
    assert comparisons[0]["accuracy"]["worse"] == 2
    # Right where the other is wrong: images 2, 3, 5 and 8; never the other way.
    assert comparisons[2]["accuracy"]["better"] == 4
    assert comparisons[2]["accuracy"]["p_value"] == 2 * 0.5**4
    # Holm: the four p-values are 1/2, 1/2, 1/8 and 1/8.
    assert [c["accuracy"]["p_holm"] for c in comparisons] == [1, 1, 0.5, 0.5]


def test_baseline_is_the_flags_row_or_none_where_the_default_is_not_there(files):
    rows = [f"x={files['good']}", f"y={files['bad']}"]
    table = table_of(rows)
    assert table["comparisons"] == []
    (comparison,) = table_of(rows, baseline="y")["comparisons"]
    assert (comparison["row"], comparison["against"]) == ("x", "y")
    with refused("--baseline=z: ", "x, y"):
        table_of(rows, baseline="z")


@pytest.mark.parametrize(
    "controls, message",
    [
        (["new"], "ROW=CONTROL"),
        (["new=unknown"], "ROW=CONTROL"),
        (["new=new"], "ROW=CONTROL"),
        (["new=a", "new=b"], "--controls=new=b: new "),
        (["new=g/c"], "--controls=new=g/c: no group and g;"),
    ],
)
def test_impossible_controls_are_refused(files, controls, message):
    rows = read_rows([f"{name}={files['good']}" for name in ("new", "a", "b", "g/c")])
    with refused(message):
        read_controls(controls, rows)


def test_control_stands_once_below_the_first_of_its_rows(files):
    rows = read_rows([f"{name}={files['good']}" for name in ("c", "a", "b")])
    control_of = read_controls(["a=c", "b=c"], rows)
    assert [row.name for row in order_rows(rows, control_of)] == ["a", "c", "b"]
    pairs = pairs_to_compare(rows, None, control_of)
    names = [(row.name, other.name) for row, other, _ in pairs]
    assert names == [("a", "c"), ("b", "c")]


def test_markdown_has_percentages_with_intervals_and_what_they_rest_on(files, tmp_path):
    _, markdown = write([f"a|b={files['good']}"], tmp_path)
    low, high = (100 * end for end in wilson_interval(0.8, 10))
    # Either patient alone has all of its pairs won.
    assert r"| a\|b | 1 | 0.917 {0.917, 1.000} | 100.00 {100.00, 100.00} | " in markdown
    assert f"| 80.00 {{80.00, 80.00}} [{low:.2f}, {high:.2f}] |" in markdown
    assert "10 for accuracy, 6 for sensitivity, 4 for specificity" in markdown
    assert "of 2 patients" in markdown and "about other patients" in markdown
    assert "no tests" in markdown


def test_files_of_a_table(files, tmp_path):
    """Initialisations, controls, a row without numbers, files, figures, twice equal."""
    names = ("scratch/a", "imagenet/dead", "imagenet/dead")
    rows = [f"{n}={files[f]}" for n, f in zip(names, ("good", "dead", "good"))]
    rows += [f"imagenet/{n}={files['bad']}" for n in ("long", "real+classic")]
    rows += [f"imagenet/new={files['good']}", f"scratch/real={files['good']}"]
    settings = {"controls": ["imagenet/new=imagenet/long"], "compare_to": "paper"}
    table, markdown = write(rows, tmp_path / "first", **settings)
    lines = [x for x in markdown.splitlines() if " | 1 | " in x or " | 2 | " in x]
    assert [line.split(" | ")[0] for line in lines[:6]] == [
        *("| a", "| real", "| dead", "| real+classic", "| new"),
        "| long (control of new)",
    ]
    nothing = "1 of 2 runs calls every image non-tumor | - | - | - | - |"
    assert lines[2] == f"| dead | 2 | no result: {nothing}"
    dead = table["rows"][2]
    assert dead["accuracy"] is None and dead["constant_runs"] == ["non_tumor"]
    assert [(c["row"], c["against"], c["kind"]) for c in table["comparisons"]] == [
        ("imagenet/new", "imagenet/real+classic", "baseline"),
        ("imagenet/new", "imagenet/long", "control"),
    ]
    # Of 24 pairs, 22 and 10.5 are won; with one false alarm 6 and 2 of 6 tumor images
    # are found; 8 and 4 of 10 images are right.
    line = next(x for x in markdown.splitlines() if "| imagenet/long (control) |" in x)
    differences = [cell.split()[0] for cell in line.split("|")[3:6]]
    assert differences == ["+0.479", "+66.67", "+40.00"]

    lines = read_table(tmp_path / "first/table.csv")
    assert float(lines[0]["accuracy"]) == 0.8 and lines[0]["accuracy_sd"] == ""
    assert float(lines[0]["specificity_low"]) == wilson_interval(0.75, 4)[0]
    assert lines[2]["accuracy"] == "" and lines[2]["constant_runs"] == "non_tumor"
    lines = read_table(tmp_path / "first/comparisons.csv")[:5]
    metrics = ["accuracy", "sensitivity", "specificity", "auc"]
    metrics += ["sensitivity_at_specificity"]
    assert [line["metric"] for line in lines] == metrics
    assert lines[3]["p_value"] == "" and lines[3]["difference"] != ""
    assert float(lines[0]["difference"]) == pytest.approx(0.4)

    stored = json.loads((tmp_path / "first/table.json").read_text())
    digest = hashlib.sha256(open(files["good"], "rb").read()).hexdigest()
    assert stored["inputs"][files["good"]] == digest
    assert sorted(stored["settings"].pop("rows")) == sorted(rows)
    assert stored["settings"] == SETTINGS | settings
    for name in ("roc", "intervals"):
        picture = cv2.imread(str(tmp_path / f"first/{name}.png"))
        assert picture.std() > 0 and picture.shape[1] > 800
        assert "</svg>" in (tmp_path / f"first/{name}.svg").read_text()
    write(rows, tmp_path / "second", **settings)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_paper_stands_beside_rows_and_rows_that_were_not_run(files, tmp_path):
    rows = [f"imagenet/real={files['good']}", f"mine={files['good']}"]
    paper = read_paper_table()
    assert len(paper["rows"]) == 10
    best = printed_values(paper, "scratch", "real+classic+unit")
    assert best["scratch"]["sensitivity"] == 0.9753
    _, markdown = write(rows, tmp_path, compare_to="paper")
    assert (
        "| imagenet/real | 80.00 | 93.26 | 83.33 | 90.95 | 75.00 | 95.87 |" in markdown
    )
    assert "| mine | 80.00 | - |" in markdown
    assert "| real+unit, not run | - | 94.31 (83.68) |" in markdown
    assert "93.63 to 97.53" in markdown and "90.21 to 97.53" in markdown


HEADER = "id,patient,label,probability\n"


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "no column 'id'; has []"),
        (HEADER, "0 images, none of them with label 0 (non_tumor)"),
        ("id,label,probability\na,1,0.5\n", "no column 'patient'"),
        (HEADER + "a,p,1,0.5\n", "1 images, none of them with label 0 (non_tumor)"),
        (HEADER + "a,p,0,0.5\n", "1 images, none of them with label 1 (tumor)"),
        (HEADER + "a,p,1,0.5\nb,p,2,0.5\n", "line 3: label '2', expected 0 or 1"),
        (HEADER + "a,p,1,1.5\n", "line 2: probability '1.5', expected a number from 0"),
        (HEADER + "a,p,1,nan\n", "line 2: probability 'nan'"),
        (HEADER + "a,p,1,\n", "line 2: probability ''"),
        (HEADER + "a,p,1\n", "line 2: probability None"),
        (HEADER + "a,p,1,0.5\na,p,0,0.5\n", "line 3: id 'a' is on line 2"),
        (b"\x89PNG\xff\x00", "UTF-8"),
    ],
)
def test_bad_predictions_are_refused_by_file_line_and_value(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with refused(path, message):
        read_predictions(str(path))


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
    with refused(first, second, message):
        write([f"a={first}", f"b={second}"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_paper_protocol_refuses_fewer_images_than_a_batch(files):
    with refused("--protocol=paper: ", "good.csv", 32):
        table_of([f"a={files['good']}"], protocol="paper")
