"""The learning curve: its numbers by hand, the figure, and what is refused."""

import json
import os
import pathlib

import pytest
from predicted import table_of, write_predictions
from refusals import refused
from shard_sets import read_table

from evaluation import learning_curve
from evaluation.learning_curve_document import document, draw_curves
from evaluation.tables import to_markdown


def scores_of(number):
    """Of six tumor images and four others: so many tumor images are above the others.

    The rest are below, and the others tie. So a tumor image wins four pairs of the 24
    or none, and at any specificity those above are found: both rankings are number / 6.
    """
    return [0.9] * number + [0.1] * (6 - number) + [0.4] * 4


# By folder and row, how many tumor images are above the others.
FOUND = {
    "share-25": {"real": 2, "real+classic": 3, "real+classic+pggan": 4},
    "share-50": {"real": 3, "real+classic": 4, "real+classic+pggan": 4},
    ".": {"real": 4, "real+classic": 5, "real+classic+pggan": 6},
}
PATIENTS = {"share-25": 2, "share-50": 4, ".": 7}
FIRST, SECOND, LAST = FOUND


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Its folder, and values of --points, the largest first."""
    folder = tmp_path_factory.mktemp("experiment")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, [write_point(folder, share) for share in (LAST, FIRST, SECOND)]


@pytest.fixture
def points(experiment, monkeypatch):
    """Values of --points, in the experiment's folder."""
    folder, values = experiment
    monkeypatch.chdir(folder)
    return values


def write_point(folder, share, folds=1, dead=(), **settings):
    rows = []
    for mix, number in FOUND[share].items():
        paths = []
        for fold in range(folds):
            path = f"{share}/{mix}-{fold}.csv"
            own = [f"{name}{fold}" for name in "pppqqqppqq"]
            ids = [f"x/{fold}/{n}" for n in range(10)]
            scores = [0.9] * 10 if mix in dead else scores_of(number)
            write_predictions(folder / path, scores, patients=own, ids=ids)
            paths.append(path)
        rows.append(f"scratch/{mix}={','.join(paths)}")
    output = f"{share}/table"
    (folder / output).mkdir(exist_ok=True)
    table = json.dumps(table_of(rows, **settings))
    (folder / output / "table.json").write_text(table)
    reports = [f"{share}/report-{fold}.json" for fold in range(folds)]
    for fold, path in enumerate(reports):
        patients = [f"t{n}" for n in range(PATIENTS[share] + fold)]
        content = {"parts": {"train": {"patients": patients}}}
        (folder / path).write_text(json.dumps(content))
    return f"{output}={','.join(reports)}"


def write_curve(points, **settings):
    return learning_curve.write_curve(points, "curve", overwrite=True, **settings)


def content():
    with open("curve/learning_curve.json") as file:
        return json.load(file)


def rows_of(curve):
    return [{row["mix"]: row for row in point["rows"]} for point in curve["points"]]


def test_values_and_gains_are_those_by_hand_in_the_order_of_patients(points):
    write_curve(points)
    curve = content()
    assert [p["training_patients"] for p in curve["points"]] == [[2], [4], [7]]
    assert curve["num_patients"] == 2 and curve["num_folds"] == 1
    for found, rows in zip(FOUND.values(), rows_of(curve)):
        for mix, number in found.items():
            for metric in ("auc", "sensitivity_at_specificity"):
                value = rows[mix][metric]["value"]
                assert value == pytest.approx(number / 6)
                for kind, other in (
                    ("of_as_many", found["real+classic"]),
                    ("of_all", FOUND[LAST]["real+classic"]),
                ):
                    gain = rows[mix][kind]
                    if gain is None:
                        assert mix == "real+classic" and number == other
                        continue
                    difference = gain[metric]["difference"]
                    assert difference == pytest.approx((number - other) / 6)


def test_intervals_of_gains_are_paired_over_patients(points):
    write_curve(points)
    first, second, last = rows_of(content())
    # The same scores: no draw of patients can tell them apart.
    for values in second["real+classic+pggan"]["of_as_many"].values():
        assert values["patients_low"] == values["patients_high"] == 0
    # p and q have three tumor images each. With all patients five are found, two of
    # them q's; with two patients three, all p's: q alone loses two thirds, p nothing.
    gain = first["real+classic"]["of_all"]["auc"]
    assert gain["patients_low"] == pytest.approx(-2 / 3)
    assert gain["patients_high"] == pytest.approx(0)
    assert last["real+classic"]["of_all"] is None


def test_files_have_every_row_at_every_number_of_patients(points):
    markdown = write_curve(points)
    assert markdown == pathlib.Path("curve/learning_curve.md").read_text()
    assert markdown.startswith(
        "Detectors that learned from 2, 4 and 7 training patients, with every"
        " augmentation made from the same patients alone, are compared on the same 2"
        " test patients.\n"
    )
    assert "| Trained on | 2 patients | 4 patients | 7 patients |" in markdown
    assert "## Sensitivity at 75 % specificity (points): gain over" in markdown
    assert "## AUC: gain over real+classic of all 7 patients" in markdown
    (line,) = [x for x in markdown.splitlines() if x.startswith("| scratch/real |")][:1]
    assert [cell.split()[0] for cell in line.split("|")[2:5]] == [
        *("0.333", "0.500", "0.667")
    ]
    assert "Nothing follows from fewer than 6 test patients" in markdown
    lines = read_table(pathlib.Path("curve/learning_curve.csv"))
    assert len(lines) == 3 * 3 * 2
    line = lines[4]
    assert (line["training_patients"], line["row"]) == (
        "2",
        "scratch/real+classic+pggan",
    )
    assert float(line["value"]) == pytest.approx(4 / 6)
    assert float(line["gain_of_as_many"]) == pytest.approx(1 / 6)
    assert float(line["gain_of_all"]) == pytest.approx(-1 / 6)
    for suffix in ("png", "svg"):
        assert os.path.getsize(f"curve/learning_curve.{suffix}") > 5000


def test_figure_has_a_line_per_row_through_its_values(points):
    write_curve(points)
    area, sensitivity = draw_curves(content()).axes
    assert area.get_title() == "scratch\nAUC"
    assert [t.get_text() for t in area.get_xticklabels()] == ["2", "4", "7"]
    for panel, scale in ((area, 1), (sensitivity, 100)):
        lines = [line for line in panel.lines if line.get_linestyle() == "-"]
        for line, mix in zip(lines, FOUND[LAST], strict=True):
            expected = [scale * found[mix] / 6 for found in FOUND.values()]
            assert line.get_ydata() == pytest.approx(expected)
            assert line.get_xdata() == pytest.approx([2, 4, 7], rel=0.05)
        (dotted,) = [line for line in panel.lines if line.get_linestyle() == ":"]
        assert dotted.get_ydata()[0] == pytest.approx(scale * 5 / 6)
        assert len(panel.collections) == 9  # The intervals.


def test_folds_are_pooled_and_their_training_patients_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_curve([write_point(tmp_path, share, folds=2) for share in FOUND])
    curve = content()
    assert [p["training_patients"] for p in curve["points"]] == [[2, 3], [4, 5], [7, 8]]
    text = to_markdown(document(curve))
    assert "from 2-3, 4-5 and 7-8 training patients" in text
    assert "the same 4 test patients, 2 folds together" in text
    panel = draw_curves(curve).axes[0]
    assert list(panel.get_xticks()) == [2.5, 4.5, 7.5]


def test_row_without_a_result_has_no_point(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = write_point(tmp_path, FIRST, dead={"real+classic"})
    markdown = write_curve([first, write_point(tmp_path, LAST)])
    assert "| scratch/real+classic | no result: calls every image tumor |" in markdown
    first, last = rows_of(content())
    assert first["real"]["of_as_many"] is None and first["real"]["of_all"]
    line = draw_curves(content()).axes[0].lines[1]
    assert len(line.get_xdata()) == 1
    last = write_point(tmp_path, LAST, dead={"real+classic"})
    write_curve([write_point(tmp_path, FIRST), last])
    styles = [x.get_linestyle() for x in draw_curves(content()).axes[0].lines]
    assert styles == ["-"] * 3  # No baseline of all patients to show.


def test_points_that_cannot_be_compared_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = write_point(tmp_path, LAST)
    with refused("--points: 1 table, expected two"):
        write_curve([whole])
    for bad in ("table", "=report", "table=", "table=a,,b"):
        with refused(f"--points={bad}: expected TABLE=REPORT"):
            write_curve([bad, whole])
    with refused("2 reports, but", "has 1 folds"):
        write_curve([f"{whole},./report-0.json", whole])
    (tmp_path / "other.json").write_text("{}")
    with refused("no 'parts' in a file", "the report.json of dataset.prepare"):
        write_curve([f"{LAST}/table=other.json", whole])
    for bad in ("none=other.json", f"{LAST}/table=none.json"):
        with refused(f"--points={bad}: not found: ", "none"):
            write_curve([bad, whole])
    other = write_point(tmp_path, FIRST, at_specificity=0.5)
    with refused("has at_specificity=0.5, but", "0.75; expected the same"):
        write_curve([other, whole])
    other = write_point(tmp_path, FIRST, folds=2)
    with refused("has num_folds=2, but"):
        write_curve([other, whole])
    monkeypatch.setitem(FOUND, "q", {"real": 1})
    monkeypatch.setitem(PATIENTS, "q", 1)
    other = write_point(tmp_path, "q")
    lines = (tmp_path / "q/real-0.csv").read_text().replace("x/0/3", "x/0/other")
    (tmp_path / "q/real-0.csv").write_text(lines)
    with refused("image 4: ", "rows of a table must be of the same images"):
        write_curve([other, whole])
