"""Writes shard sets as PNG files with a table, for programs that read no shards.

python -m dataset.export_images --data_dirs=real/test/tumor --output_dir=png
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.export_images")

import csv
import io
import os

import tensorflow as tf
import tqdm

from dataset.folders import claim_folder, disk_errors, release_folder
from dataset.image_table import COLUMNS
from dataset.shards import (
    PROJECT_VERSION,
    ShardSet,
    label_name,
    write_bytes,
    write_json,
    write_text,
)

TABLE, FINAL = "images.csv", "export.json"
OWN = {TABLE, FINAL, *map(label_name, (-1, 0, 1))}


def export_images(*, data_dirs, output_dir, overwrite):
    """Writes the files; the arguments are the flags of the same names.

    `<label>/<number>.png`, numbered through all sets in their order, and `images.csv`,
    which `dataset.import_images --images_csv` reads. A run that was stopped goes on
    where it was.
    """
    shard_sets = [ShardSet(directory) for directory in data_dirs]
    job = {
        "binary": "dataset.export_images",
        "project_version": PROJECT_VERSION,
        "settings": {
            "data_dirs": data_dirs,
            "manifests_sha256": [s.digest for s in shard_sets],
        },
    }
    own = {"is_own": OWN.__contains__, "overwrite": overwrite}
    if claim_folder(output_dir, job, final=FINAL, **own):
        print(f"{output_dir}: finished before, nothing to do.")
        return
    records = (record for shard_set in shard_sets for record in shard_set.records())
    total = sum(map(len, shard_sets))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    progress = tqdm.tqdm(records, "dataset.export_images", total, unit="img")
    for number, record in enumerate(progress):
        label = label_name(record.label)
        name = f"{label}/{number:07d}.png"
        write_png(os.path.join(output_dir, name), record.image)
        table.writerow([name, label, record.patient, record.id])
    write_text(os.path.join(output_dir, TABLE), text.getvalue())
    write_json(os.path.join(output_dir, FINAL), {**job, "num_images": total})
    release_folder(output_dir)
    print(f"{output_dir}: {total} images, listed in {TABLE}.")


def write_png(path, image):
    """Writes a grey PNG unless it is there; a reader sees all of it or nothing."""
    if os.path.exists(path):
        return
    with disk_errors(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    write_bytes(path, tf.io.encode_png(image[..., None]).numpy())


def main(settings):
    export_images(**settings)
