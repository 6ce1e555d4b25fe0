"""From cases of any kind to shard sets split by patient: what all sources share.

A source gives cases and a reader that makes a `cases.ReadCase`, or something that takes
its place, of each.
"""

import dataclasses
import os
import shutil
import sys

import tqdm

from dataset import slice_sets, splits
from dataset.curation import BORDERLINE, UNLABELED, Slice
from dataset.errors import UserError
from dataset.folders import claim_folder, disk_errors, release_folder
from dataset.shards import PROJECT_VERSION, write_json
from dataset.workers import parallel_map

REPORT, SLICES, CASES = "report.json", "slices.csv", "unfinished_cases"
OWN = {REPORT, SLICES, CASES, UNLABELED, BORDERLINE, *splits.PARTS}


@dataclasses.dataclass(frozen=True)
class Source:
    """What is particular to where the cases come from.

    Attributes:
      thing: what can be bad, a `case` or a `file`.
      case: what is read at once, a `case` or a `patient`.
      slice: what becomes an image, a `slice` or an `image`.
      slice_kind: dataclass of the judged slices.
    """

    thing: str = "case"
    case: str = "case"
    slice: str = "slice"
    slice_kind: type = Slice


@dataclasses.dataclass(frozen=True)
class Gathered:
    """What was made of all that was read.

    Attributes:
      cases: to be divided into parts.
      listed: whose slices are listed, used or not.
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


def job(name, settings):
    """What a program is asked for; see `folders.claim_folder`.

    Raises:
      UserError: its flags of the division fit no patients.
    """
    check_division(settings)
    own = {"binary": name, "project_version": PROJECT_VERSION}
    return {**own, "settings": made_with(settings)}


def check_division(options):
    """Refuses flags of the division that no patients would fit."""
    splits.parse_split(options["split"])
    if options["fold"] >= options["num_folds"]:
        raise UserError(
            f"--fold={options['fold']}: expected less than"
            f" --num_folds={options['num_folds']}; folds are counted from 0."
        )


def made_with(settings):
    """The settings to record; of a single split those that there were before folds."""
    if settings["num_folds"] > 1:
        return settings
    return {k: v for k, v in settings.items() if k not in ("num_folds", "fold")}


def prepare_sets(job, cases, reader, options, source, gather):
    """Reads, judges, divides and writes all cases.

    A run that was stopped goes on where it was. What cannot be used is all listed
    before it ends the run.

    Args:
      job: dict of the program, its version and its settings.
      cases: a list of what `reader` reads.
      reader: callable in other processes; its `folder` holds what was read.
      options: all flags of the program.
      source: `Source`.
      gather: function of the list of all that was read to what was `Gathered`.
    """
    output_dir = options["output_dir"]
    overwrite = {"is_own": OWN.__contains__, "overwrite": options["overwrite"]}
    if claim_folder(output_dir, job, final=REPORT, **overwrite):
        print(f"{output_dir}: finished before, nothing to do.")
        return
    read = read_cases(job["binary"], cases, reader, options["num_workers"], source)
    gathered = gather(read)
    report = {**job, f"bad_{source.thing}s": gathered.faults}
    report_path = os.path.join(output_dir, REPORT)
    write_json(report_path, report)
    check_faults(gathered, options, report_path, source)
    for note in gathered.notes:
        print(note)
    parts, division = divide(gathered.cases, options["unlabeled"], options)
    sets = slice_sets.slice_sets(parts, options.get("keep_borderline", False))
    names = {"binary": job["binary"], "settings": job["settings"]}
    slice_sets.write_slice_sets(sets, output_dir, **names)
    reasons = slice_sets.write_slices_csv(
        os.path.join(output_dir, SLICES), gathered.listed, parts, source.slice_kind
    )
    report |= {**division, **gathered.found, "slices": reasons}
    report["parts"] = slice_sets.summary(parts, sets)
    write_json(report_path, report)
    shutil.rmtree(reader.folder)
    release_folder(output_dir)
    print_report(report, output_dir, source, division)


def take(settings_class, options):
    """Those of some options that a dataclass has, as that."""
    names = [field.name for field in dataclasses.fields(settings_class)]
    return settings_class(**{name: options[name] for name in names})


def read_cases(binary, cases, reader, num_workers, source):
    """Reads cases in several processes; one `ReadCase` each, in their order."""
    with disk_errors(reader.folder):
        os.makedirs(reader.folder, exist_ok=True)
    read = parallel_map(reader, cases, num_workers)
    return list(tqdm.tqdm(read, binary, len(cases), unit=source.case))


def gather_cases(read):
    """Gathers `ReadCase`s: those that could be read are listed and divided."""
    good = [case for case in read if not case.fault]
    faults = {case.case.name: case.fault for case in read if case.fault}
    return Gathered(good, good, faults, len(good))


def check_faults(gathered, options, report_path, source):
    """Lists what cannot be used; ends the run unless that may be skipped."""
    faults, num_good = gathered.faults, gathered.num_good
    flag = f"skip_bad_{source.thing}s"
    for name, fault in faults.items():
        print(f"bad {source.thing} {name}: {fault}", file=sys.stderr)
    if faults and not (options[flag] and num_good):
        raise UserError(
            f"{len(faults)} of {len(faults) + num_good} {source.thing}s cannot be used;"
            f" they are listed above and in {report_path}. Mend them and run the same"
            " command again"
            + (f", or leave them out with --{flag}." if num_good else ".")
        )


def divide(cases, unlabeled, options):
    """The parts, {part: [(`ReadCase`, patient), ...]}, and what was found, a dict."""
    if unlabeled:
        return {UNLABELED: [(case, case.case.name) for case in cases]}, {}
    names = ("split", "duplicate_correlation", "seed", "num_folds", "fold")
    options = {name: options[name] for name in names}
    division = splits.divide(cases, **options)
    found = ("copies", "similar", "patients")
    return division.parts, {
        **{name: options[name] for name in ("num_folds", "fold")},
        **{name: getattr(division, name) for name in found},
    }


def print_report(report, output_dir, source, division):
    for copy, original in division.get("copies", {}).items():
        print(f"{copy} has the same images as {original} and was left out.")
    for names in division.get("patients", {}).values():
        print(f"One patient, kept in one part: {', '.join(names)}.")
    for verdict, reasons in report["slices"].items():
        for reason, count in reasons.items():
            print(f"{count:7d} {source.slice}s {verdict}: {reason}")
    for part, content in report["parts"].items():
        counts = ", ".join(f"{n} {k}" for k, n in content.items() if k != "patients")
        print(f"{output_dir}/{part}: {len(content['patients'])} patients, {counts}.")
