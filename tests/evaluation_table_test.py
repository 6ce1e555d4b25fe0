"""The table of results, from hand-made predictions."""

import csv
import hashlib
import json

import cv2
import pytest

from dataset.errors import UserError
from evaluation.paper import printed_values, read_paper_table
from evaluation.predictions import read_predictions
from evaluation.rows import (
    order_rows,
    pairs_to_compare,
    read_controls,
    read_rows,
)
from evaluation.statistics import wilson_interval
from evaluation.table import make_table, write_table

# Six tumor and four non-tumor images of two patients. At 0.5 on, five and one of them
# are called tumor: accuracy 8/10, sensitivity 5/6, specificity 3/4.
LABELS = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
PATIENTS = ["p", "p", "p", "q", "q", "q", "p", "p", "q", "q"]
PROBABILITIES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.55, 0.3, 0.2, 0.1]
SETTINGS = {
    "protocol": "full",
    "threshold": 0.5,
    "at_specificity": 0.75,
    "baseline": None,
    "controls": [],
    "compare_to": None,
    "num_bootstrap": 100,
    "seed": 0,
}


def write_predictions(path, labels=LABELS, probabilities=PROBABILITIES, ids=None):
    ids = ids or [f"brats/p/{n}" for n in range(len(labels))]
    columns = zip(ids, PATIENTS, labels, probabilities)
    lines = [",".join(map(str, line)) for line in columns]
    path.write_text("\n".join(["id,patient,label,probability", *lines]) + "\n")
    return str(path)


def write(rows, output_dir, overwrite=False, **settings):
    settings = SETTINGS | settings
    return write_table(rows, str(output_dir), overwrite=overwrite, **settings)[1]


def table_of(rows, **settings):
    return make_table(read_rows(rows), **SETTINGS | settings)


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
        name: write_predictions(tmp_path / f"{name}.csv", probabilities=values)
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


def test_constant_predictor_is_flagged_and_has_neither_numbers_nor_tests(
    files, tmp_path
):
    good, dead = files["good"], files["dead"]
    rows = [f"real+classic={good}", f"dead={dead}", f"half={good}", f"half={dead}"]
    markdown = write(rows, tmp_path / "out", controls=["dead=half"])
    assert (
        "| dead | 1 | no result: calls every image non-tumor | - | - | - | - |"
        in markdown
    )
    assert "| 2 | no result: 1 of 2 runs calls every image non-tumor" in markdown
    table = json.loads((tmp_path / "out" / "table.json").read_text())
    dead_row = next(row for row in table["rows"] if row["name"] == "dead")
    assert dead_row["accuracy"] is None and dead_row["constant_runs"] == ["non_tumor"]
    assert table["comparisons"] == []
    with open(tmp_path / "out" / "table.csv") as file:
        line = list(csv.DictReader(file))[1]
    assert line["accuracy"] == "" and line["constant_runs"] == "non_tumor"


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
    with pytest.raises(UserError, match="--baseline=z: .* x, y"):
        table_of(rows, baseline="z")


def test_control_stands_below_its_row_which_is_tested_against_it(files, tmp_path):
    rows = [f"long={files['bad']}", f"real+classic={files['bad']}"]
    rows += [f"new={files['good']}", f"other={files['good']}"]
    markdown = write(rows, tmp_path, controls=["new=long"])
    table = json.loads((tmp_path / "table.json").read_text())
    names = [row["name"] for row in table["rows"]]
    assert names == ["real+classic", "new", "long", "other"]
    assert table["rows"][2]["control_of"] == ["new"]
    assert [(c["row"], c["against"], c["kind"]) for c in table["comparisons"]] == [
        ("new", "real+classic", "baseline"),
        ("new", "long", "control"),
        ("other", "real+classic", "baseline"),
    ]
    assert "| long (control of new) | 1 |" in markdown
    # Of 24 pairs, 22 and 10.5 are won; with one false alarm 6 and 2 of 6 tumor images
    # are found; 8 and 4 of 10 images are right.
    (line,) = [x for x in markdown.splitlines() if x.startswith("| new | long (con")][
        :1
    ]
    differences = [cell.split()[0] for cell in line.split("|")[3:6]]
    assert differences == ["+0.479", "+66.67", "+40.00"]


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
    with pytest.raises(UserError, match=message):
        read_controls(controls, rows)


def test_control_of_two_rows_stands_once(files):
    rows = read_rows([f"{name}={files['good']}" for name in ("c", "a", "b")])
    control_of = read_controls(["a=c", "b=c"], rows)
    assert [row.name for row in order_rows(rows, control_of)] == ["a", "c", "b"]
    pairs = pairs_to_compare(rows, None, control_of)
    assert [(row.name, other.name) for row, other, _ in pairs] == [
        ("a", "c"),
        ("b", "c"),
    ]


def test_markdown_has_percentages_with_intervals_and_what_they_rest_on(files, tmp_path):
    markdown = write([f"a|b={files['good']}"], tmp_path)
    low, high = (100 * end for end in wilson_interval(0.8, 10))
    # Either patient alone has all of its pairs won.
    assert r"| a\|b | 1 | 0.917 {0.917, 1.000} | 100.00 {100.00, 100.00} | " in markdown
    assert f"| 80.00 {{80.00, 80.00}} [{low:.2f}, {high:.2f}] |" in markdown
    assert "10 for accuracy, 6 for sensitivity, 4 for specificity" in markdown
    assert "of 2 patients" in markdown and "about other patients" in markdown
    assert "no tests" in markdown


def test_parts_of_the_table_are_the_initialisations(files, tmp_path):
    rows = [f"{n}={files['good']}" for n in ("scratch/a", "imagenet/a", "scratch/b")]
    markdown = write(rows, tmp_path)
    lines = [
        line for line in markdown.splitlines() if line.startswith(("##", "| a", "| b"))
    ]
    firsts = [line[:7] for line in lines]
    assert firsts == ["## scra", "| a | 1", "| b | 1", "## imag", "| a | 1"]


def test_csv_files_have_fractions(files, tmp_path):
    write([f"real+classic={files['bad']}", f"new={files['good']}"], tmp_path)
    with open(tmp_path / "table.csv") as file:
        row = list(csv.DictReader(file))[1]
    assert float(row["accuracy"]) == 0.8 and row["accuracy_sd"] == ""
    assert float(row["specificity_low"]) == wilson_interval(0.75, 4)[0]
    with open(tmp_path / "comparisons.csv") as file:
        lines = list(csv.DictReader(file))
    metrics = ["accuracy", "sensitivity", "specificity", "auc"]
    assert [line["metric"] for line in lines] == [
        *metrics,
        "sensitivity_at_specificity",
    ]
    assert lines[3]["p_value"] == "" and lines[3]["difference"] != ""
    assert float(lines[0]["difference"]) == pytest.approx(0.4)


def test_figures_are_pictures(files, tmp_path):
    rows = [f"{g}/{m}={files[m]}" for g in ("scratch", "imagenet") for m in files]
    rows += [f"scratch/good={files['bad']}"]
    write(rows, tmp_path, baseline="good", compare_to="paper")
    for name in ("roc", "intervals"):
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert picture.std() > 0 and picture.shape[1] > 800
        assert "</svg>" in (tmp_path / f"{name}.svg").read_text()


def test_same_command_writes_the_same_files(files, tmp_path):
    for folder in ("first", "second"):
        write([f"real={files['good']}"], tmp_path / folder)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_json_names_digests_and_flags(files, tmp_path):
    path = files["good"]
    write([f"real={path}"], tmp_path / "out", threshold=0.25)
    table = json.loads((tmp_path / "out" / "table.json").read_text())
    with open(path, "rb") as file:
        assert table["inputs"] == {path: hashlib.sha256(file.read()).hexdigest()}
    expected = SETTINGS | {"rows": [f"real={path}"], "threshold": 0.25}
    assert table["settings"] == expected


def test_printed_values_are_those_of_the_paper_by_initialisation():
    paper = read_paper_table()
    assert len(paper["rows"]) == 10
    best = "real+classic+unit"
    assert printed_values(paper, "scratch", best)["scratch"]["sensitivity"] == 0.9753
    assert printed_values(paper, "", best).keys() == {"imagenet", "scratch"}
    assert printed_values(paper, "", "unknown") == {}


def test_paper_stands_beside_rows_and_rows_that_were_not_run(files, tmp_path):
    rows = [f"imagenet/real={files['good']}", f"mine={files['good']}"]
    markdown = write(rows, tmp_path, compare_to="paper")
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
    with pytest.raises(UserError, match="bad.csv: .*UTF-8"):
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
        write([f"a={first}", f"b={second}"], tmp_path / "out")
    assert message in str(error.value) and str(error.value).startswith(second)
    assert not (tmp_path / "out").exists()


def test_paper_protocol_refuses_fewer_images_than_a_batch(tmp_path):
    path = write_predictions(tmp_path / "a.csv")
    with pytest.raises(UserError, match="--protocol=paper: .*a.csv .*32"):
        write([f"a={path}"], tmp_path / "out", protocol="paper")


@pytest.mark.parametrize("row", ["name", "=path", "name=", "/mix=path", "group/=path"])
def test_row_that_is_not_name_and_path_is_refused(row):
    with pytest.raises(UserError, match="expected NAME=PATH"):
        read_rows([row])


def test_existing_table_is_kept_unless_told_otherwise(tmp_path):
    path = write_predictions(tmp_path / "a.csv")
    write([f"a={path}"], tmp_path / "out")
    with pytest.raises(UserError, match="--overwrite"):
        write([f"b={path}"], tmp_path / "out")
    assert "| b |" in write([f"b={path}"], tmp_path / "out", overwrite=True)


def test_run_that_is_given_twice_is_refused(files):
    with pytest.raises(UserError, match="--rows: a .*twice"):
        read_rows([f"a={files['good']}", f"a={files['good']}"])
