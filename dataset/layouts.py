"""Finds the cases in a folder, by names that are known or by patterns of them."""

import collections
import csv
import dataclasses
import os
import pathlib
import re

from dataset.errors import UserError
from dataset.file_names import recognize
from dataset.image_names import list_files, patient_in
from dataset.name_patterns import NamePatterns

GRADES = {"hg": "HGG", "hgg": "HGG", "lg": "LGG", "lgg": "LGG"}
# The number of a scan, behind the name of a patient who was scanned more than once.
SCAN_NUMBER = re.compile(
    r"(BraTS-[A-Z]+-\d+)-\d+|(brats_\w+_pat\d+)_\d+|(Brats1[789]_\w+)_\d+"
    r"|(UPENN-GBM-\d+)_\d+|(sub-[^_]+)_ses-.+",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Search:
    """Which cases are looked for; flags of the same names explain each."""

    grade: str = "HGG"
    t1c_channel: str = ""
    volume_pattern: str = ""
    mask_pattern: str = ""
    patient_pattern: str | None = None
    unlabeled: bool = False

    def patterns(self):
        """`NamePatterns`, or None where names are recognized.

        Raises:
          UserError: one is given without the other.
        """
        given = self.volume_pattern, self.mask_pattern
        if not any(given):
            return None
        if not given[0]:
            raise UserError(
                f"--mask_pattern={given[1]}: expected --volume_pattern beside it."
            )
        if not given[1] and not self.unlabeled:
            raise UserError(
                f"--volume_pattern={given[0]}: expected --mask_pattern beside it, or"
                " --unlabeled."
            )
        return NamePatterns(*given)

    def patient_of(self, root, paths):
        """The patient that a volume's path tells; empty without --patient_pattern.

        Raises:
          UserError: the pattern is not in the path.
        """
        if not paths or not self.patient_pattern:
            return ""
        name = pathlib.Path(paths[0]).relative_to(root).as_posix()
        patient = patient_in(name, self.patient_pattern)
        if not patient:
            raise UserError(
                f"--patient_pattern={self.patient_pattern} is not in {name!r}, the"
                f" path of a volume in --brats_dir={root}; expected each one's patient."
            )
        return patient


DEFAULT_SEARCH = Search()


@dataclasses.dataclass(frozen=True)
class Case:
    """The files of one scan.

    Attributes:
      name: as in its release, unique in the folder searched.
      image_paths: T1c volumes; one, if all is well.
      mask_paths: masks; one, if all is well.
      named_patient: what --patient_pattern finds, or empty.
      expected: which volume and which mask a pattern expects, in words, or empty.
    """

    name: str
    image_paths: tuple[str, ...]
    mask_paths: tuple[str, ...]
    named_patient: str = ""
    expected: tuple[str, str] = ("", "")

    @property
    def patient(self):
        """As its path tells, or else the name without the number of the scan."""
        if self.named_patient:
            return self.named_patient
        match = SCAN_NUMBER.fullmatch(self.name)
        return match[match.lastindex] if match else self.name

    def only_image(self):
        return self._only(self.image_paths, "T1c volume", self.mask_paths, 0)

    def only_mask(self):
        return self._only(self.mask_paths, "mask", self.image_paths, 1)

    def _only(self, paths, what, beside, number):
        expected = self.expected[number]
        if not paths:
            expected = expected or (
                "expected one beside it, or --volume_pattern and --mask_pattern for"
                " other names and folders"
            )
            hint = ", or --unlabeled" if what == "mask" else ""
            raise UserError(f"{beside[0]}: no {what}; {expected}{hint}.")
        if len(paths) > 1:
            raise UserError(
                f"{paths[0]}: one of {len(paths)} files that could be the {what}, the"
                f" next is {os.path.relpath(paths[1], os.path.dirname(paths[0]))};"
                f" {expected or 'expected one'}."
            )
        return paths[0]


def find_cases(brats_dir, search=DEFAULT_SEARCH):
    """The `Case`s that `survey` finds."""
    return survey(brats_dir, search)[0]


def survey(brats_dir, search=DEFAULT_SEARCH, left_out=()):
    """Finds the cases of a folder, at any depth, and what lies beside them.

    Args:
      brats_dir: the folder.
      search: `Search`.
      left_out: folders in it that are not looked into.

    Returns:
      The `Case`s, sorted by name, and {why it is not used: [names]} of all else: files
      below the folder, and cases of another grade.

    Raises:
      UserError: there are no cases, or a pattern does not fit.
    """
    if not os.path.isdir(brats_dir):
        raise UserError(f"--brats_dir={brats_dir}: folder not found.")
    root = pathlib.Path(brats_dir)
    names = list_files(root, left_out)
    patterns = search.patterns()
    if patterns:
        found, unused = patterns.sort(root, names)
    else:
        found, unused = recognize(root, names, search.t1c_channel)
    chosen, others = _of_grade(found, root, search.grade)
    if patterns:
        named = [(name, files) for (_, name), files in chosen.items()]
    else:
        named = _unique_names(chosen, root)
    for told, places in others.items():
        unused[f"{told} cases, left out by --grade={search.grade}"] = places
    cases = [
        Case(
            name,
            tuple(files["image"]),
            tuple(files["mask"]),
            search.patient_of(root, files["image"]),
            patterns.expected(root, files) if patterns else ("", ""),
        )
        for name, files in named
    ]
    if not any(case.image_paths for case in cases):
        raise UserError(
            f"--brats_dir={brats_dir}: no T1c volume of --grade={search.grade} found in"
            " it; expected files such as <case>_t1ce.nii.gz, <case>-t1c.nii.gz,"
            " VSD.Brain.XX.O.MR_T1c.<n>.mha or imagesTr/BRATS_001.nii.gz, or"
            " --volume_pattern for other names."
            + "".join(f" Not used: {line}" for line in describe_unused(unused))
        )
    return sorted(cases, key=lambda case: case.name), dict(sorted(unused.items()))


def _of_grade(found, root, grade):
    """Those files of `found` that are of a grade, and {grade: [places]} of others."""
    mapped = _mapped_grades(root)
    chosen, others = {}, collections.defaultdict(list)
    for (folder, name), files in found.items():
        told = _grade(folder.relative_to(root), name) or mapped.get(name)
        if grade == "all" or told in (None, grade):
            chosen[folder, name] = files
        else:
            others[told].append((folder.relative_to(root) / name).as_posix())
    return chosen, others


def describe_unused(unused):
    """A line for each kind of what is not used, with its number and first names."""
    for reason, names in sorted(unused.items()):
        more = " and more" if len(names) > 3 else ""
        yield f"{len(names)} {reason}: {', '.join(names[:3])}{more}."


def _grade(folder, name):
    """The grade that a case's path tells (2012 to 2019), or None."""
    for part in reversed(folder.parts):
        if part.lower() in GRADES:
            return GRADES[part.lower()]
    match = re.match(r"BRATS_(HG|LG)\d", name, re.IGNORECASE)
    return GRADES[match[1].lower()] if match else None


def _mapped_grades(root):
    """Grade by case name as `name_mapping.csv` tells it (2018 to 2020)."""
    grades = {}
    for path in sorted(root.rglob("name_mapping*.csv")):
        with open(path, newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                grade = row.get("Grade")
                grades.update({name: grade for name in row.values() if name and grade})
    return grades


def _unique_names(found, root):
    """Pairs of a unique name and files.

    A bare number takes its folder's name first: `HG/0001` is not the patient of
    `LG/0001`. Cases of one name in several folders are told apart by their paths.
    """
    named = []
    for (folder, name), files in found.items():
        if name.isdigit():
            name = f"{folder.resolve().parent.name}_{name}"
        named.append((name, folder, files))
    counts = collections.Counter(name for name, _, _ in named)
    for name, folder, files in named:
        if counts[name] > 1:
            name = "_".join((*folder.relative_to(root).parts, name))
        yield name, files
