"""Turns BraTS volumes into shard sets of tumor and non-tumor slices, split by patient.

python -m dataset.prepare --brats_dir=BraTS --output_dir=real
"""

import dataclasses
import os
import shutil
import sys

import tqdm

from dataset import slice_sets, splits
from dataset.cases import CaseReader
from dataset.curation import BORDERLINE, EXCLUDED, UNLABELED, Rules, read_verdicts
from dataset.folders import claim_folder, disk_errors, release_folder
from dataset.layouts import find_cases
from dataset.shards import PROJECT_VERSION, UserError, write_json
from dataset.volumes import MASK_CODES, SliceSettings
from dataset.workers import parallel_map
from flags import binary
from flags import dataset as dataset_flags

REPORT, SLICES, CASES = "report.json", "slices.csv", "unfinished_cases"
OWN = {REPORT, SLICES, CASES, UNLABELED, BORDERLINE, *splits.PARTS}


def prepare(
    *,
    brats_dir,
    output_dir,
    grade,
    exclude_csv,
    unlabeled,
    num_workers,
    skip_bad_cases,
    overwrite,
    **options,
):
    """Reads, judges, divides and writes all cases; arguments as the flags say.

    A run that was stopped goes on where it was. Cases that cannot be used are all
    listed before they end it.
    """
    settings = dict(locals())
    settings |= settings.pop("options")
    job = {"binary": "dataset.prepare", "project_version": PROJECT_VERSION}
    check_division(options)
    job["settings"] = made_with(settings)
    cases = find_cases(brats_dir, grade)
    reader = case_reader(output_dir, cases, exclude_csv, unlabeled, options)
    own = {"final": REPORT, "is_own": OWN.__contains__, "overwrite": overwrite}
    if claim_folder(output_dir, job, **own):
        print(f"{output_dir}: finished before, nothing to do.")
        return
    read = read_cases(cases, reader, num_workers)
    report = {**job, "bad_cases": {c.case.name: c.fault for c in read if c.fault}}
    report_path = os.path.join(output_dir, REPORT)
    write_json(report_path, report)
    good = [c for c in read if not c.fault]
    check_faults(report["bad_cases"], len(good), skip_bad_cases, report_path)
    parts, found = divide(good, unlabeled, options)
    sets = slice_sets.slice_sets(parts, options["keep_borderline"])
    slice_sets.write_slice_sets(
        sets, output_dir, binary=job["binary"], settings=settings
    )
    reasons = slice_sets.write_slices_csv(os.path.join(output_dir, SLICES), good, parts)
    report |= {**found, "slices": reasons, "parts": slice_sets.summary(parts, sets)}
    write_json(report_path, report)
    shutil.rmtree(reader.folder)
    release_folder(output_dir)
    print_report(report, output_dir)


def case_reader(output_dir, cases, exclude_csv, unlabeled, options):
    """The `CaseReader` that the flags describe; refuses what does not fit."""
    labels = options["tumor_labels"]
    known = [str(code) for code in MASK_CODES if code]
    if not labels or not set(labels) <= set(known):
        raise UserError(
            f"--tumor_labels={','.join(labels)}: wanted some of {','.join(known)}."
        )
    options = {**options, "tumor_labels": tuple(map(int, labels))}
    verdicts = read_verdicts(exclude_csv) if exclude_csv else {}
    for name, slices in verdicts.items():
        if name not in {case.name for case in cases}:
            raise UserError(f"--exclude_csv={exclude_csv}: no case {name!r} was found.")
        if unlabeled and any(verdict != EXCLUDED for verdict, _ in slices.values()):
            raise UserError(
                f"--exclude_csv={exclude_csv}: {name} has verdicts other than"
                f" {EXCLUDED}, wanted none other with --unlabeled."
            )
    return CaseReader(
        folder=os.path.join(output_dir, CASES),
        slice_settings=_take(SliceSettings, options),
        rules=_take(Rules, options),
        verdicts=verdicts,
        unlabeled=unlabeled,
        keep_borderline=options["keep_borderline"],
    )


def _take(settings_class, options):
    names = [field.name for field in dataclasses.fields(settings_class)]
    return settings_class(**{name: options[name] for name in names})


def read_cases(cases, reader, num_workers):
    """Reads cases in several processes; one `ReadCase` each, in their order."""
    with disk_errors(reader.folder):
        os.makedirs(reader.folder, exist_ok=True)
    read = parallel_map(reader, cases, num_workers)
    return list(tqdm.tqdm(read, "dataset.prepare", len(cases), unit="case"))


def check_faults(faults, num_good, skip_bad_cases, report_path):
    """Lists the cases that cannot be used; ends the run unless they may be skipped."""
    for name, fault in faults.items():
        print(f"bad case {name}: {fault}", file=sys.stderr)
    if faults and not (skip_bad_cases and num_good):
        raise UserError(
            f"{len(faults)} of {len(faults) + num_good} cases cannot be used; they are"
            f" listed above and in {report_path}. Mend them and run the same command"
            " again"
            + (", or leave them out with --skip_bad_cases." if num_good else ".")
        )


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


def print_report(report, output_dir):
    for copy, original in report.get("copies", {}).items():
        print(f"{copy} has the same images as {original} and was left out.")
    for names in report.get("patients", {}).values():
        print(f"One patient, kept in one part: {', '.join(names)}.")
    for verdict, reasons in report["slices"].items():
        for reason, count in reasons.items():
            print(f"{count:7d} slices {verdict}: {reason}")
    for part, content in report["parts"].items():
        counts = ", ".join(f"{n} {k}" for k, n in content.items() if k != "patients")
        print(f"{output_dir}/{part}: {len(content['patients'])} patients, {counts}.")


def main(settings):
    prepare(**settings)


def run():
    binary.run(main, dataset_flags.define_prepare, UserError)


if __name__ == "__main__":
    run()
