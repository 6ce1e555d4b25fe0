"""Curation by rule: each rule on a volume made for it."""

import cv2
import numpy as np
import pytest

from dataset.curation import Rules, judge_slices, read_verdicts, straight_edge
from dataset.errors import UserError

RULES = Rules(first_slice=1, last_slice=10, min_tumor_area=80, min_brain_area=2880)


def disc(radius, row=120, column=120, size=240):
    rows, columns = np.ogrid[:size, :size]
    return (rows - row) ** 2 + (columns - column) ** 2 < radius**2


@pytest.fixture
def brain():
    return np.repeat(disc(70)[None], 12, axis=0)


def verdicts(brain, mask, rules=RULES, own=None):
    return [s.verdict for s in judge_slices(brain, mask, rules, own)]


def test_tumor_neighbours_and_the_rest_are_told_apart(brain):
    mask = np.zeros(brain.shape, np.uint8)
    mask[5, :8, :10] = 4  # 80 mm2
    mask[6, :8, :9] = 1  # 72 mm2
    slices = judge_slices(brain, mask, RULES)
    assert [s.verdict for s in slices] == (
        ["excluded", *["non_tumor"] * 3]
        + ["excluded", "tumor", "excluded", "excluded"]
        + [*["non_tumor"] * 3, "excluded"]
    )
    reasons = [slices[n].reason for n in (0, 4, 5, 6, 7)]
    assert reasons == [
        "outside the range of slices",
        "borderline: tumor in a neighbour",
        "tumor",
        "borderline: little tumor",
        "borderline: tumor in a neighbour",
    ]
    assert (slices[5].tumor_area, slices[5].number) == (80, 5)
    assert slices[5].brain_area == disc(70).sum()


def test_margin_says_how_many_neighbours_count(brain):
    mask = np.zeros(brain.shape, np.uint8)
    mask[5, :20, :20] = 1
    for margin, left in ((0, 9), (1, 7), (3, 3)):
        rules = Rules(first_slice=1, last_slice=10, non_tumor_margin=margin)
        assert verdicts(brain, mask, rules).count("non_tumor") == left


def test_codes_that_do_not_count_make_neither_class(brain):
    mask = np.zeros(brain.shape, np.uint8)
    mask[5, :20, :20] = 2
    rules = Rules(first_slice=1, last_slice=10, tumor_labels=(1, 4))
    five = judge_slices(brain, mask, rules)[5]
    assert (five.verdict, five.tumor_area) == ("excluded", 0)
    assert five.reason == "borderline: label codes that do not count"


def test_little_brain_is_missing_brain(brain):
    brain[3] = disc(30)  # 2,821 mm2
    three = judge_slices(brain, None, RULES)[3]
    assert three.reason == "missing brain: area too small"


@pytest.mark.parametrize("angle", [0, 30, 45, 77])
def test_field_of_view_that_ends_in_the_brain_is_seen(brain, angle):
    turn = cv2.getRotationMatrix2D((119.5, 119.5), angle, 1)
    whole = disc(70).astype(np.uint8)
    whole[:60] = 0  # 10 mm of 70
    cut = cv2.warpAffine(whole, turn, (240, 240), flags=cv2.INTER_NEAREST) > 0
    assert straight_edge(cut) == pytest.approx(2 * (70**2 - 60**2) ** 0.5, abs=6)
    brain[4] = cut
    four = judge_slices(brain, None, RULES)[4]
    assert four.reason == "missing brain: straight edge"


def test_whole_brains_have_no_straight_edge():
    rows, columns = np.ogrid[:240, :240]
    for half_height, half_width in ((87, 68), (60, 55), (95, 75)):
        ellipse = ((rows - 120) / half_height) ** 2 + (
            (columns - 120) / half_width
        ) ** 2
        assert straight_edge(ellipse < 1) < 45
    assert straight_edge(np.zeros([240, 240], bool)) == 0


def test_without_mask_slices_are_unlabeled(brain):
    assert verdicts(brain, None) == ["excluded", *["unlabeled"] * 10, "excluded"]


def test_person_overrules_the_rules_but_not_the_range(brain):
    mask = np.zeros(brain.shape, np.uint8)
    own = {n: ("tumor", "seen") for n in (0, 2)} | {3: ("excluded", "blurred")}
    slices = judge_slices(brain, mask, RULES, own)
    assert [s.verdict for s in slices[:4]] == [
        "excluded",
        "non_tumor",
        "tumor",
        "excluded",
    ]
    assert slices[3].reason == "blurred"


def test_verdicts_are_read_from_a_table(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(
        "case,slice,verdict,reason\na,30,,\na,31,tumor,small but there\nb,,excluded,\n"
    )
    assert read_verdicts(path) == {
        "a": {30: ("excluded", "by a person"), 31: ("tumor", "small but there")},
        "b": {None: ("excluded", "by a person")},
    }


@pytest.mark.parametrize(
    "text, message",
    [
        ("name,slice\na,3\n", "columns name, slice; expected case and slice"),
        ("case,slice\na,3\na,155\n", "line 3: slice '155', expected 0 to 154"),
        ("case,slice\na,x\n", "line 2: slice 'x', expected"),
        (
            "case,slice,verdict\na,3,maybe\n",
            "verdict 'maybe', expected tumor, non_tumor",
        ),
        ("", "columns ; expected"),
        (b"case,slice\n\xff\xfe\x00,3\n", "cannot be read"),
    ],
)
def test_table_of_another_form_is_refused(tmp_path, text, message):
    path = tmp_path / "own.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message):
        read_verdicts(path)
    with pytest.raises(UserError, match="nowhere.csv: cannot be read"):
        read_verdicts(tmp_path / "nowhere.csv")
