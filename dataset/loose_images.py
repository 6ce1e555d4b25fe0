"""Images to look at with a detector: files and folders of any number of patients."""

import dataclasses
import os

from dataset.errors import UserError
from dataset.image_files import is_image
from dataset.image_names import MaskNames, list_files, patient_in
from dataset.images import ImageSettings, levels, scale_image


def image_settings(facts):
    """How a detector's images were made, of what its training noted of them.

    Args:
      facts: the settings of `dataset.import_images` as `ImageSettings` has them, as
        JSON values; of a detector of volumes, whose slices are taken as they are, those
        of `volumes.SliceSettings`.
    """
    if "intensities" not in facts:
        return ImageSettings(image_size=facts["image_size"], intensities="as_is")
    names = [field.name for field in dataclasses.fields(ImageSettings)]
    given = {name: facts[name] for name in names if name in facts}
    given["window"] = tuple(float(value) for value in given.get("window", ()))
    return ImageSettings(**given)


def find_loose_images(paths, mask_pattern=None):
    """The image files among some paths, folders searched at any depth.

    Args:
      paths: of files and folders.
      mask_pattern: of masks, which do not count; see `image_names.MaskNames`.

    Raises:
      UserError: a path does not exist, or there are no images.
    """
    found = []
    for path in paths:
        if not os.path.exists(path):
            raise UserError(f"--images: {path}: no such file or folder.")
        if not os.path.isdir(path):
            found.append(path)
            continue
        names = [n for n in list_files(path) if is_image(os.path.join(path, n))]
        masks = MaskNames(mask_pattern, names) if mask_pattern else None
        names = [name for name in names if not (masks and masks.is_mask(name))]
        found += [os.path.join(path, name) for name in names]
    if not found:
        raise UserError(
            f"--images={','.join(paths)}: no images in it; expected PNG, JPEG, TIFF or"
            " DICOM."
        )
    return list(dict.fromkeys(found))


def group_by_patient(paths, pattern):
    """{patient: paths}; all of one patient without a pattern.

    Raises:
      UserError: the pattern is none, or is not in a path.
    """
    patients = {}
    for path in paths:
        patient = patient_in(path, pattern)
        if pattern and not patient:
            raise UserError(f"--patient_pattern={pattern} is not in {path!r}.")
        patients.setdefault(patient, []).append(path)
    return patients


def read_patient(paths, settings):
    """Reads all images of one patient as they would have been for a training.

    Returns:
      {path: uint8 [image_size, image_size]}, {path: fault} and the two values that
      became 0 and 255.
    """
    pixels, faults = {}, {}
    for path in paths:
        try:
            pixels[path] = settings.read(path)
        except UserError as error:
            faults[path] = str(error)
    low, high = levels(list(pixels.values()), settings) if pixels else (0.0, 255.0)
    if low == high:
        flat = f"no contrast, all of the foreground is {low:g}."
        faults |= {path: f"{path}: {flat}" for path in pixels}
        pixels = {}
    size = settings.image_size
    images = {path: scale_image(i, low, high, size) for path, i in pixels.items()}
    return images, faults, (low, high)
