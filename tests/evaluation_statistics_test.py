"""The statistics of the table: against worked examples and other implementations."""

import numpy as np
import pytest
from predicted import LABELS, PROBABILITIES
from scipy import stats
from sklearn.metrics import roc_auc_score

from evaluation.bootstrap import (
    PatientDraws,
    draw_patients,
    percentile_interval,
)
from evaluation.paper import INITIALISATIONS, read_paper_table
from evaluation.predictions import Predictions, Run
from evaluation.scores import METRICS, images_per_metric, score_runs, share_right
from evaluation.statistics import compare, correct_for_many, wilson_interval


def predictions(labels, probabilities):
    ids = tuple(f"brats/p/{n}" for n in range(len(labels)))
    arrays = np.array(labels), np.array(probabilities)
    return Run([Predictions("", "", ids, ids, *arrays)])


def scores(labels, probabilities, protocol="full", threshold=0.5):
    images = images_per_metric(np.array(labels), protocol)
    draws = draw_patients([""] * len(labels), 100, seed=0)
    runs = [predictions(labels, probabilities)]
    return score_runs(runs, images, threshold, 0.9, draws)[0]


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


def test_scores_are_the_counts_by_hand():
    row = scores(LABELS, PROBABILITIES)
    assert row["accuracy"]["value"] == pytest.approx(8 / 10)
    assert row["sensitivity"]["value"] == pytest.approx(5 / 6)
    assert row["specificity"]["value"] == pytest.approx(3 / 4)
    # Of 24 pairs, the non-tumor image at 0.55 outranks the tumor images at 0.5 and 0.4.
    assert row["auc"]["value"] == pytest.approx(22 / 24)
    assert [row[m]["images"] for m in METRICS] == [10, 6, 4]
    row = scores(LABELS, PROBABILITIES, threshold=0.4)  # One image's probability.
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


@pytest.mark.parametrize("metric", METRICS)
def test_paper_protocol_explains_the_percentages_of_the_paper(metric):
    images = images_per_metric(np.array([0] * 1013 + [1] * 1232), "paper")
    halves = 2 * len(images[metric])  # Of two runs, each over these images.
    possible = np.round(np.arange(halves + 1) / halves, 4)
    rows = read_paper_table()["rows"]
    printed = [row[name][metric] for row in rows for name in INITIALISATIONS]
    exceptions = 1 if metric == "accuracy" else 0
    assert len(printed) == 20 and np.sum(~np.isin(printed, possible)) == exceptions


# Of ten patients with one to thirty images each; patient 3 has tumor images only.
DRAWS = np.random.default_rng(7)
OWNERS = DRAWS.integers(10, size=300)
MANY_LABELS = np.where(OWNERS == 3, 1, DRAWS.integers(2, size=300))
MANY_PROBABILITIES = np.round(DRAWS.uniform(size=300) * 0.6 + 0.4 * MANY_LABELS, 2)


def test_mean_of_a_draw_is_that_of_its_patients_images_taken_as_often():
    patients = [f"p{n}" for n in OWNERS]
    draws = draw_patients(patients, 20, seed=1)
    positions = np.flatnonzero(MANY_LABELS == 0)
    values = DRAWS.uniform(size=300)
    for mean, counts in zip(draws.means(values, positions), draws.counts):
        taken = [
            values[n]
            for n in positions
            for _ in range(int(counts[sorted(set(patients)).index(patients[n])]))
        ]
        assert mean == pytest.approx(np.mean(taken))
        assert counts.sum() == 10


def test_area_of_a_draw_is_scikit_learns_with_images_weighted():
    draws = draw_patients(OWNERS.astype(str), 20, seed=1)
    other = DRAWS.uniform(size=300)
    areas = draws.areas(MANY_LABELS, [MANY_PROBABILITIES, other])
    for area, counts in zip(areas, draws.counts):
        weights = counts[draws.owner]
        expected = [
            roc_auc_score(MANY_LABELS, run, sample_weight=weights)
            for run in (MANY_PROBABILITIES, other)
        ]
        assert area == pytest.approx(np.mean(expected))


def test_interval_over_patients_is_about_scipys():
    right = ((MANY_PROBABILITIES >= 0.5) == MANY_LABELS).astype(float)
    hits, images = np.bincount(OWNERS, right), np.bincount(OWNERS)
    expected = stats.bootstrap(
        (hits, images),
        lambda h, n, axis: h.sum(axis) / n.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=20000,
        random_state=3,
    ).confidence_interval
    draws = draw_patients(OWNERS.astype(str), 20000, seed=0)
    interval = percentile_interval(draws.means(right, np.arange(300)))
    assert interval["patients_low"] == pytest.approx(expected.low, abs=2e-3)
    assert interval["patients_high"] == pytest.approx(expected.high, abs=2e-3)


def test_interval_of_two_patients_is_from_the_one_to_the_other():
    patients = ["a"] * 4 + ["b"] * 2
    draws = draw_patients(patients, 1000, seed=0)
    right = np.array([1.0, 1.0, 1.0, 0.0, 1.0, 0.0])  # 3/4 of a, 1/2 of b.
    interval = percentile_interval(draws.means(right, np.arange(6)))
    assert interval == {"patients_low": 0.5, "patients_high": 0.75}
    same, other = (draw_patients(patients, 1000, seed).counts for seed in (0, 1))
    assert (draws.counts == same).all() and (draws.counts != other).any()
    # An image without a patient is a patient of its own.
    assert draw_patients(["a", "", "a", ""], 5, seed=0).num_patients == 3


def test_draws_without_an_image_of_the_kind_are_left_out():
    counts = np.array([[2.0, 0.0], [0.0, 2.0]])
    draws = PatientDraws(np.array([0, 0, 1]), counts, np.zeros(3, int))
    means = draws.means(np.array([1.0, 0.0, 1.0]), np.array([0, 1]))
    assert means[0] == 0.5 and np.isnan(means[1])
    areas = draws.areas(np.array([1, 0, 1]), [np.array([0.9, 0.1, 0.9])])
    assert areas[0] == 1.0 and np.isnan(areas[1])
    assert percentile_interval(means) == {"patients_low": 0.5, "patients_high": 0.5}
    nothing = percentile_interval(np.array([np.nan]))
    assert nothing == {"patients_low": None, "patients_high": None}


def compare_images(right, other_right, threshold=0.5):
    """`compare` of two setups; [runs][images] says which calls are right."""
    labels = [1] * len(right[0])
    runs, other_runs = (
        [predictions(labels, np.array(run, float)) for run in setup]
        for setup in (right, other_right)
    )
    shares = [share_right(own, threshold) for own in (runs, other_runs)]
    draws = draw_patients([""] * len(labels), 100, seed=0)
    return compare(*shares, {"accuracy": np.arange(len(labels))}, draws)["accuracy"]


@pytest.mark.parametrize(
    "better, worse, p_value",
    [(8, 2, 0.109375), (0, 5, 0.0625), (3, 3, 1.0), (0, 0, 1.0)]  # By hand.
    # Agresti, Categorical Data Analysis, table 10.1. The chi-squared statistic that is
    # printed there, 17.36, is of a p-value of 3.1e-5.
    + [(86, 150, 3.7e-5)],
)
def test_mcnemar_is_the_binomial_test_of_the_images_that_differ(better, worse, p_value):
    right = [1] * better + [0] * worse + [1, 1, 0]
    other = [0] * better + [1] * worse + [1, 1, 0]
    result = compare_images([right], [other])
    assert (result["better"], result["worse"]) == (better, worse)
    assert result["p_value"] == pytest.approx(p_value, rel=0.02)
    assert result["difference"] == pytest.approx((better - worse) / len(right))


def test_of_several_runs_the_setup_wins_an_image_that_is_right_in_more_of_them():
    runs = [[1, 1, 0, 1], [1, 0, 0, 1]]
    other = [[1, 0, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    # Shares: 1 to 1/3, 1/2 to 0, 0 to 1, 1 to 2/3.
    result = compare_images(runs, other)
    assert (result["better"], result["worse"]) == (3, 1)
    assert result["difference"] == pytest.approx((2 / 3 + 1 / 2 - 1 + 1 / 3) / 4)


def test_holm_is_the_worked_example():
    # https://en.wikipedia.org/wiki/Holm-Bonferroni_method: 4, 3, 2 and 1 times.
    comparisons = [
        {metric: {"p_value": p} for metric in METRICS}
        for p in (0.01, 0.04, 0.03, 0.005)
    ]
    correct_for_many(comparisons, METRICS)
    assert [c["accuracy"]["p_holm"] for c in comparisons] == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
