"""One case, from its volumes to its judged slices, kept in a file until all are read.

So many cases can be read at once and none has to stay in memory; and cases that were
read before a run was stopped are not read again.
"""

import collections
import dataclasses
import hashlib
import io
import json
import os

import numpy as np

from dataset.curation import BORDERLINE, UNLABELED, Rules, Slice, judge_slices
from dataset.errors import UserError
from dataset.file_systems import disk_errors
from dataset.layouts import Case
from dataset.records import Record, label_number
from dataset.splits import fingerprint
from dataset.volume_rules import DEFAULT_RULES, VolumeRules
from dataset.volumes import SliceSettings, read_volume, slice_images


@dataclasses.dataclass(frozen=True)
class CaseReader:
    """Reads cases into files; callable in another process.

    Attributes:
      folder: where the files go.
      slice_settings: how slices are made.
      rules: `curation.Rules`.
      verdicts: a person's, as `curation.read_verdicts` gives them.
      unlabeled: whether to do without masks.
      keep_borderline: whether to keep images of borderline slices, too.
      volume_rules: how headers are read and what a brain may be.
    """

    folder: str
    slice_settings: SliceSettings
    rules: Rules
    verdicts: dict
    unlabeled: bool
    keep_borderline: bool = False
    volume_rules: VolumeRules = DEFAULT_RULES

    def __call__(self, case):
        """Reads a case unless its file is there; returns a `ReadCase`.

        Raises:
          UserError: the file cannot be written. What is wrong with the case's own files
            is no error, but the `ReadCase`'s fault.
        """
        digest = digest_of(
            file_states([*case.image_paths, *case.mask_paths]),
            dataclasses.astuple(self.slice_settings),
            dataclasses.astuple(self.rules),
            sorted(self._verdicts(case).items()),
            self.unlabeled,
            self.keep_borderline,
            # Without, it stays the digest of the first release.
            *self._changed_rules(),
        )
        path = os.path.join(self.folder, f"{case.name}-{digest[:16]}.npz")
        if not os.path.exists(path):
            try:
                arrays = self._read(case)
            except UserError as error:
                return ReadCase(case, None, str(error))
            write_arrays(path, arrays)
        return ReadCase(case, path)

    def _changed_rules(self):
        rules, default = map(dataclasses.asdict, (self.volume_rules, DEFAULT_RULES))
        return [[name, rules[name]] for name in rules if rules[name] != default[name]]

    def _verdicts(self, case):
        given = dict(self.verdicts.get(case.name, {}))
        of_all = given.pop(None, None)
        numbers = range(self.rules.first_slice, self.rules.last_slice + 1)
        return {**(dict.fromkeys(numbers, of_all) if of_all else {}), **given}

    def _read(self, case):
        mask_path = None if self.unlabeled else case.only_mask()
        volume = read_volume(case.only_image(), mask_path, self.volume_rules)
        first = self.rules.first_slice
        numbers = np.arange(first, self.rules.last_slice + 1)
        images = slice_images(volume, numbers, self.slice_settings)
        verdicts = self._verdicts(case)
        slices = judge_slices(volume.brain, volume.mask, self.rules, verdicts)
        groups = {BORDERLINE} if self.keep_borderline else set()
        kept = [s.number for s in slices if s.is_used or s.group in groups]
        kept = np.array(kept, int)
        return {
            "images": images[kept - first],
            "numbers": kept,
            "slices": json.dumps([dataclasses.asdict(s) for s in slices]),
            "fingerprint": fingerprint(volume.image, volume.brain),
            "digest": hashlib.sha256(images.tobytes()).hexdigest(),
        }


@dataclasses.dataclass(frozen=True)
class ReadCase:
    """A case that was read, or the reason why it could not be.

    Attributes:
      case: its `Case`.
      path: the file with its slices, or None.
      fault: what is wrong with it, or None.
    """

    case: Case
    path: str | None
    fault: str | None = None

    def slices(self):
        """The judged `Slice`s of the whole volume."""
        return [Slice(**fields) for fields in json.loads(str(self._load("slices")))]

    def key(self):
        """Stands for all that its records follow from."""
        return os.path.basename(self.path)

    def group_counts(self):
        """Number of slices by `Slice.group`, a `Counter`."""
        return collections.Counter(s.group for s in self.slices())

    def fingerprints(self):
        """What tells the volume from others: int8 [1, blocks]."""
        return self._load("fingerprint")[None]

    def digest(self):
        """Stands for the images of all slices in the range."""
        return str(self._load("digest"))

    def records(self, group, patient):
        """The `Record`s of a `Slice.group`, under the name of the patient given."""
        label = label_number(UNLABELED if group == BORDERLINE else group)
        groups = {s.number: s.group for s in self.slices()}
        for image, number in zip(self._load("images"), self._load("numbers")):
            if groups[number] == group:
                name = f"brats/{self.case.name}/{number:03d}"
                yield Record(image, label, name, patient)

    def _load(self, name):
        with np.load(self.path) as file:
            return file[name]


def digest_of(*content):
    """SHA-256 of what can be written as JSON."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def file_states(paths):
    """What tells whether files were changed: a list of paths, sizes and times."""
    stats = [os.stat(p) if os.path.exists(p) else None for p in paths]
    return [(p, s and (s.st_size, s.st_mtime_ns)) for p, s in zip(paths, stats)]


def write_arrays(path, arrays):
    """Writes a dict of arrays as `.npz`, so that a reader sees all of it or nothing."""
    content = io.BytesIO()  # Where the disk is full, NumPy's own file says so twice.
    np.savez_compressed(content, **arrays)
    with disk_errors(path):
        with open(path + ".tmp", "wb") as file:
            file.write(content.getbuffer())
        os.replace(path + ".tmp", path)
