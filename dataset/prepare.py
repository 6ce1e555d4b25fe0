"""Turns BraTS volumes into shard sets of tumor and non-tumor slices, split by patient.

python -m dataset.prepare --brats_dir=BraTS --output_dir=real
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.prepare")

import dataclasses

from dataset import preparation
from dataset.cases import CaseReader
from dataset.curation import EXCLUDED, Rules, read_verdicts
from dataset.errors import UserError
from dataset.layouts import DEFAULT_SEARCH, Search, describe_unused, survey
from dataset.volume_rules import VolumeRules
from dataset.volumes import MASK_CODES, SliceSettings

RULES = {field.name: field.default for field in dataclasses.fields(VolumeRules)}
NAMES = ("t1c_channel", "volume_pattern", "mask_pattern", "patient_pattern")
LATER_FLAGS = (
    *((name, getattr(DEFAULT_SEARCH, name)) for name in NAMES),
    *RULES.items(),
)


def main(settings):
    """Reads, curates, splits and writes all cases; arguments as the flags say.

    A run that was stopped continues where it was. Cases that cannot be used are all
    listed before they end it.
    """
    preparation.check_division(settings)
    search = preparation.take(Search, settings)
    cases, unused = survey(settings["brats_dir"], search, [settings["output_dir"]])
    reader = case_reader(cases, settings)

    def gather(read):
        # Before what cannot be used: a mask that is missing may be among these.
        for line in describe_unused(unused):
            print(f"not used: {line}")
        found = {"unused": unused}
        return dataclasses.replace(preparation.gather_cases(read), found=found)

    source = preparation.Source(later_flags=LATER_FLAGS)
    preparation.prepare_sets("dataset.prepare", cases, reader, settings, source, gather)


def case_reader(cases, settings):
    """The `CaseReader` that the flags describe; refuses what does not fit."""
    labels, table = settings["tumor_labels"], settings["exclude_csv"]
    known = [str(code) for code in MASK_CODES if code]
    if not labels or not set(labels) <= set(known):
        raise UserError(
            f"--tumor_labels={','.join(labels)}: expected some of {','.join(known)}."
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
                " expected none other with --unlabeled."
            )
    return CaseReader(
        folder=preparation.cases_folder(settings),
        slice_settings=preparation.take(SliceSettings, options),
        rules=preparation.take(Rules, options),
        verdicts=verdicts,
        unlabeled=settings["unlabeled"],
        keep_borderline=settings["keep_borderline"],
        volume_rules=preparation.take(VolumeRules, options),
    )
