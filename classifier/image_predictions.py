"""Predicts tumors in image files, made as those that the detector was trained on."""

import dataclasses
import os
import sys

import numpy as np

from classifier.pictures import COLUMNS, images_picture
from dataset.errors import UserError
from dataset.image_files import is_image, read_image
from dataset.image_names import MaskNames, list_files, patient_in
from dataset.images import (
    PERCENTILES,
    ImageSettings,
    levels,
    other_bits,
    scale_image,
)

TILE = 240  # pixels, of an image in the picture
MAX_SHOWN = 96  # images


@dataclasses.dataclass(frozen=True)
class Predicted:
    """An image file with what was predicted of it.

    Attributes:
      path: of the file.
      probability: of a tumor.
      levels: the values that were black and white.
    """

    path: str
    probability: float
    levels: tuple


def predict_files(paths, detect, facts, *, intensities, patient_pattern, skip_bad):
    """Predicts image files, in their order.

    Args:
      paths: of files and folders.
      detect: function of uint8 [images, size, size, 1] to float [images].
      facts: how the training's images were made, see `image_settings`.
      intensities: in place of that of the facts; empty: that.
      patient_pattern: see `group_by_patient`.
      skip_bad: whether to leave out files that cannot be used.

    Returns:
      A list of `Predicted`, and the `ImageSettings`.

    Raises:
      UserError: files cannot be used; all such are printed before.
    """
    settings = image_settings(facts)
    if intensities:
        changes = {"intensities": intensities, "window": ()}
        settings = dataclasses.replace(settings, **changes)
    files = find_images(paths, facts.get("mask_pattern"))
    found, faults = {}, {}
    for own in group_by_patient(files, patient_pattern).values():
        images, bad, levels = read_patient(own, settings)
        faults |= bad
        if images:
            probabilities = detect(np.stack([*images.values()])[..., None])
            for path, probability in zip(images, probabilities, strict=True):
                found[path] = Predicted(path, float(probability), levels)
    for fault in faults.values():
        print(f"bad file {fault}", file=sys.stderr)
    if faults and not (skip_bad and found):
        hint = " Leave them out with --skip_bad_files." if found else ""
        raise UserError(
            f"--images: {len(faults)} of {len(files)} files cannot be used; they are"
            f" listed above.{hint}"
        )
    return [found[path] for path in files if path in found], settings


def picture(predicted, settings, threshold, draw_heat=None):
    """The suspicious images, uint8 [height, width, 3]; see `images_picture`.

    Args:
      predicted, settings: what `predict_files` returns.
      threshold: probability from which on an image is suspicious.
      draw_heat: function of uint8 [images, size, size, 1], as `detect` has them, to the
        heat maps beside them; None: nothing.
    """
    shown, title = choose_shown(predicted, threshold)

    pixels = [read_image(p.path, settings.channel) for p in shown]

    def sized(size):
        pairs = zip(pixels, shown, strict=True)
        return [scale_image(image, *p.levels, size) for image, p in pairs]

    names = [os.path.splitext(os.path.basename(p.path))[0] for p in shown]
    heat_maps = draw_heat and draw_heat(np.stack(sized(settings.image_size))[..., None])
    probabilities = [p.probability for p in shown]
    return images_picture(sized(TILE), names, probabilities, title, heat_maps)


def choose_shown(predicted, threshold):
    """Those of the `Predicted` that are shown, in their order, and the title."""
    order = sorted(range(len(predicted)), key=lambda i: -predicted[i].probability)
    suspicious = [i for i in order if predicted[i].probability >= threshold]
    shown = (suspicious or order[:COLUMNS])[:MAX_SHOWN]
    title = f"{len(suspicious)} of {len(predicted)} images at {threshold:.2f} or above"
    if not suspicious:
        title = f"no image at {threshold:.2f} or above; the highest are shown"
    elif len(suspicious) > len(shown):
        title += f"; the {len(shown)} highest are shown"
    return [predicted[i] for i in sorted(shown)], title


def notes(predicted, settings, facts, how):
    """What is to be known of how the images were made, in sentences."""
    if settings.intensities == PERCENTILES:
        whose = "each patient's" if how["patient_pattern"] else "all"
        hint = "" if how["patient_pattern"] else ", and of no other (--patient_pattern)"
        yield (
            f"0 and 255 are percentiles of {whose} images given; in training they were"
            f" of all images of a patient, so give all of them{hint}."
        )
    if "intensities" not in facts:
        yield (
            "The detector was trained on slices of volumes: the images have to look"
            " like those, as dataset.export_images writes them; they are taken as they"
            " are."
        )


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


def find_images(paths, mask_pattern=None):
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
    other = other_bits(pixels, settings)
    faults |= other
    pixels = {path: image for path, image in pixels.items() if path not in other}
    low, high = levels(list(pixels.values()), settings) if pixels else (0.0, 255.0)
    if low == high:
        flat = f"no contrast, all of the foreground is {low:g}."
        faults |= {path: f"{path}: {flat}" for path in pixels}
        pixels = {}
    size = settings.image_size
    images = {path: scale_image(i, low, high, size) for path, i in pixels.items()}
    return images, faults, (low, high)
