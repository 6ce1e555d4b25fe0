"""Turns a folder of 2-D images into shard sets, split by patient.

python -m dataset.import_images --images_dir=images --output_dir=real
 --mask_pattern='{stem}_mask.png' --patient_pattern='^([^/]+)/' --image_size=240
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.import_images")

import functools

from dataset import preparation
from dataset.errors import UserError
from dataset.image_copies import describe, find_copies
from dataset.image_folders import Sources, find_images
from dataset.images import AS_IS, PERCENTILES, ImageSettings
from dataset.one_set import write_image_set
from dataset.patient_images import ImageRules, JudgedImage, PatientReader

SOURCE = preparation.Source("file", "patient", "image", JudgedImage)


def main(settings):
    """Reads, curates, splits and writes all images; arguments as the flags say.

    A run that was stopped continues where it was. Files that cannot be used are all
    listed before they end it.
    """
    options = typed(settings)
    sources = preparation.take(Sources, options)
    image_settings = preparation.take(ImageSettings, options)
    if settings["one_set"]:
        check_one_set(settings)
        write_image_set(sources, image_settings, settings)
        return
    preparation.check_division(settings)
    found = find_images(settings["images_dir"], sources, settings["output_dir"])
    found.check_labels(settings["images_dir"])
    reader = PatientReader(
        folder=preparation.cases_folder(settings),
        settings=image_settings,
        rules=preparation.take(ImageRules, options),
        shape=None if settings["image_size"] else first_shape(found, image_settings),
    )
    gather = functools.partial(gather_images, found)
    preparation.prepare_sets(
        "dataset.import_images", found.patients(), reader, settings, SOURCE, gather
    )
    if settings["patient_per_image"]:
        print(
            "Each image without a named patient counts as a patient of its own: if one"
            " person has several, they can be in train and in test, and what is"
            " measured on the test part is then better than it would be on new people."
        )


def typed(settings):
    """The flags' values, as numbers and tuples where those of a list are."""
    options = {**settings, "class_folders": tuple(settings["class_folders"])}
    try:
        options["window"] = tuple(float(value) for value in settings["window"])
    except ValueError as error:
        window = ",".join(settings["window"])
        message = f"--window={window}: expected two numbers, low,high."
        raise UserError(message) from error
    return options


def check_one_set(settings):
    """Refuses flags that mean nothing for a single set."""
    if not settings["images_csv"]:
        raise UserError("--one_set: expected --images_csv, which orders the set.")
    if settings["mask_pattern"]:
        raise UserError("--one_set --mask_pattern: expected labels in --images_csv.")
    if settings["intensities"] == PERCENTILES:
        raise UserError(
            f"--one_set --intensities={PERCENTILES}: expected {AS_IS} (or a window): a"
            " set is taken as it is."
        )


def first_shape(found, image_settings):
    """The size that all images should have, and the file that tells it."""
    for file in found.files:
        try:
            return image_settings.read(file.path).shape, file.path
        except UserError:
            continue  # Told when all are read.
    return None


def gather_images(found, read):
    """What was `Gathered` of all that was `Found` and of the `ReadPatient`s."""
    patients, same = find_copies(read)
    faults = dict(found.faults)
    for patient in read:
        faults |= patient.faults()
    not_read = [JudgedImage(n, detail=fault) for n, fault in found.faults.items()]
    not_read += [JudgedImage(n, reason=reason) for n, reason in found.unused.items()]
    listed = [(patient.case.name, patient.judged) for patient in patients]
    return preparation.Gathered(
        cases=patients,
        listed=[*listed, ("", not_read)],
        faults=faults,
        num_good=sum(len(p.judged) - len(p.faults()) for p in read),
        found=same,
        notes=describe(**same),
    )
