"""Names of files below a folder: in people's order, and which of them are masks."""

import os
import re

from dataset.errors import UserError

STEM, NAME = "{stem}", "{name}"


def walk(folder):
    """As `os.walk`, by name; links are followed, but no folder is entered twice."""
    seen = set()
    for parent, subfolders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        yield parent, subfolders, sorted(names)


def list_files(folder, left_out=()):
    """The names of all files below a folder, with `/`, `slice_2` before `slice_10`.

    Hidden files and folders do not count, nor do the paths `left_out` (None is none).
    """
    ignored = {os.path.realpath(path) for path in left_out if path}
    found = []
    for parent, subfolders, names in walk(folder):
        if os.path.realpath(parent) in ignored:
            subfolders.clear()
            continue
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        paths = [os.path.join(parent, n) for n in names if not n.startswith(".")]
        paths = [path for path in paths if os.path.realpath(path) not in ignored]
        found += [os.path.relpath(p, folder).replace(os.sep, "/") for p in paths]
    return sorted(found, key=natural)


def natural(name):
    """A key by which `slice_2` comes before `slice_10`."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdecimal() else part for part in parts], name


def patient_in(name, pattern):
    """The patient that --patient_pattern finds in a path; empty if it finds none.

    Raises:
      UserError: it is no regular expression.
    """
    try:
        match = pattern and re.search(pattern, name)
    except re.error as error:
        raise UserError(
            f"--patient_pattern={pattern}: {error}; expected a regular expression."
        ) from error
    # Of alternatives with a group each, that which matched.
    return (match[match.lastindex or 0] or "").strip() if match else ""


class MaskNames:
    """The masks among some files.

    Args:
      pattern: path of the mask from the folder of its image: `{stem}` stands for the
        image's name without, `{name}` with its suffix.
      names: the files' paths, with `/`.

    Attributes:
      orphans: names of files that are masks by the pattern, of images that are not
        there.

    Raises:
      UserError: the pattern would be the same for all images.
    """

    def __init__(self, pattern, names):
        rest = pattern.replace(STEM, "").replace(NAME, "")
        if rest == pattern or re.search("[{}]", rest):
            raise UserError(
                f"--mask_pattern={pattern}: expected {STEM} (or {NAME}) in it, and no"
                " other braces: the image's name without (with) its suffix."
            )
        self._pattern = pattern
        self._names = set(names)
        self._masks = {name: self.expected(name) for name in names}
        used = {mask for name, mask in self._masks.items() if mask != name}
        masks = self._names & used
        self.orphans = [n for n in names if n not in masks and self._is_orphan(n)]
        self._not_images = masks | set(self.orphans)

    def _is_orphan(self, name):
        """Whether a file that is no image's mask looks like one all the same."""
        mask = self._masks[name]
        if mask == name:  # In the masks' own folder.
            return True
        words = f"{re.escape(STEM)}|{re.escape(NAME)}"
        parts = re.split(words, self._pattern.rpartition("/")[2])
        if all(re.fullmatch(r"(\.\w+)?", part) for part in parts):  # Like any name.
            return False
        looks = ".+".join(map(re.escape, parts))
        own = name.rpartition("/")[2]
        return mask not in self._names and bool(re.fullmatch(looks, own))

    def expected(self, name):
        """The path of an image's mask, whether it is there or not."""
        folder, _, file = name.rpartition("/")
        mask = self._pattern.replace(STEM, os.path.splitext(file)[0])
        mask = mask.replace(NAME, file)
        return os.path.normpath(os.path.join(folder, mask)).replace(os.sep, "/")

    def mask_of(self, name):
        """The path of an image's mask, or None."""
        mask = self._masks.get(name) or self.expected(name)
        return mask if mask in self._names and mask != name else None

    def is_mask(self, name):
        return name in self._not_images
