"""The shard contract: the only thing that the steps of the experiment share.

A shard set is a folder of TFRecord files and a `manifest.json`, written last. Its
format is described for programs in any language in `docs/shards.md`. In memory an
image is float32 [height, width, 1] in [-1, 1]; on disk it is an 8-bit grey PNG.
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from dataset.errors import UserError
from dataset.file_systems import load_file_system, read_bytes, read_errors
from dataset.folders import file_sha256
from dataset.record_faults import find_fault, png_header, record_errors
from dataset.records import (
    LABEL_NAMES,
    Record,
    parse,
    parse_origins,
    to_record,
    without_autotune,
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
      fault: why a record could not be read, once that has happened.

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
        self._png_header = png_header(self.image_size)
        self.fault: UserError | None = None
        self._index: _RecordIndex | None = None
        self._checked: set[str] = set()  # Paths of shards that are as written.
        self._opening = threading.Lock()

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
        if self.image_size < 1:
            raise ValueError(f"image_size {self.image_size}")
        shards = self.manifest["shards"]
        listed = sum(int(shard["num_images"]) for shard in shards)
        labelled = self.manifest["images_per_label"]
        unknown = labelled.keys() - {*LABEL_NAMES, "unlabeled"}
        if unknown or not len(self) == listed == sum(labelled.values()):
            raise UserError(
                f"{path}: num_images is {len(self)}, the shards' sum {listed},"
                f" images_per_label {labelled}; expected the same sum, and known"
                " labels."
            )
        for path, shard in zip(self.paths, shards):
            if os.path.basename(path) != shard["name"]:
                raise ValueError(f"shard {shard['name']!r}, expected a file's name")
            try:
                with read_errors(path):
                    size = tf.io.gfile.stat(path).length
            except tf.errors.NotFoundError as error:
                raise UserError(
                    f"{path}: listed in {MANIFEST}, but missing."
                ) from error
            if not isinstance(shard["sha256"], str):
                raise ValueError(f"sha256 {shard['sha256']!r}")
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

    def check_records(self) -> None:
        """Reads all records; a `UserError` names the first that cannot be used."""
        for path in self.paths:
            try:
                for example in self._parsed([path]).as_numpy_iterator():
                    to_record(example)
            except (tf.errors.OpError, UnicodeDecodeError):
                with read_errors(path, absence=True):
                    fault = find_fault(path, self.image_size)
                if fault:
                    raise UserError(fault) from None

    def check_shards(self) -> None:
        """Compares the shards with the digests in the manifest, once.

        A record's own checksum does not tell that it lies in another place, or is of
        another set.

        Raises:
          UserError: names the shard, and the record if it can be told.
        """
        with self._opening:
            for path, entry in zip(self.paths, self.manifest["shards"]):
                if path in self._checked:
                    continue
                with read_errors(path, absence=True):
                    digest = file_sha256(path)
                if digest != entry["sha256"]:
                    raise changed_shard(path, self.image_size)
                self._checked.add(path)

    def dataset(self, start: int = 0) -> tf.data.Dataset:
        """The set's examples from number `start` on, in order, parsed.

        To be iterated within `record_errors`.

        Returns:
          A `tf.data.Dataset` of `parse` dicts.

        Raises:
          UserError: a shard is not as it was written.
        """
        self.check_shards()
        return self._parsed(self.paths, start)

    def _parsed(self, paths, start=0):
        def parse_own(serialized):
            return parse(serialized, self.image_size)

        files = tf.data.TFRecordDataset(paths).skip(start)
        return without_autotune(
            files.map(parse_own, num_parallel_calls=tf.data.AUTOTUNE)
        )

    def _reading(self):
        """Turns what can go wrong at reading into a `UserError`."""
        errors = contextlib.ExitStack()
        errors.enter_context(read_errors(self.directory, absence=True))
        errors.enter_context(record_errors([self]))
        return errors

    def records(self) -> Iterator[Record]:
        """The set's `Record`s in order.

        Raises:
          UserError: names the record that breaks the contract.
        """
        with self._reading():
            yield from map(to_record, self.dataset().as_numpy_iterator())

    def origins(self) -> tuple[np.ndarray, list[str], list[str]]:
        """All images' labels, ids and patients, without decoding the images.

        Returns:
          int64 [images] and two lists of texts.
        """
        self.check_shards()
        batches = tf.data.TFRecordDataset(self.paths).batch(IMAGES_PER_SHARD)
        with self._reading():
            origins = list(
                without_autotune(batches.map(parse_origins)).as_numpy_iterator()
            )
            ids, patients = (
                [text.decode() for batch in origins for text in batch[name]]
                for name in ("id", "patient")
            )
        labels = np.concatenate([batch["label"] for batch in origins])
        return labels, ids, patients

    def patients(self) -> set[str]:
        """The set of all patients, "" for images without one; decodes no image."""
        return set(self.origins()[2])

    def record(self, position: int) -> Record:
        """The `Record` at `position` (0-based) of the set."""
        with self._reading():
            example = parse(self.serialized(position), self.image_size)
            values = {name: value.numpy() for name, value in example.items()}
            return to_record(values)

    def serialized(self, position: int) -> bytes:
        """The bytes of the example at `position` (0-based) of the set.

        Raises:
          UserError: names the shard, and the record if it can be told, that is damaged
            or whose PNG is not of 8 bits, grey and of the set's size.
        """
        try:
            if self._index is None:
                with self._opening:
                    self._index = self._index or _RecordIndex(self)
            content = self._index.read(position)
            if self._png_header not in content:
                self.check_records()
                raise UserError(f"{self.directory}: image {position} is no such PNG.")
        except UserError as error:
            self.fault = error
            raise
        return content


class _RecordIndex:
    """Where each record of a set lies, for reading in any order.

    A TFRecord is: uint64 length, uint32 CRC of it, the bytes, uint32 CRC of them. Those
    CRCs would cost more in Python than all else; so a shard's SHA-256 is compared with
    the manifest's when a record of it is first read, once.

    Raises:
      UserError: a file does not have as many records as it should, or is not as it was
        written.
    """

    def __init__(self, shard_set):
        self._paths, self._size = shard_set.paths, shard_set.image_size
        self._entries = shard_set.manifest["shards"]
        self._shards = [_open_bytes(path) for path in self._paths]
        self._locks = [threading.Lock() for _ in self._paths]
        self._checked = [path in shard_set._checked for path in self._paths]
        places = []
        for number, content in enumerate(self._shards):
            start, before = 0, len(places)
            while len(content) - start >= 16:
                length = int(content[start : start + 8].view("<u8")[0])
                places.append((number, start + 12, length))
                start += 12 + length + 4
            found = len(places) - before
            if start != len(content) or found != self._entries[number]["num_images"]:
                raise changed_shard(self._paths[number], self._size)
        self._places = np.array(places, np.int64).reshape(-1, 3)

    def read(self, position):
        shard, start, length = self._places[position]
        if not self._checked[shard]:
            self._check(shard)
        return self._shards[shard][start : start + length].tobytes()

    def _check(self, number):
        with self._locks[number]:
            if not self._checked[number]:
                digest = hashlib.sha256(self._shards[number]).hexdigest()
                if digest != self._entries[number]["sha256"]:
                    raise changed_shard(self._paths[number], self._size)
                self._checked[number] = True


def changed_shard(path: str, image_size: int) -> UserError:
    """The error for a shard that is not as it was written: its first bad record."""
    reason = f"damaged or changed: its SHA-256 is not that of {MANIFEST}"
    return UserError(find_fault(path, image_size) or f"{path}: {reason}.")


def _open_bytes(path):
    """A file as a uint8 array: mapped where it is local, read where it is remote."""
    if os.path.exists(path) and os.path.getsize(path):
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
