"""Finds the same image in several files: once is enough, and its patients are one."""

import collections
import dataclasses

from dataset.curation import EXCLUDED
from dataset.patient_images import CONTRADICTION, COPY
from dataset.splits import group_cases

MAX_SHOWN = 20


def find_copies(patients):
    """Leaves out the second and later of images with the same pixels.

    Of images with the same pixels and different labels, all are left out.

    Args:
      patients: `ReadPatient`s.

    Returns:
      The `ReadPatient`s, copies judged as such, those with an image in common under one
      `patient`; and what is the same among them, a dict of `copies`, {file: the file
      that it is a copy of}, `contradictions`, lists of files of both labels, and
      `shared`, (patient, patient, file, file) of those with an image in common.
    """
    by_digest = collections.defaultdict(list)
    for number, patient in enumerate(patients):
        for judged, digest in zip(patient.judged, patient.digests):
            if digest:
                by_digest[digest].append((number, judged))
    new, copies, contradictions, pairs = {}, {}, [], {}
    for same in by_digest.values():
        (first, original), *others = same
        for number, judged in others:
            if number != first:
                pairs.setdefault((first, number), (original.file, judged.file))
        files = [judged.file for _, judged in same if judged.is_used]
        if len({judged.verdict for _, judged in same if judged.is_used}) > 1:
            contradictions.append(files)
            for file in files:
                rest = ", ".join(other for other in files if other != file)
                new[file] = (CONTRADICTION, f"as {rest}")
        else:
            for file in files[1:]:
                copies[file] = files[0]
                new[file] = (COPY, f"of {files[0]}")
    names = [patient.case.name for patient in patients]
    groups = group_cases(names, list(pairs))
    kept_with = {i: names[group[0]] for group in groups for i in group}
    shared = [(names[i], names[j], *files) for (i, j), files in pairs.items()]
    return [_judge_again(p, new, kept_with[i]) for i, p in enumerate(patients)], {
        "copies": copies,
        "contradictions": contradictions,
        "shared": shared,
    }


def _judge_again(read, new, patient):
    """A `ReadPatient` with some files left out, {file: (reason, detail)}."""
    judged = []
    for image in read.judged:
        if image.file in new:
            reason, detail = new[image.file]
            changes = {"verdict": EXCLUDED, "reason": reason, "detail": detail}
            image = dataclasses.replace(image, **changes)
        judged.append(image)
    case = dataclasses.replace(read.case, patient=patient)
    return dataclasses.replace(read, case=case, judged=tuple(judged))


def describe(copies, contradictions, shared):
    """What `find_copies` found, in sentences; of many of a kind, the first."""
    kinds = (
        [
            f"{copy} has the same pixels as {original} and was left out."
            for copy, original in copies.items()
        ],
        [
            f"{', '.join(files)}: the same pixels with both labels; all left out."
            for files in contradictions
        ],
        [
            f"{first} and {second} share an image: {file} is {other}."
            for first, second, file, other in shared
        ],
    )
    for lines in kinds:
        yield from lines[:MAX_SHOWN]
        if len(lines) > MAX_SHOWN:
            yield f"... and {len(lines) - MAX_SHOWN} more like this."
