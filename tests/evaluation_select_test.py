"""The selection of a refiner's step, from hand-made predictions."""

import hashlib
import json

import pytest
from predicted import write_predictions
from refusals import refused

from evaluation.select import paths_by_step, write_selection
from evaluation.statistics import wilson_interval

LABELS = [1, 1, 1, 1, 0, 0, 0, 0]
PROBABILITIES = {  # By name, with this many of eight calls right.
    "all": LABELS,
    "six": [0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9],
    "five": [0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9],
    "dead": [0.9] * 8,
}


@pytest.fixture
def files(tmp_path):
    paths = {
        name: write_predictions(tmp_path / f"{name}.csv", values, LABELS)
        for name, values in PROBABILITIES.items()
    }
    other = write_predictions(tmp_path / "other.csv", LABELS, LABELS, ids=[*"abcdefgh"])
    return {**paths, "other": other}


@pytest.fixture
def select(files, tmp_path):
    """A function of candidates, (step, name of predictions); gives selection.json."""

    def run(*candidates, threshold=0.5):
        output = tmp_path / "unit" / "selection.json"
        texts = [f"{step}={files[name]}" for step, name in candidates]
        text = write_selection(texts, str(output), threshold=threshold, overwrite=False)
        return json.loads(output.read_text()), text

    return run


def test_step_of_the_highest_accuracy_is_selected(select):
    selection, text = select((20000, "five"), (50000, "all"), (7, "dead"), (100, "six"))
    assert selection["step"] == 50000
    dead, *others = selection["candidates"]
    accuracies = {c["step"]: c["accuracy"]["value"] for c in others}
    assert accuracies == {20000: 5 / 8, 50000: 1.0, 100: 6 / 8}
    assert dead["accuracy"] is None
    assert "| 7 | 1 | no result: calls every image tumor |  |" in text
    low, high = (100 * end for end in wilson_interval(5 / 8, 8))
    assert f"| 20000 | 1 | 62.50 [{low:.2f}, {high:.2f}] |  |" in text
    assert text.count("selected |") == 1 and "| 50000 | 1 | 100.00" in text


def test_of_equal_accuracies_the_fewest_steps_are_selected(select):
    selection, _ = select((100000, "six"), (50000, "six"), (20000, "five"))
    assert selection["step"] == 50000


def test_runs_of_one_step_count_by_their_mean(select):
    selection, _ = select((1, "all"), (1, "five"), (2, "six"))
    assert selection["step"] == 1
    assert selection["candidates"][0]["accuracy"]["runs"] == [1.0, 5 / 8]


def test_inputs_and_settings_are_named(select, files):
    selection, _ = select((1, "five"), (2, "six"), threshold=0.25)
    with open(files["six"], "rb") as file:
        assert (
            selection["inputs"][files["six"]] == hashlib.sha256(file.read()).hexdigest()
        )
    assert selection["settings"] == {
        "candidates": [f"1={files['five']}", f"2={files['six']}"],
        "threshold": 0.25,
    }
    assert selection["images"] == 8


@pytest.mark.parametrize("text", ["1", "1=", "=a.csv", "1.5=a.csv", "-1=a", "²=a.csv"])
def test_candidate_that_is_not_step_and_path_is_refused(text):
    with refused(f"--candidates={text}: ", "STEP=PATH"):
        paths_by_step([text])


@pytest.mark.parametrize(
    "candidates, message",
    [
        ([(1, "six"), (1, "six")], "--candidates: step 1 has one file twice"),
        ([(1, "five"), (2, "other")], "'a' with label 1, but"),
        ([(1, "dead"), (2, "dead")], "--candidates: "),  # None has learnt anything.
    ],
)
def test_candidates_that_cannot_be_compared_are_refused(select, candidates, message):
    with refused(message):
        select(*candidates)
