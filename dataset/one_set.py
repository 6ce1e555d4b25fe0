"""Writes images as one shard set: in the order of their table, and all of them."""

import functools
import hashlib
import sys

import tqdm

from dataset.errors import UserError
from dataset.folders import file_sha256
from dataset.image_folders import find_images
from dataset.images import levels, scale_image
from dataset.records import Record, label_number
from dataset.shard_writer import write_shard_set

MAX_SHOWN = 20


def write_image_set(sources, image_settings, settings):
    """Writes the images of a table as one set; nothing is judged or left out.

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
