"""Cases by the patterns of their files' names, which a person gives.

`{case}` in a pattern is what tells a case from others: at least one character, the same
wherever it stands. `*` is anything within the name of a file or folder, `**/` any
folders. The rest stands for itself.
"""

import collections
import pathlib
import re

from dataset.errors import UserError
from dataset.file_names import why_no_volume

CASE = "{case}"
WORDS = re.compile(r"(\{case\}|\*\*/|\*)")


class NamePatterns:
    """Patterns of the paths of volumes and masks below a folder.

    Args:
      volume_pattern: of T1c volumes.
      mask_pattern: of their masks; empty for none.

    Raises:
      UserError: a pattern is not below the folder, or does not tell cases.
    """

    def __init__(self, volume_pattern, mask_pattern=""):
        given = {"image": volume_pattern, "mask": mask_pattern}
        self._texts = {kind: text for kind, text in given.items() if text}
        self._flags = {"image": "volume_pattern", "mask": "mask_pattern"}
        for kind, text in self._texts.items():
            rest = text.replace(CASE, "")
            outside = text.startswith("/") or ".." in text.split("/")
            if rest == text or re.search("[{}]", rest) or outside or "{case}*" in text:
                raise UserError(
                    f"--{self._flags[kind]}={text}: expected the path of a file below"
                    f" --brats_dir, with {CASE} in it, no * behind that, and no other"
                    " braces."
                )
        self._matchers = {kind: _matcher(text) for kind, text in self._texts.items()}

    def sort(self, root, names):
        """Sorts the files below a folder into cases.

        Args:
          root: the folder, a `Path`.
          names: of the files, below it.

        Returns:
          {(folder, case): {"image": [paths], "mask": [paths]}} and {why it is not used:
          [names]} of all other files.

        Raises:
          UserError: a pattern matches no file, or two cases have one name.
        """
        by_case = collections.defaultdict(lambda: {"image": [], "mask": []})
        unused = collections.defaultdict(list)
        for name in names:
            kind, case = self._find(name)
            if kind:
                by_case[case][kind].append(str(root / name))
            else:
                reason = why_no_volume(name.lower())
                unused[reason or "volumes of other names"].append(name)
        for kind in self._texts:
            if not any(files[kind] for files in by_case.values()):
                raise UserError(self._nothing(kind, root, names))
        found, cases = {}, {}
        for case, files in by_case.items():
            first, name = pathlib.Path(_any_of(files)), case.replace("/", "_")
            if name in cases:
                raise UserError(
                    f"{self._flag('image')}: {cases[name]} and {case} are both cases"
                    f" of the name {name}; expected one."
                )
            cases[name] = case
            found[first.parent, name] = files
        return found, unused

    def expected(self, root, files):
        """Which volume and which mask a case with some files should have, in words."""
        name = pathlib.Path(_any_of(files)).relative_to(root).as_posix()
        _, case = self._find(name)
        return tuple(
            f"expected one {root / self._texts[kind].replace(CASE, case)}"
            f" ({self._flag(kind)})"
            if kind in self._texts
            else ""
            for kind in self._flags
        )

    def _find(self, name):
        """What a file is, `image`, `mask` or None, and its case."""
        matches = {kind: m.fullmatch(name) for kind, m in self._matchers.items()}
        kinds = [kind for kind, match in matches.items() if match]
        if not kinds:
            return None, None
        # {case}.nii takes x_seg.nii for a volume, were it not for {case}_seg.nii.
        kind = max(kinds, key=lambda kind: len(WORDS.sub("", self._texts[kind])))
        return kind, matches[kind]["case"]

    def _flag(self, kind):
        return f"--{self._flags[kind]}={self._texts[kind]}"

    def _nothing(self, kind, root, names):
        volumes = [name for name in names if not why_no_volume(name.lower())]
        seen = ", ".join(volumes[:4]) + (" and more" if len(volumes) > 4 else "")
        return (
            f"{self._flag(kind)}: no such file in --brats_dir={root}; seen in it:"
            f" {len(names)} files, of volumes {seen or 'none'}."
        )


def _any_of(files):
    return (files["image"] or files["mask"])[0]


def _matcher(text):
    """The regular expression of a pattern, with the group `case`."""
    parts, told = [], False
    for part in WORDS.split(text):
        if part == CASE:
            parts.append("(?P=case)" if told else "(?P<case>.+?)")
            told = True
        else:
            parts.append({"**/": "(?:.*/)?", "*": "[^/]*"}.get(part, re.escape(part)))
    return re.compile("".join(parts))
