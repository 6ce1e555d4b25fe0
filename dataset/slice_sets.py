"""Writes the slices of cases as shard sets, and all their verdicts as a table."""

import collections
import dataclasses
import functools
import hashlib
import os

import tqdm

from dataset.curation import BORDERLINE, NON_TUMOR, TUMOR, UNLABELED
from dataset.errors import UserError
from dataset.folders import write_csv
from dataset.shard_writer import write_shard_set


@dataclasses.dataclass(frozen=True)
class SliceSet:
    """Slices of one `Slice.group`, in the order of the cases.

    Attributes:
      name: `train/tumor`.
      group: of all its slices.
      cases: [(`ReadCase`, patient), ...].
    """

    name: str
    group: str
    cases: list

    @functools.cached_property
    def counts(self):
        """Number of slices of each case."""
        return [case.group_counts()[self.group] for case, _ in self.cases]

    def __len__(self):
        return sum(self.counts)

    def records(self, start, stop):
        """The `Record`s number start to stop - 1; reads one case at a time."""
        before = 0
        for (case, patient), count in zip(self.cases, self.counts):
            if before < stop and start < before + count:
                for number, record in enumerate(case.records(self.group, patient)):
                    if start <= before + number < stop:
                        yield record
            before += count


def slice_sets(parts, keep_borderline=False, others=()):
    """The `SliceSet`s of some parts.

    Args:
      parts: {part: [(`ReadCase`, patient), ...]}.
      keep_borderline: whether to add one of all parts' borderline slices, if any.
      others: `ReadCase`s in no part, whose borderline slices belong to it, too.

    Raises:
      UserError: one of them would be empty.
    """
    sets = [
        SliceSet(part if part == UNLABELED else f"{part}/{group}", group, cases)
        for part, cases in parts.items()
        for group in ((UNLABELED,) if part == UNLABELED else (TUMOR, NON_TUMOR))
    ]
    empty = [s.name for s in sets if not len(s)]
    if empty:
        patients = [len({patient for _, patient in s.cases}) for s in sets]
        found = ", ".join(
            f"{s.name}: {len(s)} of {count} patients"
            for s, count in zip(sets, patients)
        )
        raise UserError(
            f"no images for {', '.join(empty)} ({found}); give another --split or"
            " --seed, or looser rules."
        )
    members = sum(parts.values(), [(case, case.case.name) for case in others])
    borderline = SliceSet(BORDERLINE, BORDERLINE, members)
    return [*sets, borderline] if keep_borderline and len(borderline) else sets


def write_slice_sets(sets, output_dir, *, binary, settings):
    """Writes each `SliceSet` as a shard set; continues where a stopped run was."""
    for s in sets:
        keys = sorted(case.key() for case, _ in s.cases)
        digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        bar = {"total": len(s), "desc": s.name, "unit": "img"}
        write_shard_set(
            os.path.join(output_dir, s.name),
            s.records,
            len(s),
            binary=binary,
            settings={**settings, "cases_sha256": digest},
            overwrite=True,  # Nothing but sets that this job left unfinished.
            progress=functools.partial(tqdm.tqdm, **bar),
        )


def write_slices_csv(path, listed, parts, kind):
    """Writes every slice of every case with its measures, verdict, reason and part.

    Args:
      path: of the table.
      listed: (case name, judged slices) of each case.
      parts: {part: [(`ReadCase`, patient), ...]}.
      kind: dataclass of the slices.

    Returns:
      {verdict: {reason: number of slices}}.
    """
    part_of = {
        case.case.name: (patient, part)
        for part, members in parts.items()
        for case, patient in members
    }
    measures = [field.name for field in dataclasses.fields(kind)]
    columns = ["slice" if name == "number" else name for name in measures]
    rows = []
    reasons = collections.defaultdict(collections.Counter)
    for case, slices in listed:
        patient, part = part_of.get(case, (case, "none: a copy"))
        for judged in slices:
            row = [getattr(judged, name) for name in measures]
            rows.append([patient, case, *row, part if judged.is_used else ""])
            reasons[judged.verdict][judged.reason] += 1
    write_csv(path, ["patient", "case", *columns, "part"], rows)
    return {verdict: dict(counts) for verdict, counts in reasons.items()}


def summary(parts, sets):
    """{part: patients and number of slices of each verdict}, for people to read."""
    return {
        part: {
            "patients": sorted({patient for _, patient in members}),
            **{s.group: len(s) for s in sets if s.name.split("/")[0] == part},
        }
        for part, members in parts.items()
    }
