"""Finds the images in a folder, and whose they are and what they show.

Labels come from the names of folders, from a table or from masks beside the images;
patients from the table or from the images' paths. Whatever is found and not used is
told with the reason.
"""

import collections
import dataclasses
import os

from dataset.curation import NON_TUMOR, TUMOR, UNLABELED
from dataset.errors import UserError
from dataset.image_files import is_image
from dataset.image_names import MaskNames, list_files, natural, patient_in
from dataset.image_table import read_table

ID_PREFIX = "images"  # Begins the ids of imported images.


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
        patient_in("", self.patient_pattern)  # Whether it can be searched.


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
class Patient:
    """The `ImageFile`s of one patient, in order; takes the place of a `layouts.Case`.

    Attributes:
      name: as the table or the path tells it.
      patient: under which name it is kept together with others, itself by default.
    """

    name: str
    files: tuple[ImageFile, ...]
    patient: str


@dataclasses.dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
      files: the `ImageFile`s, in the order of the table, else by name.
      unused: {name: reason} of other files.
      faults: {name: what is wrong} of files that cannot be used, but should be.
    """

    files: list
    unused: dict
    faults: dict

    def patients(self):
        """The `Patient`s, in the order of their first images."""
        of_patient = collections.defaultdict(list)
        for file in self.files:
            of_patient[file.patient].append(file)
        return [Patient(name, tuple(files), name) for name, files in of_patient.items()]

    def check_labels(self, images_dir):
        """Refuses images of which all that have a label have the same."""
        labels = collections.Counter(file.label for file in self.files)
        missing = {TUMOR, NON_TUMOR} - {*labels}
        if len(missing) == 1 and None not in labels and not self.faults:
            (name,) = missing
            raise UserError(
                f"--images_dir={images_dir}: no {name} image among {labels.total()};"
                f" expected images of both labels, {TUMOR} and {NON_TUMOR}."
            )


def find_images(images_dir, sources, output_dir=None):
    """Finds the images of a folder, at any depth.

    Args:
      images_dir: the folder.
      sources: `Sources`.
      output_dir: a folder that is left out of the search.

    Returns:
      What was `Found`.

    Raises:
      UserError: there are no images, or nothing tells their labels or patients.
    """
    if not os.path.isdir(images_dir):
        raise UserError(f"--images_dir={images_dir}: folder not found.")
    columns, rows = set(), {}
    if sources.images_csv:
        columns, rows = read_table(sources.images_csv, images_dir)
    names = list_files(images_dir, {output_dir, sources.images_csv})
    images = [n for n in names if is_image(os.path.join(images_dir, n))]
    others = sorted({*names} - {*images}, key=natural)
    unused = dict.fromkeys(others, "not an image")
    masks = None
    if sources.mask_pattern:
        masks = MaskNames(sources.mask_pattern, images)
        images = [name for name in images if not masks.is_mask(name)]
        unused |= dict.fromkeys(masks.orphans, "a mask without an image")
    if not images:
        raise UserError(
            f"--images_dir={images_dir}: no images in it; expected PNG, JPEG, TIFF or"
            " DICOM."
        )
    search = _Search(images_dir, sources, columns, rows, masks)
    search.check_sources(images)
    files, faults, known = [], {}, {*images}
    place = {name: number for number, name in enumerate(rows)}
    for name in sorted(images, key=lambda n: (place.get(n, len(place)), natural(n))):
        reason = search.unused_reason(name)
        if reason:
            unused[name] = reason
            continue
        try:
            files.append(search.image_file(name))
        except UserError as error:
            faults[name] = str(error)
    for name, row in rows.items():
        if name not in known:
            path = os.path.join(images_dir, name)
            faults[name] = f"{row.where}: no image {path}."
    return Found(files, unused, faults)


class _Search:
    """Tells the label and patient of each image of a folder."""

    def __init__(self, images_dir, sources, columns, rows, masks):
        self._folder, self._sources = images_dir, sources
        self._columns, self._rows, self._masks = columns, rows, masks
        other = masks or "label" in columns or sources.unlabeled
        self._by_folder = not other

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
        if self._by_folder and not any(map(self._class_folders, images)):
            raise UserError(
                f"{where}: nothing tells which images show a tumor; expected folders"
                f" {' and '.join(sources.class_folders)} (--class_folders), a column"
                " label in --images_csv, --mask_pattern or --unlabeled."
            )
        pattern = sources.patient_pattern
        otherwise = sources.patient_per_image or sources.one_set
        if otherwise or "patient" in self._columns:
            return
        if not pattern:
            raise UserError(
                f"{where}: nothing tells whose the images are, and images of one"
                " patient in training and test would make the test worthless; expected"
                " --patient_pattern, a column patient in --images_csv, or"
                " --patient_per_image if each image is of a patient of its own."
            )
        if not any(patient_in(name, pattern) for name in images):
            raise UserError(
                f"--patient_pattern={pattern}: in none of the {len(images)} images'"
                f" paths; expected the patient in, for example, {images[0]!r}."
            )

    def unused_reason(self, name):
        """Why an image is none of those to import; empty if it is."""
        if self._columns and name not in self._rows:
            return "not in --images_csv"
        if self._by_folder and not self._class_folders(name):
            return "in neither of --class_folders"
        needed = not (self._sources.unlabeled or self._sources.one_set)
        if needed and "label" in self._columns:
            if self._rows[name].label == UNLABELED:
                return "no label in --images_csv"
        return ""

    def image_file(self, name):
        """The `ImageFile` of an image.

        Raises:
          UserError: it has no label, no mask or no patient where it should.
        """
        path = os.path.join(self._folder, name)
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{path!r}: expected a name in UTF-8.") from error
        mask = None
        if self._masks and not self._sources.unlabeled:
            mask = self._masks.mask_of(name)
            if not mask:
                raise UserError(
                    f"{path}: no mask, expected {self._masks.expected(name)} beside it"
                    " (--mask_pattern); a mask without tumor is all 0."
                )
        elif self._by_folder and len(self._class_folders(name)) > 1:
            raise UserError(f"{path}: in both of --class_folders, expected one.")
        row = self._rows.get(name)
        return ImageFile(
            name=name,
            path=path,
            mask_path=mask and os.path.join(self._folder, mask),
            label=None if mask else self._label(name),
            patient=self._patient(name, path, row),
            id=(row and row.id) or f"{ID_PREFIX}/{name}",
        )

    def _class_folders(self, name):
        """Which of the two class folders a file is in; {} of none, at any depth."""
        return set(name.split("/")[:-1]) & set(self._sources.class_folders)

    def _label(self, name):
        if self._sources.unlabeled:
            return UNLABELED
        if self._by_folder:
            (folder,) = self._class_folders(name)
            return (NON_TUMOR, TUMOR)[self._sources.class_folders.index(folder)]
        return self._rows[name].label

    def _patient(self, name, path, row):
        if row and row.patient:
            return row.patient
        pattern = self._sources.patient_pattern
        patient = patient_in(name, pattern)
        if patient or self._sources.patient_per_image or self._sources.one_set:
            return patient or (name if self._sources.patient_per_image else "")
        told = f"--patient_pattern={pattern} is not in {name!r}" if pattern else ""
        empty = f"{row.where}: no patient" if row else ""
        raise UserError(f"{path}: {told or empty}; expected the patient of each image.")
