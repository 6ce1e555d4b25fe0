"""Writes shard sets as PNG files with a table, for programs that read no shards.

python -m dataset.export_images --data_dirs=real/test/tumor --output_dir=png
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.export_images")

import itertools
import os

import tqdm

from dataset.folders import claim_folder, release_folder, write_csv, write_json
from dataset.image_table import CARD, COLUMNS, EXPORT, TABLE
from dataset.pictures import write_png
from dataset.records import label_name
from dataset.shards import PROJECT_VERSION, ShardSet

BINARY = "dataset.export_images"
OWN = {TABLE, EXPORT, *CARD, *map(label_name, (-1, 0, 1))}


def export_images(*, data_dirs, output_dir, overwrite):
    """Writes the files; the arguments are the flags of the same names.

    `<label>/<number>.png`, numbered through all sets in their order, and `images.csv`,
    which `dataset.import_images --images_csv` reads. A run that was stopped continues
    where it was.
    """
    shard_sets = [ShardSet(directory) for directory in data_dirs]
    digests = [shard_set.digest for shard_set in shard_sets]
    settings = {"data_dirs": data_dirs, "manifests_sha256": digests}
    job = {"binary": BINARY, "project_version": PROJECT_VERSION, "settings": settings}
    own = {"is_own": OWN.__contains__, "overwrite": overwrite}
    if claim_folder(output_dir, job, final=EXPORT, **own):
        print(f"{output_dir}: finished before, nothing to do.")
        return
    records = itertools.chain(*(shard_set.records() for shard_set in shard_sets))
    total = sum(map(len, shard_sets))
    rows = []
    progress = tqdm.tqdm(records, BINARY, total, unit="img")
    for number, record in enumerate(progress):
        label = label_name(record.label)
        name = f"{label}/{number:07d}.png"
        path = os.path.join(output_dir, name)
        if not os.path.exists(path):  # A run before this one has got so far.
            write_png(path, record.image[..., None])
        rows.append([name, label, record.patient, record.id])
    write_csv(os.path.join(output_dir, TABLE), COLUMNS, rows)
    write_json(os.path.join(output_dir, EXPORT), {**job, "num_images": total})
    release_folder(output_dir)
    print(f"{output_dir}: {total} images, listed in {TABLE}.")


def main(settings):
    export_images(**settings)
