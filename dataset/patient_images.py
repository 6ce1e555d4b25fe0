"""One patient's images, from their files to judged squares, kept until all are read."""

import dataclasses
import hashlib
import json
import os

import numpy as np

from dataset.cases import ReadCase, digest_of, file_states, write_arrays
from dataset.curation import EXCLUDED, NON_TUMOR, TUMOR, Judged
from dataset.errors import UserError
from dataset.image_files import read_image
from dataset.images import (
    BLOCKS,
    ImageSettings,
    fingerprint,
    foreground_level,
    levels,
    other_bits,
    scale_image,
)
from dataset.records import Record, label_number

BAD, COPY = "bad file", "a copy"
CONTRADICTION = "the same pixels with both labels"


@dataclasses.dataclass(frozen=True)
class ImageRules:
    """Thresholds for images; the flags of the same names explain each."""

    min_tumor_area: float = 80
    pixel_spacing: float = 0
    mask_threshold: float | None = None
    min_foreground: float = 5


@dataclasses.dataclass(frozen=True)
class JudgedImage(Judged):
    """An image's measures and what follows from them.

    Attributes:
      file: its path below the folder searched.
      id: in shard sets.
      rows, columns: of pixels, in the file; None where it could not be read.
      foreground: percent of the pixels that are no background.
      tumor_area: of the mask, in pixels of the file, or in mm2 where the spacing is
        known; None without a mask.
      verdict: tumor, non_tumor, excluded or unlabeled.
      reason: in words; the same words for the same rule.
      detail: what it is in this file.
    """

    file: str
    id: str = ""
    rows: int | None = None
    columns: int | None = None
    foreground: float | None = None
    tumor_area: float | None = None
    verdict: str = EXCLUDED
    reason: str = BAD
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class PatientReader:
    """Reads the images of patients; in the place of `cases.CaseReader`.

    Attributes:
      folder: where their files go.
      settings: `images.ImageSettings`.
      rules: `ImageRules`.
      shape: (rows, columns) that all images have, and a file that has them; None where
        they may have any.
    """

    folder: str
    settings: ImageSettings
    rules: ImageRules
    shape: tuple | None = None

    def __call__(self, patient):
        """Reads a patient unless its file is there; returns a `ReadPatient`."""
        masks = [file.mask_path for file in patient.files if file.mask_path]
        digest = digest_of(
            [dataclasses.astuple(file) for file in patient.files],
            file_states([*(file.path for file in patient.files), *masks]),
            dataclasses.astuple(self.settings),
            dataclasses.astuple(self.rules),
            self.shape,
        )
        path = os.path.join(self.folder, f"{digest[:32]}.npz")
        if not os.path.exists(path):
            write_arrays(path, self._read(patient))
        with np.load(path) as file:
            judged = [JudgedImage(**row) for row in json.loads(str(file["judged"]))]
            digests = [str(digest) for digest in file["digests"]]
        return ReadPatient(patient, path, None, tuple(judged), tuple(digests))

    def _read(self, patient):
        pixels, areas, faults = {}, {}, {}
        for file in patient.files:
            try:
                pixels[file.name], areas[file.name] = self._read_file(file)
            except UserError as error:
                faults[file.name] = str(error)
        of_paths = {f.path: f.name for f in patient.files if f.name in pixels}
        read = {path: pixels[name] for path, name in of_paths.items()}
        for path, fault in other_bits(read, self.settings).items():
            faults[of_paths[path]] = fault
            del pixels[of_paths[path]]
        images = list(pixels.values())
        low = high = threshold = 0
        if images:
            low, high = levels(images, self.settings)
            threshold = foreground_level(images)
        judged = []
        for file in patient.files:
            if file.name in faults:
                detail = faults[file.name]
                judged.append(JudgedImage(file.name, file.id, detail=detail))
                continue
            image, area = pixels[file.name], areas[file.name]
            share = round(100 * float((image > threshold).mean()), 2)
            judged.append(self._judge(file, image, share, area, low < high))
        used = [j.file for j in judged if j.is_used]
        size = self.settings.image_size
        prints = [fingerprint(pixels[n], low, high) for n in used]
        return {
            "images": np.array([scale_image(pixels[n], low, high, size) for n in used]),
            "files": np.array(used, str),
            "fingerprints": np.reshape(prints, (len(used), BLOCKS**2)).astype(np.int8),
            "judged": json.dumps([dataclasses.asdict(j) for j in judged]),
            "digests": np.array([_pixel_digest(pixels.get(j.file)) for j in judged]),
        }

    def _read_file(self, file):
        """An image and the area of its tumor, None where no mask tells.

        Raises:
          UserError: one of the two files cannot be used.
        """
        image = self.settings.read(file.path)
        if self.shape and image.shape != self.shape[0]:
            raise UserError(
                f"{file.path}: {_sizes(image.shape)} pixels, expected"
                f" {_sizes(self.shape[0])} as in {self.shape[1]}, or --image_size."
            )
        if not file.mask_path:
            return image, None
        mask = read_mask(file.mask_path, self.rules.mask_threshold)
        if mask.shape != image.shape:
            raise UserError(
                f"{file.mask_path}: mask of {_sizes(mask.shape)} pixels, expected"
                f" {_sizes(image.shape)} as in {file.path}."
            )
        spacing = self.rules.pixel_spacing
        area = int(mask.sum())
        return image, round(area * spacing**2, 2) if spacing else area

    def _judge(self, file, image, foreground, tumor_area, contrast):
        label = file.label
        if not label and tumor_area and tumor_area < self.rules.min_tumor_area:
            label = EXCLUDED
        label = label or (TUMOR if tumor_area else NON_TUMOR)
        reasons = {TUMOR: "tumor", NON_TUMOR: "no tumor"}
        reasons[EXCLUDED] = "borderline: little tumor"
        reason = reasons.get(label, "no label")
        if image.min() == image.max():
            label, reason = EXCLUDED, "empty: one value only"
        elif not contrast:
            label, reason = EXCLUDED, "no contrast in the patient's images"
        elif foreground < self.rules.min_foreground:
            label, reason = EXCLUDED, "too little foreground"
        measures = (*image.shape, foreground, tumor_area)
        return JudgedImage(file.name, file.id, *measures, label, reason)


@dataclasses.dataclass(frozen=True)
class ReadPatient(ReadCase):
    """A patient whose images were read.

    Attributes:
      judged: a `JudgedImage` for each file, in order.
      digests: for each file what stands for its pixels; empty for images of one value
        and those that could not be read.
    """

    judged: tuple = ()
    digests: tuple = ()

    def slices(self):
        """The `JudgedImage`s."""
        return self.judged

    def key(self):
        """Stands for all that its records follow from."""
        used = [judged.file for judged in self.judged if judged.is_used]
        return digest_of(super().key(), used)

    def digest(self):
        """Stands for the pixels of all images that are used."""
        pairs = zip(self.judged, self.digests)
        return "\n".join(digest for judged, digest in pairs if judged.is_used)

    def fingerprints(self):
        """What tells the images from others: int8 [images, blocks]."""
        return self._load("fingerprints")

    def faults(self):
        """{file: what is wrong with it}."""
        return {j.file: j.detail for j in self.judged if j.reason == BAD}

    def records(self, group, patient):
        """The `Record`s of a `Judged.group`, under the name of the patient given."""
        ids = {j.file: j.id for j in self.judged if j.group == group}
        label = label_number(group)
        for image, file in zip(self._load("images"), self._load("files")):
            if str(file) in ids:
                yield Record(image, label, ids[str(file)], patient)


def read_mask(path, threshold=None):
    """A mask, bool [rows, columns].

    Args:
      path: its file.
      threshold: value from which on a pixel is tumor; None: masks have two values, of
        which 0 is not.

    Raises:
      UserError: it cannot be read, or has other values.
    """
    mask = read_image(path)
    if threshold is not None:
        return mask >= threshold
    values = np.unique(mask)
    if len(values) > 2 or values[0] != 0:
        shown = ", ".join(f"{value:g}" for value in values[:5])
        more = ", ..." if len(values) > 5 else ""
        raise UserError(
            f"{path}: mask of values {shown}{more}; expected 0 and one other, or"
            " --mask_threshold."
        )
    return mask > 0


def _pixel_digest(image):
    if image is None or image.min() == image.max():
        return ""
    content = f"{image.dtype} {image.shape}".encode() + image.tobytes()
    return hashlib.sha256(content).hexdigest()


def _sizes(shape):
    return " x ".join(map(str, shape[::-1]))
