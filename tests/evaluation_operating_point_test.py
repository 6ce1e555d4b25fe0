"""Sensitivity at a specificity, and draws of patients of folds, the slow way."""

import fractions

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from evaluation.bootstrap import PatientDraws, draw_patients, tumor_images_called

Fraction = fractions.Fraction

# 21 patients in three folds; scores have many ties; patient 4 has tumor images only.
DRAWS = np.random.default_rng(11)
OWNERS = DRAWS.integers(21, size=240)
LABELS = np.where(OWNERS == 4, 1, DRAWS.integers(2, size=240))
SCORES = [
    np.round(DRAWS.uniform(size=240) + 0.3 * LABELS + 0.2 * (OWNERS % 3), 1)
    for _ in range(2)
]


def sensitivity(labels, scores, specificity):
    labels, scores = np.array(labels), np.array(scores)
    owner, once = np.zeros(len(labels), int), np.ones([1, 1])
    called = tumor_images_called(labels, scores, owner, once, specificity)
    return called[0] / np.sum(labels == 1)


def upper_end(labels, scores, specificity):
    """Highest point of the ROC polyline at 1 - specificity, in exact fractions."""
    points = [(Fraction(0), Fraction(0))]
    numbers = [int(np.sum(labels == label)) for label in (0, 1)]
    for score in sorted(set(scores), reverse=True):
        called = scores >= score
        points.append(
            tuple(
                Fraction(int(np.sum(called & (labels == label))), number)
                for label, number in enumerate(numbers)
            )
        )
    x, heights = 1 - specificity, []
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if x0 <= x <= x1:
            heights.append(y1 if x0 == x1 else y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return max(heights)


@pytest.mark.parametrize(
    "specificity, expected",
    [
        (1.0, 1 / 4),  # Only 0.9 is above all non-tumor images.
        (0.9, 1 / 4 + 0.4 / 4),  # 0.4 of the one non-tumor image at 0.8 may be called.
        (0.75, 2 / 4),  # All of it: down to the next one, 0.5.
        (0.5, 2 / 4 + 0.5 / 4),  # Half of the two at 0.5, of one tumor image there.
        (0.25, 4 / 4),
        (0.0, 4 / 4),
    ],
)
def test_sensitivity_is_that_by_hand_whatever_the_ties(specificity, expected):
    labels = [1, 1, 1, 1, 0, 0, 0, 0]
    scores = [0.9, 0.8, 0.5, 0.3, 0.8, 0.5, 0.5, 0.2]
    assert sensitivity(labels, scores, specificity) == pytest.approx(expected)


def test_specificity_that_no_binary_number_is_allows_whole_images():
    # (1 - 0.9) * 10 is 0.9999999999999998: one image may be called, the highest.
    labels, scores = [0] * 10 + [1], [*np.arange(10) / 10, 0.85]
    assert sensitivity(labels, scores, 0.9) == 1.0
    assert sensitivity(labels, scores, 0.91) == 0.0


@pytest.mark.parametrize("specificity", ["0", "1/3", "1/2", "0.8", "0.9", "0.95", "1"])
def test_sensitivity_is_the_height_of_the_roc_curve(specificity):
    specificity = Fraction(specificity)
    for scores in SCORES:
        expected = upper_end(LABELS, scores, specificity)
        found = sensitivity(LABELS, scores, float(specificity))
        assert found == pytest.approx(float(expected))


def materialised(draws, number):
    """The positions of a draw's images, each as often as its patient was drawn."""
    return np.repeat(
        np.arange(len(draws.owner)), draws.counts[number][draws.owner].astype(int)
    )


def slow_sensitivity(labels, scores, fold, specificity):
    called = tumor = 0
    for one in np.unique(fold):
        own, own_scores = labels[fold == one], scores[fold == one]
        if len(set(own)) == 2:
            called += upper_end(own, own_scores, specificity) * int(own.sum())
        tumor += int(own.sum()) if 0 in own else 0
    return float(called / tumor)


def slow_area(labels, scores, fold):
    won = pairs = 0
    for one in np.unique(fold):
        own = labels[fold == one]
        if len(set(own)) == 2:
            number = own.sum() * (len(own) - own.sum())
            won += roc_auc_score(own, scores[fold == one]) * number
            pairs += number
    return won / pairs


@pytest.mark.parametrize("folds", [1, 3, 9])
@pytest.mark.parametrize("specificity", ["0.9", "2/3"])
def test_draws_are_those_of_images_taken_as_often_as_their_patients(folds, specificity):
    draws = draw_patients(OWNERS.astype(str), 5, seed=2, fold=OWNERS % folds)
    specificity = Fraction(specificity)
    sensitivities = draws.sensitivities(LABELS, SCORES, float(specificity))
    areas = draws.areas(LABELS, SCORES)
    for number in range(5):
        images = materialised(draws, number)
        labels, fold = LABELS[images], draws.fold[images]
        slow = [
            slow_sensitivity(labels, scores[images], fold, specificity)
            for scores in SCORES
        ]
        assert sensitivities[number] == pytest.approx(np.mean(slow))
        slow = [slow_area(labels, scores[images], fold) for scores in SCORES]
        assert areas[number] == pytest.approx(np.mean(slow))


def test_fold_without_non_tumor_images_is_not_in_a_draw():
    # Patients 0 and 1 in fold 0, 2 in fold 1; 1 alone has fold 0's non-tumor image.
    owner, fold = np.array([0, 1, 2, 2, 2]), np.array([0, 0, 1, 1, 1])
    labels = np.array([1, 0, 1, 1, 0])
    scores = np.array([0.9, 0.1, 0.8, 0.2, 0.5])
    counts = np.array([[1.0, 1, 1], [2, 0, 1], [3, 0, 0], [0, 2, 1]])
    draws = PatientDraws(owner, counts, fold)
    expected = [2 / 3, 1 / 2, np.nan, 1 / 2]
    found = draws.sensitivities(labels, [scores], 1.0)
    assert found == pytest.approx(expected, nan_ok=True)
    assert draws.areas(labels, [scores]) == pytest.approx(expected, nan_ok=True)


def repeated_experiment(draws):
    """Runs of two setups on 25 other patients: differences and standard errors."""
    patients = np.repeat([f"p{n}" for n in range(25)], 8)
    fold, labels = np.repeat(np.arange(25) % 3, 8), np.arange(200) % 2
    strange, taste = (np.repeat(draws.normal(size=25), 8) for _ in range(2))
    shared = labels * 2 + strange + draws.normal(size=200)
    runs = [shared + draws.normal(size=200) / 2, shared + taste / 2]
    taken = draw_patients(patients, 100, seed=0, fold=fold)
    once = PatientDraws(taken.owner, np.ones([1, 25]), fold)
    result = []
    for of in (taken, once):
        areas = [of.areas(labels, [run]) for run in runs]
        found = [of.sensitivities(labels, [run], 0.8) for run in runs]
        result.append([areas[0] - areas[1], found[0] - found[1]])
    return np.std(result[0], axis=1), np.ravel(result[1])


def test_standard_error_over_patients_is_the_spread_of_repeated_experiments():
    draws = np.random.default_rng(5)
    errors, differences = zip(*(repeated_experiment(draws) for _ in range(60)))
    spread = np.std(differences, axis=0)
    assert np.median(errors, axis=0) == pytest.approx(spread, rel=0.25)
