"""What an image's path, table and mask tell: its label, its patient, its name."""

import dataclasses
import os
import re

from dataset.curation import NON_TUMOR, TUMOR, UNLABELED
from dataset.errors import UserError
from dataset.file_names import check_name, natural

ID_PREFIX = "images"  # Begins the ids of imported images.


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """One image file.

    Attributes:
      name: its path below the folder searched, with `/`.
      path: its path.
      mask_path: path of its mask, or None.
      label: tumor, non_tumor, unlabeled, or None where the mask tells.
      patient: its patient's name.
      id: in shard sets.
    """

    name: str
    path: str
    mask_path: str | None
    label: str | None
    patient: str
    id: str


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where labels and patients come from; flags of the same names explain each."""

    images_csv: str | None = None
    class_folders: tuple[str, str] = (NON_TUMOR, TUMOR)
    mask_pattern: str | None = None
    patient_pattern: str | None = None
    patient_per_image: bool = False
    unlabeled: bool = False
    one_set: bool = False

    def __post_init__(self):
        if len(set(self.class_folders)) != 2:
            raise UserError(
                f"--class_folders={','.join(self.class_folders)}: expected two names,"
                " of the folder without tumors and of that with tumors."
            )
        try:
            re.compile(self.patient_pattern or "")
        except re.error as error:
            raise UserError(
                f"--patient_pattern={self.patient_pattern}: {error}; expected a regular"
                " expression."
            ) from error


class Search:
    """Tells the label and patient of each image of a folder."""

    def __init__(self, images_dir, sources, table, masks):
        self._folder = images_dir
        self._sources = sources
        self._table = table
        self._masks = masks

    def check_sources(self, images):
        """Refuses a folder for whose images nothing tells labels or patients."""
        sources, where = self._sources, f"--images_dir={self._folder}"
        labels_needed = not sources.unlabeled
        if self._masks and labels_needed and not any(map(self._masks.mask_of, images)):
            raise UserError(
                f"--mask_pattern={sources.mask_pattern}: none of the {len(images)}"
                f" images has such a mask; expected {self._masks.expected(images[0])}"
                f" beside {images[0]}, for example."
            )
        if self._by_folder() and not any(map(self._class_folders, images)):
            raise UserError(
                f"{where}: nothing tells which images show a tumor; expected folders"
                f" {' and '.join(sources.class_folders)} (--class_folders), a column"
                " label in --images_csv, --mask_pattern or --unlabeled."
            )
        by_name = sources.patient_pattern or sources.patient_per_image
        if not (self._in_table("patient") or by_name or sources.one_set):
            raise UserError(
                f"{where}: nothing tells whose the images are, and images of one"
                " patient in training and test would make the test worthless; expected"
                " --patient_pattern, a column patient in --images_csv, or"
                " --patient_per_image if each image is of a patient of its own."
            )

    def order(self, images):
        """Images in the order of the table, those that it does not name last."""
        named = list(self._table.rows) if self._table else []
        place = {name: number for number, name in enumerate(named)}
        return sorted(images, key=lambda n: (place.get(n, len(place)), natural(n)))

    def missing(self, images):
        """{name: fault} of rows of the table without a file."""
        rows = self._table.rows if self._table else {}
        return {
            name: f"{row.where}: no image {os.path.join(self._folder, name)}."
            for name, row in rows.items()
            if name not in set(images)
        }

    def unused_reason(self, name):
        """Why an image is none of those to import; empty if it is."""
        if self._table and name not in self._table.rows:
            return "not in --images_csv"
        if self._by_folder() and not self._class_folders(name):
            return "in neither of --class_folders"
        needed = not (self._sources.unlabeled or self._sources.one_set)
        if needed and self._in_table("label"):
            if self._table.rows[name].label == UNLABELED:
                return "no label in --images_csv"
        return ""

    def image_file(self, name):
        """The `ImageFile` of an image.

        Raises:
          UserError: it has no label, no mask or no patient where it should.
        """
        path = os.path.join(self._folder, name)
        check_name(path)
        mask = None
        if self._masks and not self._sources.unlabeled:
            mask = self._masks.mask_of(name)
            if not mask:
                raise UserError(
                    f"{path}: no mask, expected {self._masks.expected(name)} beside it"
                    " (--mask_pattern); a mask without tumor is all 0."
                )
        elif self._by_folder() and len(self._class_folders(name)) > 1:
            raise UserError(f"{path}: in both of --class_folders, expected one.")
        row = self._table and self._table.rows[name]
        return ImageFile(
            name=name,
            path=path,
            mask_path=mask and os.path.join(self._folder, mask),
            label=None if mask else self._label(name),
            patient=self._patient(name, path, row),
            id=(row and row.id) or f"{ID_PREFIX}/{name}",
        )

    def _in_table(self, column):
        return self._table is not None and self._table.has(column)

    def _by_folder(self):
        other = self._masks or self._in_table("label") or self._sources.unlabeled
        return not other

    def _class_folders(self, name):
        """Which of the two class folders a file is in; {} of none, at any depth."""
        return set(name.split("/")[:-1]) & set(self._sources.class_folders)

    def _label(self, name):
        if self._sources.unlabeled:
            return UNLABELED
        if self._masks:
            return None
        if self._by_folder():
            (folder,) = self._class_folders(name)
            return (NON_TUMOR, TUMOR)[self._sources.class_folders.index(folder)]
        return self._table.rows[name].label

    def _patient(self, name, path, row):
        if row and row.patient:
            return row.patient
        pattern = self._sources.patient_pattern
        match = pattern and re.search(pattern, name)
        patient = match and (match[match.lastindex or 0] or "").strip()
        if patient:
            return patient
        if self._sources.patient_per_image:
            return name
        if self._sources.one_set:
            return ""
        told = f"--patient_pattern={pattern} is not in {name!r}" if pattern else ""
        empty = f"{row.where}: no patient" if row else ""
        raise UserError(f"{path}: {told or empty}; expected the patient of each image.")
