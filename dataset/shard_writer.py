"""Writes shard sets: whole or not at all, and on from where a writer stopped."""

import collections
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

from dataset.errors import UserError
from dataset.file_systems import disk_errors, read_bytes
from dataset.folders import claim_folder, release_folder, write_json
from dataset.records import (
    LABEL_NAMES,
    Record,
    label_name,
    parse,
    serialize,
    without_autotune,
)
from dataset.shards import (
    CONTRACT_VERSION,
    IMAGES_PER_SHARD,
    MANIFEST,
    PROJECT_VERSION,
    ShardSet,
)


def write_shard_set(
    output_dir: str,
    read_records: Callable[[int, int], Iterable[Record]],
    num_images: int,
    *,
    binary: str,
    settings: Mapping[str, Any],
    inputs: Iterable[ShardSet] = (),
    images_per_shard: int = IMAGES_PER_SHARD,
    overwrite: bool = False,
    progress: Callable[[Iterable[Record]], Iterable[Record]] = iter,
) -> ShardSet:
    """Writes a shard set, or finishes one whose writer was stopped.

    Every shard is written under a temporary name, closed, read back, counted and only
    then renamed; the manifest comes last. Called again with the same arguments, it
    writes only what is missing; on a finished set it does nothing.

    Args:
      output_dir: folder of the set, new, empty or left unfinished by the same call.
      read_records: `read_records(start, stop)` yields the `Record`s number start to
        stop - 1, the same whenever it is asked.
      num_images: number of records in all.
      binary: name of the program, `pggan.generate`.
      settings: dict of all its flags; kept in the manifest.
      inputs: the `ShardSet`s that it was made from.
      images_per_shard: number of records of all shards but the last.
      overwrite: whether another set in `output_dir` may be replaced.
      progress: wraps the iterable of records, e.g. a partial `tqdm.tqdm`.

    Returns:
      The finished `ShardSet`.

    Raises:
      UserError: `num_images` is 0, or `output_dir` holds something else.
    """
    if num_images < 1:
        raise UserError(f"{output_dir}: nothing to write, the set would be empty.")
    job = {
        "binary": binary,
        "settings": dict(sorted(settings.items())),
        "inputs": {inp.directory: inp.digest for inp in inputs},
        "num_images": num_images,
        "images_per_shard": images_per_shard,
    }
    job = json.loads(json.dumps(job, default=str))
    if claim_folder(
        output_dir, job, final=MANIFEST, is_own=_is_part_of_set, overwrite=overwrite
    ):
        return ShardSet(output_dir)
    starts = range(0, num_images, images_per_shard)
    ranges = {}  # Of the records in each shard, by its path.
    for number, start in enumerate(starts):
        name = f"shard-{number:05d}-of-{len(starts):05d}.tfrecord"
        stop = min(start + images_per_shard, num_images)
        ranges[os.path.join(output_dir, name)] = start, stop
    missing = {p: own for p, own in ranges.items() if not tf.io.gfile.exists(p)}
    remaining = (read_records(*own) for own in missing.values())
    records = iter(progress(itertools.chain.from_iterable(remaining)))
    shards = [
        _write_shard(path, records, stop - start)
        if path in missing
        else _read_back(path, stop - start)
        for path, (start, stop) in ranges.items()
    ]
    _write_manifest(output_dir, job, shards)
    return ShardSet(output_dir)


def _is_part_of_set(name):
    return name == MANIFEST or (name.startswith("shard-") and ".tfrecord" in name)


def _write_shard(path, records, num_images):
    temporary = path + ".tmp"
    examples = [serialize(r) for r in itertools.islice(records, num_images)]
    if len(examples) < num_images:
        raise ValueError(f"{path}: fewer records than were announced.")
    with disk_errors(path), tf.io.TFRecordWriter(temporary) as writer:
        for example in examples:
            writer.write(example)
    shard = _read_back(temporary, num_images)
    with disk_errors(path):
        tf.io.gfile.rename(temporary, path, overwrite=True)
    return {**shard, "name": os.path.basename(path)}


def _read_back(path, num_images):
    """Reads a shard as it lies on disk; returns its manifest entry with label counts.

    Raises:
      UserError: it cannot be read or does not hold `num_images` records.
    """
    labels = collections.Counter()
    sizes = set()
    examples = without_autotune(
        tf.data.TFRecordDataset(path).map(parse, tf.data.AUTOTUNE)
    )
    try:
        for example in examples.as_numpy_iterator():
            labels[label_name(int(example["label"]))] += 1
            sizes.add(example["image"].shape[:2])
    except tf.errors.OpError as error:
        raise UserError(f"{path}: damaged: {error.message}") from error
    if labels.total() != num_images:
        raise UserError(f"{path}: {labels.total()} records, expected {num_images}.")
    content = read_bytes(path)
    return {
        "name": os.path.basename(path),
        "num_images": num_images,
        "num_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "labels": labels,
        "sizes": sorted(sizes),
    }


def _write_manifest(output_dir, job, shards):
    sizes = sorted({size for shard in shards for size in shard.pop("sizes")})
    labels = sum((shard.pop("labels") for shard in shards), collections.Counter())
    if len(sizes) != 1 or sizes[0][0] != sizes[0][1]:
        raise ValueError(f"{output_dir}: images are not of one square size: {sizes}.")
    manifest = {
        "contract_version": CONTRACT_VERSION,
        "project_version": PROJECT_VERSION,
        **job,
        "image_size": int(sizes[0][0]),
        "images_per_label": {**dict.fromkeys(LABEL_NAMES, 0), **labels},
        "shards": shards,
    }
    write_json(os.path.join(output_dir, MANIFEST), manifest)
    release_folder(output_dir)
