"""Table 2 against the paper's counts, other implementations, and sums by hand."""

import json

import numpy as np
import pytest
from refusals import refused
from scipy.stats import binom
from shard_sets import read_table
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from evaluation import turing_scores as scores
from evaluation import turing_table
from evaluation.turing_scores import PAPER_TABLE

LABELS = [True, False]


def randomly(seed, count=200):
    return np.random.default_rng(seed).uniform(size=count) < 0.5


def test_papers_own_counts_give_its_percentages():
    real = scores.score(PAPER_TABLE["real"])
    tumor = scores.score(PAPER_TABLE["tumor"])
    assert (real["value"], real["images"]) == (0.795, 200)
    assert (tumor["value"], tumor["images"]) == (0.875, 200)
    for i in (0, 1):
        for j in (0, 1):
            parts = PAPER_TABLE["tumor_by_source"].values()
            assert sum(p[i][j] for p in parts) == PAPER_TABLE["tumor"][i][j]


def test_confusion_matrix_is_that_of_scikit_learn():
    truth, said = randomly(0), randomly(1)
    expected = confusion_matrix(truth, said, labels=LABELS).tolist()
    assert scores.confusion(truth, said) == expected


@pytest.mark.parametrize("right", [0, 31, 50, 70, 100])
def test_p_value_adds_all_outcomes_as_unlikely_as_the_observed(right):
    chances = binom.pmf(np.arange(101), 100, 0.5)
    expected = chances[chances <= chances[right] * (1 + 1e-9)].sum()
    result = scores.score([[right, 100 - right], [0, 0]])
    assert result["p_value"] == pytest.approx(expected)
    assert result["low"] <= right / 100 <= result["high"]


def test_cohens_kappa_is_that_of_scikit_learn():
    first = {"real": randomly(0), "tumor": randomly(1)}
    second = {q: np.where(randomly(2), a, randomly(3)) for q, a in first.items()}
    kappas = scores.agreement([first, second])
    for question, kappa in kappas.items():
        expected = cohen_kappa_score(first[question], second[question])
        assert kappa == {"kappa": pytest.approx(expected), "method": "Cohen"}


def test_fleiss_kappa_by_hand():
    # Three readers, four images: yes from 3, 2, 1 and 0 of them. Pairs that agree:
    # 1, 1/3, 1/3, 1 of all, in the mean 2/3; by chance 1/4 + 1/4. (2/3 - 1/2) / (1/2).
    answers = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], bool)
    readers = [{"real": row, "tumor": row} for row in answers]
    kappa = scores.agreement(readers)["real"]
    assert kappa == {"kappa": pytest.approx(1 / 3), "method": "Fleiss"}
    same = {"real": np.ones(5, bool), "tumor": np.ones(5, bool)}
    assert scores.agreement([same]) is None
    for count in (2, 3):
        assert scores.agreement([same] * count)["real"]["kappa"] is None


def test_readers_of_the_same_images_do_not_multiply_them():
    truth = {"real": randomly(0), "tumor": randomly(1)}
    said = {"real": randomly(2), "tumor": randomly(3)}
    alone = scores.score_reader(truth, said)
    pooled = scores.pool(truth, [said, said, said])
    for question in ("real", "tumor"):
        for key in ("value", "low", "high", "p_value", "images"):
            assert pooled[question][key] == pytest.approx(alone[question][key])
        counts = np.multiply(3, alone[question]["confusion"]).tolist()
        assert pooled[question]["confusion"] == counts


def test_pooled_p_value_leaves_out_ties():
    truth = dict.fromkeys(("real", "tumor"), np.ones(9, bool))
    first = np.arange(9) < 8  # Right, but for the last image.
    second = np.arange(9) < 6
    readers = [dict.fromkeys(("real", "tumor"), answers) for answers in (first, second)]
    # Six images both right, two ties, one both wrong: 6 of 7, two-sided 16 / 128.
    pooled = scores.pool(truth, readers)["real"]
    assert pooled["p_value"] == pytest.approx(0.125)
    assert pooled["value"] == pytest.approx(14 / 18)


@pytest.fixture
def write_test(tmp_path):
    """Writes a test of eight images with the answers of some readers."""

    def write(readers, name="test", id_prefix="image"):
        folder = tmp_path / name
        folder.mkdir()
        images = [
            {
                "source": source,
                "label": label,
                "id": f"{id_prefix}/{source}/{label}/{n}",
            }
            for source in ("real", "synthetic")
            for label in (1, 0)
            for n in range(2)
        ]
        (folder / "test.json").write_text(json.dumps({"images": images}))
        entries = [
            {"reader": r, "image": i, "real": real, "tumor": tumor, "seconds": seconds}
            for r, answers in readers.items()
            for i, real, tumor, seconds in answers
        ]
        lines = [json.dumps({"time": "now", **entry}) + "\n" for entry in entries]
        (folder / "answers.jsonl").write_text("".join(lines))
        return str(folder)

    return write


TRUTH = [(True, True)] * 2 + [(True, False)] * 2 + [(False, True)] * 2
TRUTH += [(False, False)] * 2


def answers(wrong_real=(), wrong_tumor=(), seconds=2.0, count=8):
    return [
        (n, real != (n in wrong_real), tumor != (n in wrong_tumor), seconds)
        for n, (real, tumor) in enumerate(TRUTH[:count])
    ]


def test_table_has_every_reader_the_pool_and_the_paper(write_test, tmp_path):
    readers = {
        "A|B": answers(wrong_real=[0, 5, 6], wrong_tumor=[0, 4]),
        "C": answers(seconds=3.0),
        "half": answers(count=4),
    }
    output = tmp_path / "table"
    folder = write_test(readers)
    text = turing_table.write_table([folder], str(output), overwrite=False)
    lines = text.splitlines()
    row = next(line for line in lines if line.startswith(r"| A\|B"))
    assert row.startswith(
        r"| A\|B | 62.5 [30.6, 86.3] | 0.7266 | 3 | 1 | 2 | 2 | 2.0 |"
    )
    tumor_row = [line for line in lines if line.startswith(r"| A\|B")][1]
    assert "| 2 | 2 (R: 1, S: 1) | 0 | 4 |" in tumor_row
    assert "| Han et al. (2019) | 79.5 [73.4, 84.5] |" in text
    assert (
        "| 87.5 [82.2, 91.4] | < 0.0001 | 77 | 23 (R: 11, S: 12) | 2 (S: 2) |" in text
    )
    assert "Cohen's kappa 0.250" in text
    assert "Left out: half, 4 images answered." in text
    content = json.loads((output / "turing.json").read_text())
    assert content["pooled"]["real"]["value"] == pytest.approx(13 / 16)
    assert content["readers"]["C"]["median_seconds"] == 3.0
    assert sorted(content["inputs"]) == [
        f"{folder}/answers.jsonl",
        f"{folder}/test.json",
    ]
    rows = read_table(output / "turing.csv")
    assert len(rows) == 2 * 4
    assert float(rows[0]["accuracy"]) == 0.625


def test_last_answer_counts_times_add_up_and_copies_are_put_together(
    write_test, tmp_path
):
    own = answers(wrong_real=range(8)) + answers()
    folders = [write_test({"A": own}, "a"), write_test({"B": answers()}, "b")]
    content = {}
    for name, given in (("one", folders[:1]), ("both", folders)):
        turing_table.write_table(given, str(tmp_path / name), overwrite=False)
        content[name] = json.loads((tmp_path / name / "turing.json").read_text())
    reader = content["one"]["readers"]["A"]
    assert reader["real"]["value"] == 1 and reader["median_seconds"] == 4.0
    assert content["one"]["pooled"] is None and content["one"]["agreement"] is None
    assert sorted(content["both"]["readers"]) == ["A", "B"]


@pytest.mark.parametrize(
    "tests, parts",
    [
        ([{}], ["--test_dirs=", "no test.json and answers.jsonl"]),
        ([{"readers": {"A": answers(count=7)}}], ["all 8 images; {'A': 7}"]),
        ([{"readers": {"A": answers()}}] * 2, ["--test_dirs: 'A' is in "]),
        (
            [{"readers": {"A": answers()}}, {"readers": {}, "id_prefix": "x"}],
            ["1 is not of the same images as "],
        ),
    ],
)
def test_tests_that_do_not_fit_are_refused(write_test, tmp_path, tests, parts):
    folders = [
        write_test(name=str(n), **test) if test else str(tmp_path)
        for n, test in enumerate(tests)
    ]
    with refused(*parts):
        turing_table.write_table(folders, str(tmp_path), overwrite=False)


@pytest.mark.parametrize(
    "line",
    [
        '{"reader": "A", "image": 8, "real": true, "tumor": true, "seconds": 1}',
        '{"reader": "A", "image": 0, "real": "x", "tumor": true, "seconds": 1}',
        '{"reader": "A", "image": 0, "real": [], "tumor": true, "seconds": 1}',
        '{"reader": "A", "image": 0, "real": true, "tumor": true, "seconds": "x"}',
        '{"reader": "A"}',
        "[]",
    ],
)
def test_damaged_answer_is_named(write_test, tmp_path, line):
    folder = write_test({"A": answers()})
    with open(f"{folder}/answers.jsonl", "a") as file:
        file.write(line + "\n")
    with refused("answers.jsonl, line 9: "):
        turing_table.write_table([folder], str(tmp_path), overwrite=False)
