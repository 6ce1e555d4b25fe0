"""Turns a folder of 2-D images into shard sets, split by patient.

python -m dataset.import_images --images_dir=images --output_dir=real
 --mask_pattern='{stem}_mask.png' --patient_pattern='^([^/]+)/' --image_size=240
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.import_images")

import functools
import hashlib
import sys

import tqdm

from dataset import preparation
from dataset.errors import UserError
from dataset.folders import file_sha256
from dataset.image_copies import describe, find_copies
from dataset.image_folders import Sources, find_images
from dataset.images import AS_IS, PERCENTILES, ImageSettings, levels, scale_image
from dataset.patient_images import ImageRules, JudgedImage, PatientReader
from dataset.records import Record, label_number
from dataset.shard_writer import write_shard_set

SOURCE = preparation.Source("file", "patient", "image", JudgedImage)
MAX_SHOWN = 20  # Names of files that are not used.


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


def write_image_set(sources, image_settings, settings):
    """Writes the images of a table as one set, in its order; nothing is left out.

    Args:
      sources: `Sources` with `one_set`.
      image_settings: `ImageSettings`, not of percentiles.
      settings: all flags of `dataset.import_images`.

    Raises:
      UserError: an image is missing or cannot be used; all such are printed before.
    """
    output_dir = settings["output_dir"]
    found = find_images(settings["images_dir"], sources, output_dir)
    digest = check_files(found, image_settings)
    unused = [name for name, reason in found.unused.items() if "csv" in reason]
    for name in unused[:MAX_SHOWN]:
        print(f"not used: {name}: {found.unused[name]}.")
    if len(unused) > MAX_SHOWN:
        print(f"... and {len(unused) - MAX_SHOWN} more.")
    prefix = settings["id_prefix"] and settings["id_prefix"] + "/"

    def read_records(start, stop):
        for file in found.files[start:stop]:
            image = image_settings.read(file.path)
            low, high = levels([image], image_settings)
            image = scale_image(image, low, high, image_settings.image_size)
            label = label_number(file.label)
            yield Record(image, label, prefix + file.id, file.patient)

    total = len(found.files)
    bar = {"desc": "dataset.import_images", "total": total, "unit": "img"}
    shard_set = write_shard_set(
        output_dir,
        read_records,
        total,
        binary="dataset.import_images",
        settings={**settings, "files_sha256": digest},
        images_per_shard=settings["images_per_shard"],
        overwrite=settings["overwrite"],
        progress=functools.partial(tqdm.tqdm, **bar),
    )
    counts = ", ".join(f"{n} {label}" for label, n in shard_set.label_counts.items())
    print(f"{output_dir}: {counts}.")


def check_files(found, image_settings):
    """Reads all images; a digest of what the set is made of.

    Raises:
      UserError: an image is missing or cannot be used; all such are printed before.
    """
    faults, expected, digest = dict(found.faults), None, hashlib.sha256()
    for file in found.files:
        try:
            image = image_settings.read(file.path)
            side = image_settings.image_size or max(image.shape)
            expected = expected or (side, file.path)
            if side != expected[0]:
                raise UserError(
                    f"{file.path}: {side} pixels, expected {expected[0]} as in"
                    f" {expected[1]}, or --image_size."
                )
        except UserError as error:
            faults[file.name] = str(error)
            continue
        known = (file.id, file.label, file.patient, file_sha256(file.path))
        digest.update("\n".join(known).encode())
    for name, fault in faults.items():
        print(f"bad file {name}: {fault}", file=sys.stderr)
    if faults:
        raise UserError(
            f"{len(faults)} files cannot be used; they are listed above. --one_set"
            " writes all files of the table or nothing."
        )
    return digest.hexdigest()
