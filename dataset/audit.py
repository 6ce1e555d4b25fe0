"""Reads shard sets record by record and lists what breaks their contract."""

import hashlib
import struct

import tensorflow as tf
from google.protobuf.message import DecodeError

from dataset.folders import file_sha256
from dataset.records import UNLABELED, label_name, untuned

LABELS = (UNLABELED, 0, 1)
PNG = b"\x89PNG\r\n\x1a\n"
KINDS = {
    "image": "bytes_list",
    "label": "int64_list",
    "id": "bytes_list",
    "patient": "bytes_list",
}


class Audit:
    """What is known of the records of all sets so far, and their faults.

    Attributes:
      faults: one line each; names the shard, and the record counted from 0.
    """

    def __init__(self):
        self.faults = []
        self._ids, self._images, self._patients = {}, {}, {}

    def check_set(self, part, shard_set, advance):
        """Checks a `ShardSet` and compares it with those before.

        Args:
          part: name of the part that it belongs to; patients may not be in two.
          shard_set: the set.
          advance: called with the number of records after each.
        """
        labels = dict.fromkeys(LABELS, 0)
        for shard, path in zip(shard_set.manifest["shards"], shard_set.paths):
            if file_sha256(path) != shard["sha256"]:
                self.faults.append(f"{path}: its SHA-256 is not that of the manifest.")
            count = 0
            for count, serialized in enumerate(self._read(path), 1):
                where = f"{path}, record {count - 1}"
                label = self._check_record(part, shard_set, where, serialized)
                if label in labels:
                    labels[label] += 1
                advance(1)
            if count != shard["num_images"]:
                self.faults.append(
                    f"{path}: {count} readable records, wanted {shard['num_images']}."
                )
        for label, count in labels.items():
            name = label_name(label)
            listed = shard_set.label_counts.get(name, 0)
            if count != listed:
                self.faults.append(
                    f"{shard_set.directory}: {count} images are {name}, wanted"
                    f" {listed} as in the manifest."
                )

    def _read(self, path):
        """Yields the bytes of the records up to the first that is damaged."""
        count = 0
        records = untuned(tf.data.TFRecordDataset(path)).as_numpy_iterator()
        try:
            for serialized in records:
                count += 1
                yield serialized
        except tf.errors.OpError as error:
            self.faults.append(f"{path}, record {count}: damaged: {error.message}")

    def _check_record(self, part, shard_set, where, serialized):
        """Checks a record; returns its label, or None if it has none."""
        try:
            example = tf.train.Example.FromString(serialized)
        except DecodeError:
            self.faults.append(f"{where}: not a tf.train.Example.")
            return None
        values = {}
        for name, kind in KINDS.items():
            value = getattr(example.features.feature[name], kind).value
            if len(value) != 1:
                self.faults.append(
                    f"{where}: feature {name} has {len(value)} values in its {kind},"
                    " wanted 1."
                )
                return None
            values[name] = value[0]
        label, name, patient = (values[key] for key in ("label", "id", "patient"))
        if label not in LABELS:
            self.faults.append(f"{where}: label {label}, wanted 0, 1 or {UNLABELED}.")
        if not name:
            self.faults.append(f"{where}: its id is empty.")
        if first := self._before(self._ids, name, where):
            text = name.decode(errors="replace")
            self.faults.append(f"{where}: id {text} is that of {first} too.")
        self._check_image(where, values["image"], shard_set.image_size)
        first_part, first = self._patients.setdefault(patient, (part, where))
        if patient and first_part != part:
            text = patient.decode(errors="replace")
            self.faults.append(
                f"{where}: patient {text} is in {part} and, as {first}, in"
                f" {first_part}."
            )
        return label

    def _check_image(self, where, png, size):
        wanted = (size, size, 8, 0)  # columns, rows, bits, colour type: grey
        seen = struct.unpack(">IIBB", png[16:26]) if png.startswith(PNG) else None
        try:
            image = tf.io.decode_png(png).numpy()
        except tf.errors.InvalidArgumentError:
            seen = None
        if seen is None:
            self.faults.append(f"{where}: its image cannot be read as PNG.")
        elif seen != wanted:
            self.faults.append(
                f"{where}: PNG of {seen[0]} x {seen[1]} pixels, {seen[2]} bits, colour"
                f" type {seen[3]}; wanted {size} x {size}, 8, 0 (grey)."
            )
        elif first := self._before(self._images, image.tobytes(), where):
            self.faults.append(f"{where}: the same pixels as {first}.")

    def _before(self, seen, content, where):
        """Where some bytes were before; nowhere if this is the first time."""
        first = seen.setdefault(hashlib.md5(content).digest(), where)
        return first if first != where else ""


def refinement_faults(refined, parent):
    """What is wrong with a set as a refined version of another, as a list of lines.

    Args:
      refined: `ShardSet`; wanted in the order of its parent, with its labels and
        patients and ids `<refiner>/<parent id>`.
      parent: `ShardSet`.
    """
    if len(refined) != len(parent):
        return [
            f"{refined.directory}: {len(refined)} images, wanted {len(parent)} as in"
            f" {parent.directory}."
        ]
    shards = zip(refined.paths, refined.manifest["shards"])
    places = [(path, n) for path, shard in shards for n in range(shard["num_images"])]
    faults, refiner = [], None
    for (path, n), new, old in zip(places, refined.records(), parent.records()):
        refiner = refiner or new.id.partition("/")[0]
        for name, seen, wanted in (
            ("id", new.id, f"{refiner}/{old.id}"),
            ("label", repr(new.label), repr(old.label)),
            ("patient", repr(new.patient), repr(old.patient)),
        ):
            if seen != wanted:
                faults.append(f"{path}, record {n}: {name} {seen}, wanted {wanted}.")
    return faults
