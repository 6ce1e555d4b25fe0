"""Reads shard sets record by record and lists what breaks their contract."""

import hashlib

import tensorflow as tf

from dataset.folders import file_sha256
from dataset.record_faults import decode_image, example_values
from dataset.records import UNLABELED, label_name, without_autotune

LABELS = (UNLABELED, 0, 1)


class Audit:
    """What is known of the records of all sets so far, and their faults.

    Attributes:
      faults: one line each; names the shard, and the record counted from 0.
      copies: the same of images that are equal to earlier ones, pixel by pixel.
    """

    def __init__(self):
        self.faults, self.copies = [], []
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
                    f"{path}: {count} readable records, expected {shard['num_images']}."
                )
        for label, count in labels.items():
            name = label_name(label)
            listed = shard_set.label_counts.get(name, 0)
            if count != listed:
                self.faults.append(
                    f"{shard_set.directory}: {count} images are {name}, expected"
                    f" {listed} as in the manifest."
                )

    def _read(self, path):
        """Yields the bytes of the records up to the first that is damaged."""
        count = 0
        records = without_autotune(tf.data.TFRecordDataset(path)).as_numpy_iterator()
        try:
            for serialized in records:
                count += 1
                yield serialized
        except tf.errors.OpError as error:
            self.faults.append(f"{path}, record {count}: damaged: {error.message}")

    def _check_record(self, part, shard_set, where, serialized):
        """Checks a record; returns its label, or None if it has none."""
        try:
            values = example_values(serialized)
        except ValueError as error:
            self.faults.append(f"{where}: {error}.")
            return None
        label, name, patient = (values[key] for key in ("label", "id", "patient"))
        if label not in LABELS:
            self.faults.append(f"{where}: label {label}, expected 0, 1 or {UNLABELED}.")
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
        try:
            image = decode_image(png, size)
        except ValueError as error:
            self.faults.append(f"{where}: {error}.")
            return
        if first := self._before(self._images, image.tobytes(), where):
            self.copies.append(f"{where}: the same pixels as {first}.")

    def _before(self, seen, content, where):
        """Where some bytes were before; nowhere if this is the first time."""
        first = seen.setdefault(hashlib.md5(content).digest(), where)
        return first if first != where else ""


def refinement_faults(refined, parent):
    """What is wrong with a set as a refined version of another, as a list of lines.

    Args:
      refined: `ShardSet`; expected in the order of its parent, with its labels and
        patients and ids `<refiner>/<parent id>`.
      parent: `ShardSet`.
    """
    if len(refined) != len(parent):
        return [
            f"{refined.directory}: {len(refined)} images, expected {len(parent)} as in"
            f" {parent.directory}."
        ]
    shards = zip(refined.paths, refined.manifest["shards"])
    places = [(path, n) for path, shard in shards for n in range(shard["num_images"])]
    faults, refiner = [], None
    for (path, n), new, old in zip(places, refined.records(), parent.records()):
        refiner = refiner or new.id.partition("/")[0]
        for name, seen, expected in (
            ("id", new.id, f"{refiner}/{old.id}"),
            ("label", repr(new.label), repr(old.label)),
            ("patient", repr(new.patient), repr(old.patient)),
        ):
            if seen != expected:
                faults.append(
                    f"{path}, record {n}: {name} {seen}, expected {expected}."
                )
    return faults
