"""Finds the images in a folder, and whose they are and what they show.

Labels come from the names of folders, from a table or from masks beside the images;
patients from the table or from the images' paths. Whatever is found and not used is
told with the reason.
"""

import collections
import dataclasses
import os

from dataset.curation import NON_TUMOR, TUMOR
from dataset.errors import UserError
from dataset.file_names import list_files, natural
from dataset.image_files import is_image
from dataset.image_search import ImageFile, Search
from dataset.image_table import read_table
from dataset.mask_names import MaskNames


@dataclasses.dataclass(frozen=True)
class Patient:
    """The images of one patient, in order; takes the place of a `layouts.Case`.

    Attributes:
      name: as the table or the path tells it.
      files: its `ImageFile`s.
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
        of_patient = {}
        for file in self.files:
            of_patient.setdefault(file.patient, []).append(file)
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
    table = read_table(sources.images_csv, images_dir) if sources.images_csv else None
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
    search = Search(images_dir, sources, table, masks)
    search.check_sources(images)
    files, faults = [], {}
    for name in search.order(images):
        reason = search.unused_reason(name)
        if reason:
            unused[name] = reason
            continue
        try:
            files.append(search.image_file(name))
        except UserError as error:
            faults[name] = str(error)
    faults |= search.missing(images)
    return Found(files, unused, faults)
