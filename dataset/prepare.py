"""Turns BraTS volumes into shard sets of tumor and non-tumor slices, split by patient.

python -m dataset.prepare --brats_dir=BraTS --output_dir=real
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.prepare")

import os

from dataset import preparation
from dataset.cases import CaseReader
from dataset.curation import EXCLUDED, Rules, read_verdicts
from dataset.errors import UserError
from dataset.layouts import find_cases
from dataset.volumes import MASK_CODES, SliceSettings


def prepare(*, brats_dir, output_dir, grade, exclude_csv, unlabeled, **options):
    """Reads, judges, divides and writes all cases; arguments as the flags say.

    A run that was stopped goes on where it was. Cases that cannot be used are all
    listed before they end it.
    """
    settings = dict(locals())
    settings |= settings.pop("options")
    job = preparation.job("dataset.prepare", settings)
    cases = find_cases(brats_dir, grade)
    reader = case_reader(output_dir, cases, exclude_csv, unlabeled, options)
    source, gather = preparation.Source(), preparation.gather_cases
    preparation.prepare_sets(job, cases, reader, settings, source, gather)


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
        folder=os.path.join(output_dir, preparation.CASES),
        slice_settings=preparation.take(SliceSettings, options),
        rules=preparation.take(Rules, options),
        verdicts=verdicts,
        unlabeled=unlabeled,
        keep_borderline=options["keep_borderline"],
    )


def main(settings):
    prepare(**settings)
