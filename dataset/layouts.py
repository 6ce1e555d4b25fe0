"""Finds the cases in a folder, whichever BraTS release it holds.

A file is known by the words of its name: `t1c`, `t1ce` or `t1gd` is the T1c volume,
`seg`, `truth`, `ot` and their like the mask. What stands before that word tells the
case; in the releases of 2013 to 2016, where it does not, the folder does. Files of the
Medical Segmentation Decathlon are known by their folders, `imagesTr` and `labelsTr`.
"""

import collections
import csv
import dataclasses
import json
import os
import pathlib
import re

from dataset.errors import UserError
from dataset.image_names import list_files
from dataset.volume_files import SUFFIXES

KINDS = dict.fromkeys(("t1c", "t1ce", "t1gd"), "image")
KINDS |= dict.fromkeys(("seg", "segm", "segmentation", "truth", "ot"), "mask")
OTHER_CONTRASTS = {"t1", "t1n", "t1w", "t2", "t2w", "t2f", "flair", "pd", "adc"}
# Formats of volumes that are not read.
UNREAD = (
    *(".hdr", ".img", ".img.gz", ".nrrd", ".nhdr", ".mgz", ".mgh", ".mhd", ".raw"),
    *(".mnc", ".dcm", ".ima", ".nii.bz2", ".nii.zip", ".zip", ".tar", ".tar.gz"),
)
CHANNEL = re.compile(r"(.+)_(\d{4})")  # nnU-Net: a file per contrast, <case>_0000.
GRADES = {"hg": "HGG", "hgg": "HGG", "lg": "LGG", "lgg": "LGG"}
# BRATS 2012 and 2013 came with simulated tumors, which are not patients.
SIMULATED = re.compile(r"(^|/)(synthetic_data|simbrats)", re.IGNORECASE)
# The number of a scan, behind the name of a patient who was scanned more than once.
SCAN_NUMBER = re.compile(
    r"(BraTS-[A-Z]+-\d+)-\d+|(brats_\w+_pat\d+)_\d+|(Brats1[789]_\w+)_\d+",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Case:
    """The files of one scan.

    Attributes:
      name: as in its release, unique in the folder searched.
      image_paths: T1c volumes; one, if all is well.
      mask_paths: masks; one, if all is well.
    """

    name: str
    image_paths: tuple[str, ...]
    mask_paths: tuple[str, ...]

    @property
    def patient(self):
        """The name without the number of the scan."""
        match = SCAN_NUMBER.fullmatch(self.name)
        return match[match.lastindex] if match else self.name

    def only_image(self):
        return self._only(self.image_paths, "T1c volume", self.mask_paths)

    def only_mask(self):
        return self._only(self.mask_paths, "mask", self.image_paths)

    def _only(self, paths, what, beside):
        if not paths:
            hint = " (or --unlabeled)" if what == "mask" else ""
            raise UserError(f"{beside[0]}: no {what} beside it, expected one{hint}.")
        if len(paths) > 1:
            raise UserError(
                f"{paths[0]}: one of {len(paths)} files that could be the {what}, the"
                f" next is {os.path.basename(paths[1])}; expected one."
            )
        return paths[0]


def find_cases(brats_dir, grade="HGG", t1c_channel=""):
    """The `Case`s that `survey` finds."""
    return survey(brats_dir, grade, t1c_channel)[0]


def survey(brats_dir, grade="HGG", t1c_channel="", left_out=()):
    """Finds the cases of a folder, at any depth, and what lies beside them.

    Args:
      brats_dir: the folder.
      grade: `HGG`, `LGG` or `all`; cases whose release does not tell always count.
      t1c_channel: which of nnU-Net's files <case>_000N is T1c, where no
        `dataset.json` tells: "0" to "3"; empty to refuse.
      left_out: folders in it that are not looked into.

    Returns:
      The `Case`s, sorted by name, and {why it is not used: [names]} of all else: files
      below the folder, and cases of another grade.

    Raises:
      UserError: there are no cases.
    """
    if not os.path.isdir(brats_dir):
        raise UserError(f"--brats_dir={brats_dir}: folder not found.")
    root = pathlib.Path(brats_dir)
    found = collections.defaultdict(lambda: {"image": [], "mask": []})
    unused = collections.defaultdict(list)
    channels = {}
    for path in map(root.joinpath, list_files(root, left_out)):
        reason, kind = _why_unused(path.relative_to(root)), None
        if not reason:
            kind, key = _classify(path)
            channel = _channel_of(path)
            if kind == "image" and channel:
                folder = path.parent.parent
                if folder not in channels:
                    channels[folder] = _t1c_channel(folder, path, t1c_channel)
                kind = "image" if int(channel[2]) == channels[folder] else None
                key = folder, channel[1]
        if kind:
            found[key][kind].append(str(path))
        else:
            reason = reason or _why_no_case(path)
            unused[reason].append(path.relative_to(root).as_posix())
    _adopt_masks(found)
    grades = _mapped_grades(root)
    chosen = {}
    for (folder, name), files in found.items():
        told = _grade(folder.relative_to(root), name) or grades.get(name)
        if grade == "all" or told in (None, grade):
            chosen[folder, name] = files
        else:
            place = (folder.relative_to(root) / name).as_posix()
            unused[f"{told} cases, left out by --grade={grade}"].append(place)
    cases = [
        Case(name, tuple(files["image"]), tuple(files["mask"]))
        for name, files in _unique_names(chosen, root)
    ]
    if not any(case.image_paths for case in cases):
        raise UserError(
            f"--brats_dir={brats_dir}: no T1c volume of --grade={grade} found in it;"
            f" expected files such as <case>_t1ce.nii.gz, <case>-t1c.nii.gz,"
            " VSD.Brain.XX.O.MR_T1c.<n>.mha or imagesTr/BRATS_001.nii.gz."
            + "".join(f" Not used: {line}" for line in describe_unused(unused))
        )
    return sorted(cases, key=lambda case: case.name), dict(sorted(unused.items()))


def describe_unused(unused):
    """A line for each kind of what is not used, with its number and first names."""
    for reason, names in sorted(unused.items()):
        more = " and more" if len(names) > 3 else ""
        yield f"{len(names)} {reason}: {', '.join(names[:3])}{more}."


def _why_unused(path):
    """Why a file, by its path below the root, is no volume to read; None if it is."""
    name = path.name.lower()
    if SIMULATED.search(path.as_posix()):
        return "files of simulated tumors"
    if name.endswith(SUFFIXES):
        return None
    if name.endswith(UNREAD):
        return f"files of formats that are not read (expected {', '.join(SUFFIXES)})"
    return "other files"


def _why_no_case(path):
    """Why a volume is none of a case."""
    words = {word.lower() for word in re.findall(r"[^._\-\s]+", path.name)}
    if words & OTHER_CONTRASTS or _channel_of(path):
        return "volumes of other contrasts"
    return "volumes whose names tell neither T1c nor mask"


def _channel_of(path):
    """A match of case and number of one of nnU-Net's files per contrast, or None.

    `case_0001` can be a case of that name; but contrasts are counted from 0000, and the
    mask is of all of them.
    """
    match = CHANNEL.fullmatch(_stem(path))
    if not match or path.parent.name.lower() not in ("imagestr", "imagests"):
        return None
    first = [path.with_name(f"{match[1]}_0000{suffix}") for suffix in SUFFIXES]
    own_mask = path.parent.parent / "labelsTr" / path.name
    return match if any(p.exists() for p in first) and not own_mask.exists() else None


def _t1c_channel(folder, path, given):
    """Which of nnU-Net's channels is T1c, as its `dataset.json` or the flag says."""
    named = _channel_names(folder / "dataset.json")
    for number, name in named.items():
        words = re.findall(r"[^._\-\s]+", str(name).lower())
        if any(KINDS.get(word) == "image" for word in words):
            return int(number)
    if given:
        return int(given)
    names = ", ".join(f"{number}: {name}" for number, name in named.items())
    raise UserError(
        f"{path}: nnU-Net's file of one of several contrasts, and"
        f" {folder / 'dataset.json'} does not say which is T1c ({names or 'nothing'});"
        " give --t1c_channel=1 if it is <case>_0001."
    )


def _channel_names(path):
    """What nnU-Net's description of a data set calls its channels, by number."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        named = content.get("channel_names") or content.get("modality")
        return {int(number): name for number, name in named.items()}
    except (OSError, ValueError, AttributeError):  # None, or of another program.
        return {}


def _stem(path):
    return re.sub(r"(\.nii|\.gz|\.mha)+$", "", path.name, flags=re.IGNORECASE)


def _classify(path):
    """What a file is, `image`, `mask` or None, and its case's (folder, name)."""
    stem = _stem(path)
    folder = path.parent.name.lower()
    if folder in ("imagestr", "imagests", "labelstr"):
        kind = "mask" if folder == "labelstr" else "image"
        return kind, (path.parent.parent, stem)
    for word in re.finditer(r"[^._\-\s]+", stem):
        kind = KINDS.get(word[0].lower())
        if kind:
            name = stem[: word.start()].rstrip("._- ")
            parent = path.parent
            if name.lower().startswith("vsd"):
                name = ""
                while parent.name.lower().startswith("vsd"):
                    parent = parent.parent
            return kind, (parent, name or parent.name)
    return None, None


def _adopt_masks(found):
    """Gives a case without mask the mask of another name in its folder (2020: 355)."""
    by_folder = collections.defaultdict(list)
    for key in found:
        by_folder[key[0]].append(key)
    for keys in by_folder.values():
        images = [key for key in keys if found[key]["image"]]
        masks = [key for key in keys if not found[key]["image"]]
        if len(images) == len(masks) == 1 and not found[images[0]]["mask"]:
            found[images[0]]["mask"] = found.pop(masks[0])["mask"]


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
