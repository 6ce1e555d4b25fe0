"""Writes images as one shard set: in the order of their table, and all of them."""

import sys

import tqdm

from dataset.image_files import read_image
from dataset.image_folders import find_images
from dataset.images import levels, scale_image
from dataset.patient_images import BAD
from dataset.shards import Record, UserError, label_number, write_shard_set


def write_image_set(sources, image_settings, settings):
    """Writes the images of a table as one set; nothing is judged or left out.

    Args:
      sources: `Sources`.
      image_settings: `ImageSettings`, not of percentiles.
      settings: all flags of `dataset.import_images`.

    Raises:
      UserError: an image is missing or cannot be used; all such are printed before.
    """
    output_dir = settings["output_dir"]
    found = find_images(settings["images_dir"], sources, output_dir)
    for name, fault in found.faults.items():
        print(f"{BAD} {name}: {fault}", file=sys.stderr)
    if found.faults:
        raise UserError(
            f"{len(found.faults)} files cannot be used, {len(found.files)} can; it is"
            " all of them or none."
        )
    for name, reason in found.unused.items():
        print(f"not used: {name}: {reason}.")
    prefix = settings["id_prefix"] and settings["id_prefix"] + "/"
    expected = None

    def read_records(start, stop):
        nonlocal expected
        for file in found.files[start:stop]:
            image = read_image(file.path, image_settings.channel)
            image_settings.check(file.path, image)
            low, high = levels([image], image_settings)
            image = scale_image(image, low, high, image_settings.image_size)
            expected = expected or (len(image), file.path)
            if len(image) != expected[0]:
                raise UserError(
                    f"{file.path}: {len(image)} pixels, expected {expected[0]} as in"
                    f" {expected[1]}, or --image_size."
                )
            label = label_number(file.label)
            yield Record(image, label, prefix + file.id, file.patient)

    shard_set = write_shard_set(
        output_dir,
        read_records,
        len(found.files),
        binary="dataset.import_images",
        settings=settings,
        images_per_shard=settings["images_per_shard"],
        overwrite=settings["overwrite"],
        progress=lambda records: tqdm.tqdm(
            records, "dataset.import_images", len(found.files), unit="img"
        ),
    )
    counts = ", ".join(f"{n} {label}" for label, n in shard_set.label_counts.items())
    print(f"{output_dir}: {counts}.")
