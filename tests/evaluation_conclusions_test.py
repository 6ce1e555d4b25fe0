"""What the table says it can resolve, and what it concludes, from given differences."""

import numpy as np
import pytest

from evaluation.conclusions import conclusion, resolution, told_apart
from evaluation.scores import Ranking
from evaluation.statistics import compare_rankings


def difference(value, half_width, error=0.01, **chains):
    return {
        "difference": value,
        "patients_low": value - half_width,
        "patients_high": value + half_width,
        "patients_se": error,
        "chains": chains,
    }


def pair(row, against, kind="baseline", auc=(0.02, 0.03), sensitivity=(0.05, 0.02)):
    return {
        "row": row,
        "against": against,
        "kind": kind,
        "auc": difference(*auc),
        "sensitivity_at_specificity": difference(*sensitivity),
    }


def row(name, **content):
    values = {"value": 0.8, "patients_low": 0.7, "patients_high": 0.9}
    metrics = {"auc": values, "sensitivity_at_specificity": values}
    mix = name.rpartition("/")[2]
    return {"name": name, "mix": mix, "constant_runs": [], **metrics, **content}


def table(rows, comparisons, num_patients=60):
    return {
        "settings": {"at_specificity": 0.9},
        "num_patients": num_patients,
        "rows": rows,
        "comparisons": comparisons,
    }


def test_resolution_is_the_difference_found_in_four_of_five_experiments():
    pairs = [
        pair("a", "b", auc=(0, 0, 0.001 * n), sensitivity=(0, 0, 0.01 * n))
        for n in (1, 2, 10)
    ]
    result = resolution(table([], pairs))
    # The median standard errors are 0.002 and 0.02; 1.960 + 0.842 times these.
    assert result["auc"] == pytest.approx(0.0056, abs=5e-5)
    assert result["sensitivity_at_specificity"] == pytest.approx(0.0560, abs=5e-5)
    assert "its 60 patients" in result["text"]
    assert "about 5.6 points or more (at 90 % specificity)" in result["text"]
    assert "in AUC of about 0.006 (80 % power" in result["text"]
    draws = np.random.default_rng(0).normal(result["auc"], 0.002, 100_000)
    found = np.abs(draws) > 1.96 * 0.002
    assert np.mean(found) == pytest.approx(0.8, abs=0.005)


def test_few_patients_resolve_nothing_whatever_their_standard_error():
    few = table([row("real+classic+unit")], [pair("real+classic+unit", "b")], 5)
    assert "With 5 patients this experiment cannot show any" in resolution(few)["text"]
    assert conclusion(few).count("5 patients are too few to tell") == 2
    assert "better" not in conclusion(few)


def test_nothing_compared_resolves_and_concludes_nothing():
    nothing = table([row("a")], [])
    assert resolution(nothing)["text"] == "" and resolution(nothing)["auc"] is None
    assert conclusion(nothing).startswith("No two rows are compared")


def test_conclusion_is_on_the_paper_s_mix_against_its_control():
    name = "scratch/real+classic+unit"
    pairs = [
        pair(name, "scratch/real+classic", auc=(0.5, 0.1)),
        pair(name, f"{name}-control", "control"),
        pair("scratch/real", "scratch/real+classic"),
    ]
    pairs[1]["auc"]["chains"] = {0: 0.03, 1: 0.01}
    assert conclusion(table([row("scratch/real"), row(name)], pairs)) == (
        "scratch/real+classic+unit has AUC 0.800 {0.700, 0.900}, +0.020 {-0.010,"
        " +0.050} against its control (by chain +0.030, +0.010): not told apart from"
        " none; sensitivity at 90 % specificity (in %) 80.00 {70.00, 90.00}, +5.00"
        " {+3.00, +7.00} against its control: better."
    )
    against_baseline = conclusion(table([row(name)], pairs[:1]))
    assert "+0.500 {+0.400, +0.600} against scratch/real+classic: better" in (
        against_baseline
    )


def test_conclusion_says_that_the_mix_has_no_result():
    dead = {"constant_runs": ["tumor"], "num_runs": 1}
    rows = [row("real+classic+unit", **dead)]
    expected = "real+classic+unit has no result: calls every image tumor."
    assert conclusion(table(rows, [])) == expected


def test_without_that_mix_the_conclusion_counts_all_differences():
    pairs = [pair("a", "b"), pair("c", "b", sensitivity=(-0.05, 0.01))]
    text = conclusion(table([row(name) for name in "abc"], pairs))
    assert "Of 2 differences" in text and "in AUC none;" in text
    assert "(in %) a better than b, c worse than b." in text


@pytest.mark.parametrize(
    "low, high, verdict",
    [
        (0.01, 0.02, "better"),
        (-0.02, -0.01, "worse"),
        (-0.01, 0.01, ""),
        (0.0, 0.02, ""),
        (1e-17, 0.02, ""),  # The rounding of a mean of runs is no gain.
        (None, None, ""),
    ],
)
def test_rows_are_told_apart_by_an_interval_without_0(low, high, verdict):
    assert told_apart({"patients_low": low, "patients_high": high}) == verdict


def test_differences_by_chain_are_of_the_chains_that_both_rows_have():
    drawn = np.array([0.5, 0.6, np.nan])
    runs, chains = np.array([0.5, 0.7, 0.9]), np.array([0, 0, 2])
    own = {"auc": Ranking(None, runs, chains, drawn)}
    other = {"auc": Ranking(None, np.array([0.5, 0.2]), np.array([0, 1]), drawn / 2)}
    result = compare_rankings(own, other)["auc"]
    assert result["difference"] == pytest.approx(0.7 - 0.35)
    assert result["chains"] == {0: pytest.approx(0.1)}
    assert result["patients_se"] == pytest.approx(0.05 / 2**0.5)
