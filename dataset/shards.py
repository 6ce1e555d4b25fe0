"""The shard contract: the only thing that the steps of the experiment share.

A shard set is a folder of TFRecord files and a `manifest.json`, written last. Its
format is described for programs in any language in `docs/shards.md`. In memory an
image is float32 [height, width, 1] in [-1, 1]; on disk it is an 8-bit grey PNG.
"""

import collections
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

# Some of these are for the steps, which know this module and not those below it.
from dataset.errors import UserError
from dataset.file_systems import (  # noqa: F401
    disk_errors,
    load_file_system,
    read_bytes,
    read_errors,
)
from dataset.folders import (  # noqa: F401
    claim_folder,
    file_sha256,
    read_json,
    release_folder,
    write_bytes,
    write_json,
    write_text,
)
from dataset.records import (  # noqa: F401
    LABEL_NAMES,
    UNLABELED,
    Record,
    label_name,
    label_number,
    own_patients,
    pad,
    parse,
    parse_origins,
    serialize,
    to_float,
    to_record,
    to_uint8,
    untuned,
)

CONTRACT_VERSION = 1
PROJECT_VERSION = "1.0.0"
IMAGES_PER_SHARD = 1024

MANIFEST = "manifest.json"


class ShardSet:
    """A finished shard set, read in order or at any record.

    Attributes:
      directory: its folder, as given.
      manifest: the parsed `manifest.json`.
      digest: SHA-256 of the manifest file; stands for the content of the whole set.
      image_size: height and width of every image, in pixels.

    Raises:
      UserError: the folder does not exist, cannot be read, is unfinished, is of another
        version of the contract or lacks a shard.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = os.fspath(directory)
        path = os.path.join(self.directory, MANIFEST)
        content = self._read_manifest(path)
        self.digest = hashlib.sha256(content).hexdigest()
        try:
            self.manifest = json.loads(content)
            self._check_manifest(path)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not a manifest: {error!r}.") from error
        self._index: _RecordIndex | None = None

    def _read_manifest(self, path):
        load_file_system(self.directory)
        try:
            return read_bytes(path)
        except tf.errors.NotFoundError as error:
            message = "no such shard set (folder not found)."
            if tf.io.gfile.isdir(self.directory):
                message = (
                    f"no {MANIFEST}, so this is not a finished shard set; run the"
                    " program that writes it again to finish it."
                )
            raise UserError(f"{self.directory}: {message}") from error

    def _check_manifest(self, path):
        version = self.manifest["contract_version"]
        if version != CONTRACT_VERSION:
            raise UserError(
                f"{path}: contract version {version}, this program reads version"
                f" {CONTRACT_VERSION}."
            )
        self.image_size = int(self.manifest["image_size"])
        shards = self.manifest["shards"]
        listed = sum(int(shard["num_images"]) for shard in shards)
        labelled = self.manifest["images_per_label"]
        unknown = labelled.keys() - {*LABEL_NAMES, "unlabeled"}
        if unknown or not len(self) == listed == sum(labelled.values()):
            raise UserError(
                f"{path}: num_images is {len(self)}, the shards' sum {listed},"
                f" images_per_label {labelled}; wanted the same sum, and known labels."
            )
        for path, shard in zip(self.paths, shards):
            try:
                with read_errors(path):
                    size = tf.io.gfile.stat(path).length
            except tf.errors.NotFoundError as error:
                raise UserError(
                    f"{path}: listed in {MANIFEST}, but missing."
                ) from error
            if size != shard["num_bytes"]:
                raise UserError(
                    f"{path}: {size} bytes, {MANIFEST} says {shard['num_bytes']}."
                )

    def __len__(self) -> int:
        return int(self.manifest["num_images"])

    @property
    def label_counts(self) -> dict[str, int]:
        """Number of images by name: `non_tumor`, `tumor`, `unlabeled` if it has any."""
        none = dict.fromkeys(LABEL_NAMES, 0)
        return {**none, **self.manifest["images_per_label"]}

    @property
    def paths(self) -> list[str]:
        """The paths of the shards, in order."""
        names = [shard["name"] for shard in self.manifest["shards"]]
        return [os.path.join(self.directory, name) for name in names]

    def dataset(self) -> tf.data.Dataset:
        """The set's examples in order, parsed: a `tf.data.Dataset` of `parse` dicts."""
        files = tf.data.TFRecordDataset(self.paths)
        return untuned(files.map(parse, num_parallel_calls=tf.data.AUTOTUNE))

    def records(self) -> Iterator[Record]:
        """The set's `Record`s in order."""
        return map(to_record, self.dataset().as_numpy_iterator())

    def origins(self) -> tuple[np.ndarray, list[str], list[str]]:
        """All images' labels, ids and patients, without decoding the images.

        Returns:
          int64 [images] and two lists of texts.
        """
        batches = tf.data.TFRecordDataset(self.paths).batch(IMAGES_PER_SHARD)
        origins = list(untuned(batches.map(parse_origins)).as_numpy_iterator())
        labels = np.concatenate([batch["label"] for batch in origins])
        ids, patients = (
            [text.decode() for batch in origins for text in batch[name]]
            for name in ("id", "patient")
        )
        return labels, ids, patients

    def patients(self) -> set[str]:
        """The set of all patients, "" for images without one; decodes no image."""
        return set(self.origins()[2])

    def record(self, position: int) -> Record:
        """The `Record` at `position` (0-based) of the set."""
        example = parse(self.serialized(position))
        return to_record({name: value.numpy() for name, value in example.items()})

    def serialized(self, position: int) -> bytes:
        """The bytes of the example at `position` (0-based) of the set."""
        if self._index is None:
            counts = [shard["num_images"] for shard in self.manifest["shards"]]
            self._index = _RecordIndex(self.paths, counts)
        return self._index.read(position)


class _RecordIndex:
    """Where each record of some TFRecord files lies, for reading in any order.

    A TFRecord is: uint64 length, uint32 CRC of it, the bytes, uint32 CRC of them.

    Raises:
      UserError: a file does not have as many records as it should.
    """

    def __init__(self, paths, counts):
        self._shards = [_open_bytes(path) for path in paths]
        places = []
        for number, content in enumerate(self._shards):
            start, before = 0, len(places)
            while len(content) - start >= 16:
                length = int(content[start : start + 8].view("<u8")[0])
                places.append((number, start + 12, length))
                start += 12 + length + 4
            if start != len(content) or len(places) - before != counts[number]:
                raise UserError(
                    f"{paths[number]}: damaged; dataset.verify tells which record is."
                )
        self._places = np.array(places, np.int64).reshape(-1, 3)

    def read(self, position):
        shard, start, length = self._places[position]
        return self._shards[shard][start : start + length].tobytes()


def _open_bytes(path):
    """A file as a uint8 array: mapped where it is local, read where it is remote."""
    if os.path.exists(path):
        return np.memmap(path, np.uint8, mode="r")
    return np.frombuffer(read_bytes(path), np.uint8)


def has_manifest(directory: str) -> bool:
    """Whether a folder is a finished shard set.

    Raises:
      UserError: its file system does not answer.
    """
    load_file_system(directory)
    try:
        read_bytes(os.path.join(directory, MANIFEST))
    except tf.errors.NotFoundError:
        return False
    return True


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
    tf.io.gfile.rename(temporary, path, overwrite=True)
    return {**shard, "name": os.path.basename(path)}


def _read_back(path, num_images):
    """Reads a shard as it lies on disk; returns its manifest entry with label counts.

    Raises:
      UserError: it cannot be read or does not hold `num_images` records.
    """
    labels = collections.Counter()
    sizes = set()
    examples = untuned(tf.data.TFRecordDataset(path).map(parse, tf.data.AUTOTUNE))
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
