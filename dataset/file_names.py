"""Knows the files of a case by their names, as BraTS, nnU-Net and hospitals give them.

A file is known by the words of its name: `t1c`, `t1ce` or `t1gd` is the T1c volume,
`seg`, `truth`, `ot` and their like the mask. What stands before that word tells the
case; in the releases of 2013 to 2016, where it does not, the folder does. Files of the
Medical Segmentation Decathlon are known by their folders, `imagesTr` and `labelsTr`.
"""

import collections
import json
import re

from dataset.errors import UserError
from dataset.volume_files import SUFFIXES

KINDS = dict.fromkeys(("t1c", "t1ce", "t1gd"), "image")
KINDS |= dict.fromkeys(("seg", "segm", "segmentation", "truth", "ot"), "mask")
OTHER_CONTRASTS = {"t1", "t1n", "t1w", "t2", "t2w", "t2f", "flair", "pd", "adc"}
# Formats of volumes that are not read.
UNREAD = (
    *(".hdr", ".img", ".img.gz", ".mgz", ".mgh", ".mhd", ".raw", ".mnc", ".dcm"),
    *(".ima", ".nii.bz2", ".nii.zip", ".zip", ".tar", ".tar.gz"),
)
CHANNEL = re.compile(r"(.+)_(\d{4})")  # nnU-Net: a file per contrast, <case>_0000.
# BRATS 2012 and 2013 came with simulated tumors, which are not patients.
SIMULATED = re.compile(r"(^|/)(synthetic_data|simbrats)", re.IGNORECASE)


def recognize(root, names, t1c_channel=""):
    """Sorts the files below a folder into cases.

    Args:
      root: the folder, a `Path`.
      names: of the files, below it.
      t1c_channel: which of nnU-Net's files is T1c, where no `dataset.json` tells.

    Returns:
      {(folder, case): {"image": [paths], "mask": [paths]}} and {why it is not used:
      [names]} of all other files.

    Raises:
      UserError: nothing tells which of nnU-Net's files is T1c.
    """
    found = collections.defaultdict(lambda: {"image": [], "mask": []})
    unused = collections.defaultdict(list)
    channels = {}
    for path in map(root.joinpath, names):
        reason, kind = _why_unused(path.relative_to(root)), None
        if not reason:
            kind, key = _classify(path, root)
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
    return found, unused


def _why_unused(path):
    """Why a file, by its path below the root, is no volume to read; None if it is."""
    if SIMULATED.search(path.as_posix()):
        return "files of simulated tumors"
    return why_no_volume(path.name.lower())


def why_no_volume(name):
    """Why a file of this name is no volume that is read; None if it is."""
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
    suffixes = r"(\.nii|\.gz|\.mha|\.nrrd|\.nhdr)+$"
    return re.sub(suffixes, "", path.name, flags=re.IGNORECASE)


def _classify(path, root):
    """What a file below `root` is, `image`, `mask` or None, and its (folder, name)."""
    # Kaggle: a folder per file.
    while path.parent != root and path.parent.name.lower().endswith(SUFFIXES):
        path = path.parent
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
