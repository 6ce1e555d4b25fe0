"""From cases of any kind to shard sets split by patient: what all sources share.

A source gives cases and a reader that makes a `cases.ReadCase` of each.
"""

import collections
import dataclasses
import os
import shutil
import sys

import tqdm

from dataset import slice_sets, splits
from dataset.curation import BORDERLINE, NON_TUMOR, TUMOR, UNLABELED, Slice
from dataset.errors import UserError
from dataset.file_systems import disk_errors
from dataset.folders import claim_folder, release_folder, write_json
from dataset.shards import PROJECT_VERSION
from dataset.workers import parallel_map

REPORT, SLICES, CASES = "report.json", "slices.csv", "unfinished_cases"
OWN = {REPORT, SLICES, CASES, UNLABELED, BORDERLINE, *splits.PARTS}
USED = (TUMOR, NON_TUMOR, UNLABELED)  # Groups of slices that become images.


@dataclasses.dataclass(frozen=True)
class Source:
    """What is particular to where the cases come from.

    Attributes:
      thing: what can be bad, a `case` or a `file`.
      case: what is read at once, a `case` or a `patient`.
      slice: what becomes an image, a `slice` or an `image`.
      slice_kind: dataclass of the judged slices.
      later_flags: (name, default) of flags that were added after the first release: a
        run without them stays the same, and so does the manifest's digest.
    """

    thing: str = "case"
    case: str = "case"
    slice: str = "slice"
    slice_kind: type = Slice
    later_flags: tuple = ()


@dataclasses.dataclass(frozen=True)
class Gathered:
    """What was made of all that was read.

    Attributes:
      cases: to be divided into parts.
      listed: (case name, slices), used or not, for the table.
      faults: {what cannot be used: why}.
      num_good: the number of things that can be.
      found: a dict, more for the report.
      notes: what a person should know of that, in sentences.
    """

    cases: list
    listed: list
    faults: dict
    num_good: int
    found: dict = dataclasses.field(default_factory=dict)
    notes: tuple = ()


def check_division(options):
    """Refuses flags of the division that no patients would fit."""
    splits.parse_split(options["split"])
    if options["fold"] >= options["num_folds"]:
        raise UserError(
            f"--fold={options['fold']}: expected less than"
            f" --num_folds={options['num_folds']}; folds are counted from 0."
        )
    if not options["training_share"]:
        raise UserError("--training_share=0: expected more than 0, at most 1.")


def cases_folder(options):
    """Where readers keep what they have read."""
    return os.path.join(options["output_dir"], CASES)


def take(settings_class, options):
    """Those of some options that a dataclass has, as that."""
    names = [field.name for field in dataclasses.fields(settings_class)]
    return settings_class(**{name: options[name] for name in names})


def prepare_sets(binary, cases, reader, options, source, gather):
    """Reads, curates, splits and writes all cases.

    A run that was stopped continues where it was. What cannot be used is all listed
    before it ends the run.

    Args:
      binary: name of the program.
      cases: a list of what `reader` reads.
      reader: callable in other processes.
      options: all flags of the program.
      source: `Source`.
      gather: function of the list of all that was read to what was `Gathered`.
    """
    output_dir, settings = options["output_dir"], options
    # As those were recorded before there were these flags.
    later = {**dict(source.later_flags), "training_share": 1.0}
    if settings["num_folds"] == 1:
        later |= {name: settings[name] for name in ("num_folds", "fold")}
    settings = {k: v for k, v in settings.items() if k not in later or v != later[k]}
    job = {"binary": binary, "project_version": PROJECT_VERSION, "settings": settings}
    own = {"is_own": OWN.__contains__, "overwrite": options["overwrite"]}
    if claim_folder(output_dir, job, final=REPORT, **own):
        print(f"{output_dir}: finished before, nothing to do.")
        return
    gathered = gather(read_cases(binary, cases, reader, options, source))
    report = {**job, f"bad_{source.thing}s": gathered.faults, **gathered.found}
    report_path = os.path.join(output_dir, REPORT)
    check_faults(gathered, options, source, report_path, report)
    for note in gathered.notes:
        print(note)
    cases, empty = without_images(gathered.cases)
    parts, unused, division = divide(cases, options)
    keep_borderline = options.get("keep_borderline", False)
    sets = slice_sets.slice_sets(parts, keep_borderline, empty)
    slice_sets.write_slice_sets(sets, output_dir, binary=binary, settings=settings)
    reasons = slice_sets.write_slices_csv(
        os.path.join(output_dir, SLICES),
        gathered.listed,
        {**parts, splits.UNUSED: unused},
        source.slice_kind,
    )
    # What reading has found comes last: it knows copies that the division does not see.
    report |= {**division, **gathered.found, "slices": reasons}
    report[f"{source.case}s_without_images"] = [case.case.name for case in empty]
    report["parts"] = slice_sets.summary(parts, sets)
    write_json(report_path, report)
    shutil.rmtree(cases_folder(options))
    release_folder(output_dir)
    print_report(report, output_dir, source, division)


def without_images(cases):
    """Cases of which a slice is used, and those whose slices were all left out.

    The latter belong to no part, where a patient of theirs would count without showing.
    If there are no others, all stay, for `slice_sets` to say so.
    """
    used = [bool(set(case.group_counts()) & set(USED)) for case in cases]
    if not any(used):
        return cases, []
    kept = [case for case, has_images in zip(cases, used) if has_images]
    return kept, [case for case, has_images in zip(cases, used) if not has_images]


def read_cases(binary, cases, reader, options, source):
    """Reads cases in several processes; one `ReadCase` each, in their order."""
    with disk_errors(cases_folder(options)):
        os.makedirs(cases_folder(options), exist_ok=True)
    read = parallel_map(reader, cases, options["num_workers"])
    return list(tqdm.tqdm(read, binary, len(cases), unit=source.case))


def gather_cases(read):
    """Gathers `ReadCase`s: those that could be read are listed and divided."""
    good = [case for case in read if not case.fault]
    faults = {case.case.name: case.fault for case in read if case.fault}
    listed = ((case.case.name, case.slices()) for case in good)
    return Gathered(good, listed, faults, len(good))


def check_faults(gathered, options, source, report_path, report):
    """Lists what cannot be used; ends the run unless that may be skipped.

    Only then is the report written here; otherwise it is, when the run has finished.
    """
    faults, num_good = gathered.faults, gathered.num_good
    flag = f"skip_bad_{source.thing}s"
    for name, fault in faults.items():
        print(f"bad {source.thing} {name}: {fault}", file=sys.stderr)
    if faults and not (options[flag] and num_good):
        write_json(report_path, report)
        hint = f", or leave them out with --{flag}." if num_good else "."
        raise UserError(
            f"{len(faults)} of {len(faults) + num_good} {source.thing}s cannot be used;"
            f" they are listed above and in {report_path}. Put them right and run the"
            f" same command again{hint}"
        )


def divide(cases, options):
    """Who goes where, and what was found.

    Returns:
      The parts, {part: [(`ReadCase`, patient), ...]}, the same of the training patients
      that --training_share leaves out, a list, and a dict for the report.
    """
    if options["unlabeled"]:
        return {UNLABELED: [(case, case.case.patient) for case in cases]}, [], {}
    names = ("split", "duplicate_correlation", "seed", "num_folds", "fold")
    names += ("training_share",)
    division = splits.divide(cases, **{name: options[name] for name in names})
    found = {name: options[name] for name in ("num_folds", "fold")}
    found |= {n: getattr(division, n) for n in ("copies", "similar", "patients")}
    if (share := options["training_share"]) < 1:
        check_share(share, division)
        unused = sorted({patient for _, patient in division.unused})
        found |= {"training_share": share, "unused_patients": unused}
    return division.parts, division.unused, found


def check_share(share, division):
    """Refuses a share of the training patients that lacks a class."""
    used = division.parts.get("train", [])
    counts = sum((case.group_counts() for case, _ in used), collections.Counter())
    for group in (TUMOR, NON_TUMOR):
        if not counts[group]:
            raise UserError(
                f"--training_share={share:g}: no {group} images of"
                f" {', '.join(sorted({patient for _, patient in used}))}, the training"
                " patients that are left; expected a larger share, or another --seed."
            )


def print_report(report, output_dir, source, division):
    for name in report[f"{source.case}s_without_images"]:
        print(f"{name}: all its {source.slice}s were left out; it is in no part.")
    for copy, original in division.get("copies", {}).items():
        print(f"{copy} has the same images as {original} and was left out.")
    for names in division.get("patients", {}).values():
        print(f"One patient, kept in one part: {', '.join(names)}.")
    if unused := division.get("unused_patients"):
        print(f"--training_share: {len(unused)} training patients are not used.")
    for verdict, reasons in report["slices"].items():
        for reason, count in reasons.items():
            print(f"{count:7d} {source.slice}s {verdict}: {reason}")
    for part, content in report["parts"].items():
        counts = ", ".join(f"{n} {k}" for k, n in content.items() if k != "patients")
        print(f"{output_dir}/{part}: {len(content['patients'])} patients, {counts}.")
