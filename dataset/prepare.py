"""Turns BraTS volumes into shard sets of tumor and non-tumor slices, split by patient.

python -m dataset.prepare --brats_dir=BraTS --output_dir=real
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.prepare")

from dataset import preparation
from dataset.cases import CaseReader
from dataset.curation import EXCLUDED, Rules, read_verdicts
from dataset.errors import UserError
from dataset.layouts import find_cases
from dataset.volumes import MASK_CODES, SliceSettings


def main(settings):
    """Reads, judges, divides and writes all cases; arguments as the flags say.

    A run that was stopped goes on where it was. Cases that cannot be used are all
    listed before they end it.
    """
    preparation.check_division(settings)
    cases = find_cases(settings["brats_dir"], settings["grade"])
    reader = case_reader(cases, settings)
    source, gather = preparation.Source(), preparation.gather_cases
    preparation.prepare_sets("dataset.prepare", cases, reader, settings, source, gather)


def case_reader(cases, settings):
    """The `CaseReader` that the flags describe; refuses what does not fit."""
    labels, table = settings["tumor_labels"], settings["exclude_csv"]
    known = [str(code) for code in MASK_CODES if code]
    if not labels or not set(labels) <= set(known):
        raise UserError(
            f"--tumor_labels={','.join(labels)}: wanted some of {','.join(known)}."
        )
    options = {**settings, "tumor_labels": tuple(map(int, labels))}
    verdicts = read_verdicts(table) if table else {}
    for name, slices in verdicts.items():
        if name not in {case.name for case in cases}:
            raise UserError(f"--exclude_csv={table}: no case {name!r} was found.")
        own = {verdict for verdict, _ in slices.values()}
        if settings["unlabeled"] and own != {EXCLUDED}:
            raise UserError(
                f"--exclude_csv={table}: {name} has verdicts other than {EXCLUDED},"
                " wanted none other with --unlabeled."
            )
    return CaseReader(
        folder=preparation.cases_folder(settings),
        slice_settings=preparation.take(SliceSettings, options),
        rules=preparation.take(Rules, options),
        verdicts=verdicts,
        unlabeled=settings["unlabeled"],
        keep_borderline=settings["keep_borderline"],
    )
