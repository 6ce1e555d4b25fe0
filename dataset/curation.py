"""Which slices are tumor, which are not, and which are neither, by rule.

Han et al. (2019) left out by hand: slices whose tag is wrong or unclear, and slices in
which the skull-stripping or the field of view took part of the brain. Each of their
reasons is a rule here. Areas are in mm2, of slices of 240 x 240 pixels of 1 mm.
"""

import dataclasses

import cv2
import numpy as np

from dataset.errors import UserError
from dataset.folders import read_csv

TUMOR, NON_TUMOR = "tumor", "non_tumor"
EXCLUDED, UNLABELED = "excluded", "unlabeled"
BORDERLINE = "borderline"  # Excluded, for a reason that begins so.
VERDICTS = (TUMOR, NON_TUMOR, EXCLUDED)
STRAIGHT_TOLERANCE = 1.0  # mm that an outline may leave a straight line by


@dataclasses.dataclass(frozen=True)
class Rules:
    """Thresholds; the flags of the same names explain each."""

    first_slice: int = 30
    last_slice: int = 130
    tumor_labels: tuple[int, ...] = (1, 2, 3, 4)
    min_tumor_area: float = 80
    non_tumor_margin: int = 1
    min_brain_area: float = 2880
    max_straight_edge: float = 60


class Judged:
    """What has a `verdict` and a `reason`: a slice of a volume, an image of its own."""

    @property
    def is_used(self):
        return self.verdict != EXCLUDED

    @property
    def group(self):
        """Its verdict, or `borderline` where it is excluded for an unsure label."""
        unsure = not self.is_used and self.reason.startswith(BORDERLINE)
        return BORDERLINE if unsure else self.verdict


@dataclasses.dataclass(frozen=True)
class Slice(Judged):
    """A slice's measures and what follows from them.

    Attributes:
      number: in the frame.
      brain_area: mm2.
      tumor_area: mm2 of the label codes that count, or None without a mask.
      straight_edge: length in mm of the longest straight piece of the brain's outline.
      verdict: tumor, non_tumor, excluded or unlabeled.
      reason: in words; the same words for the same rule.
    """

    number: int
    brain_area: int
    tumor_area: int | None
    straight_edge: float
    verdict: str
    reason: str


def judge_slices(brain, mask, rules, verdicts=None):
    """Measures every slice of a volume, and decides whether it is used.

    Args:
      brain: bool [slices, rows, columns].
      mask: uint8 [slices, rows, columns] of label codes, or None.
      rules: `Rules`.
      verdicts: a person's own, {slice number: (verdict, reason)}; they overrule.

    Returns:
      A `Slice` for each slice.
    """
    brain_areas = brain.sum((1, 2))
    edges = [straight_edge(outline) for outline in brain]
    tumor_areas = any_label = None
    if mask is not None:
        tumor_areas = np.isin(mask, rules.tumor_labels).sum((1, 2))
        any_label = (mask > 0).any((1, 2))
    slices = []
    for number, (brain_area, edge) in enumerate(zip(brain_areas, edges)):
        if not rules.first_slice <= number <= rules.last_slice:
            verdict, reason = EXCLUDED, "outside the range of slices"
        elif verdicts and number in verdicts:
            verdict, reason = verdicts[number]
        elif reason := _brain_fault(brain_area, edge, rules):
            verdict = EXCLUDED
        elif mask is None:
            verdict, reason = UNLABELED, "no mask"
        else:
            verdict, reason = _tumor_verdict(number, tumor_areas, any_label, rules)
        tumor_area = None if mask is None else int(tumor_areas[number])
        slices.append(Slice(number, int(brain_area), tumor_area, edge, verdict, reason))
    return slices


def _brain_fault(brain_area, edge, rules):
    """Why a slice cannot be used, whatever its label; empty if it can."""
    if brain_area < rules.min_brain_area:
        return "missing brain: area too small"
    if edge > rules.max_straight_edge:
        return "missing brain: straight edge"
    return ""


def _tumor_verdict(number, tumor_areas, any_label, rules):
    if tumor_areas[number] >= max(1, rules.min_tumor_area):
        return TUMOR, "tumor"
    if tumor_areas[number]:
        return EXCLUDED, "borderline: little tumor"
    if any_label[number]:
        return EXCLUDED, "borderline: label codes that do not count"
    first = max(0, number - rules.non_tumor_margin)
    if any_label[first : number + rules.non_tumor_margin + 1].any():
        return EXCLUDED, "borderline: tumor in a neighbour"
    return NON_TUMOR, "no tumor"


def straight_edge(brain):
    """Length of the longest straight piece of a slice's outline, in mm.

    Outlines of whole brains are round: a chord that stays within 1 mm of a curve of
    radius R mm is 2 sqrt(2 R) mm long, 34 mm for R = 140; flat sides make it 55 mm at
    most. A field of view that ends 10 mm inside such a curve leaves one of 100 mm.

    Args:
      brain: bool [rows, columns].
    """
    outlines, _ = cv2.findContours(
        brain.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    if not outlines:
        return 0.0
    outline = max(outlines, key=cv2.contourArea)
    corners = cv2.approxPolyDP(outline, STRAIGHT_TOLERANCE, closed=True)[:, 0]
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    return round(float(sides.max()), 1)


def read_verdicts(path):
    """Reads a person's verdicts, such as an edited `slices.csv`.

    Columns are `case` (or `patient`), `slice` (empty: all of the case's), and, where
    given, `verdict` (`excluded`, the default, `tumor` or `non_tumor`) and `reason`.

    Returns:
      {case name: {slice number, or None for all: (verdict, reason)}}.

    Raises:
      UserError: names the file, the line, what was seen and what is expected.
    """
    columns, lines = read_csv(path, "exclude_csv")
    if "slice" not in columns or not columns & {"case", "patient"}:
        raise UserError(
            f"--exclude_csv={path}: columns {', '.join(sorted(columns))};"
            " expected case and slice, and verdict and reason if you like."
        )
    verdicts = {}
    for where, row in lines:
        number = (row["slice"] or "").strip()
        if number and not (number.isdigit() and int(number) < 155):
            raise UserError(
                f"{where}: slice {number!r}, expected 0 to 154, or nothing for all."
            )
        verdict = (row.get("verdict") or EXCLUDED).strip()
        if verdict not in VERDICTS:
            raise UserError(
                f"{where}: verdict {verdict!r}, expected {', '.join(VERDICTS)}."
            )
        own = verdicts.setdefault(row.get("case") or row.get("patient"), {})
        reason = row.get("reason") or "by a person"
        own[int(number) if number else None] = (verdict, reason)
    return verdicts
