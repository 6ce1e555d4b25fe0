"""Whoever reads a set with a bad record names shard and record, whatever is wrong."""

import gzip
import hashlib
import json

import cv2
import numpy as np
import pytest
import tensorflow as tf
import tiny_training
from refusals import refused
from shard_sets import numbered, write_ten

from classifier import augment
from dataset.record_faults import record_errors
from dataset.shards import ShardSet
from features.extraction import feature_batches
from flags import classifier as classifier_flags
from training.input import ChosenImages, shuffled_examples
from training.run import Run

BAD = "shard-00001-of-00003.tfrecord"  # Its records are number 4 to 7 of the set.
SEALED = {  # What is wrong with the PNG of record 6, in a shard as it should be.
    "sixteen bits": ("record 2", "16 bits", lambda image: image.astype(np.uint16) * 16),
    "colours": ("record 2", "colour type 2", lambda image: np.dstack([image] * 3)),
    "another size": ("record 2", "6 x 6 pixels", lambda image: image[:6, :6]),
}


def seal(folder):
    """Writes the shards' sizes and digests into the manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["shards"]:
        content = (folder / entry["name"]).read_bytes()
        entry["num_bytes"] = len(content)
        entry["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def change_image(path, number, change):
    """Writes a shard again with one record's image changed: a function of bytes."""
    raw = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    example = tf.train.Example.FromString(raw[number])
    value = example.features.feature["image"].bytes_list.value
    value[0] = change(value[0])
    raw[number] = example.SerializeToString(deterministic=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in raw:
            writer.write(record)


def spoil(folder, fault):
    """Makes a good set a bad one; returns what a message has to have."""
    write_ten(folder)
    path = folder / BAD
    content = bytearray(path.read_bytes())
    if fault == "flipped":  # In the label, id or image of record 1.
        length = int.from_bytes(content[:8], "little") + 16
        content[length + 12 + 20] ^= 255
        path.write_bytes(content)
        return str(path), "record 1", "damaged"
    if fault == "gzip":
        path.write_bytes(gzip.compress(content))
        seal(folder)
        return str(path), "gzip"
    if fault == "cut image":
        change_image(path, 2, lambda png: png[:-20])
        seal(folder)
        return str(path), "record 2", "PNG"
    record, seen, change = SEALED[fault]

    def encode(png):
        image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        return cv2.imencode(".png", change(image))[1].tobytes()

    change_image(path, 2, encode)
    seal(folder)
    return str(path), record, seen


def train(folder, tmp_path, flag_defaults):
    defaults = flag_defaults(tiny_training.define_train)
    own = {"data_dir": str(folder), "model_dir": str(tmp_path / "model")}
    run = Run("tiny_training", {**defaults, **own, "num_steps": 5})
    tiny_training.train(run, **run.model_flags)


def write_augmented(folder, tmp_path, flag_defaults):
    defaults = flag_defaults(classifier_flags.define_augment)
    own = {"data_dirs": [str(folder)], "output_dir": str(tmp_path / "out")}
    augment.augment(**{**defaults, **own, "num_images": 10})


def extract(folder, tmp_path, flag_defaults):
    list(feature_batches(ShardSet(folder), lambda images: tf.reduce_mean(images, 1)))


def read_all(folder, tmp_path, flag_defaults):
    list(ShardSet(folder).records())


def read_each(folder, tmp_path, flag_defaults):
    shard_set = ShardSet(folder)
    [shard_set.record(n) for n in range(10)]


FAULTS = ["flipped", "gzip", "cut image", *SEALED]
READERS = [write_augmented, extract, read_all, read_each]
CASES = [(read, fault) for read in READERS for fault in FAULTS]
CASES += [(train, "gzip"), (train, "cut image"), (train, "colours")]  # Slow.


@pytest.mark.parametrize("read, fault", CASES)
def test_every_reader_names_shard_and_record(read, fault, tmp_path, flag_defaults):
    message = spoil(tmp_path / "set", fault)
    with refused(*message):
        read(tmp_path / "set", tmp_path, flag_defaults)


@pytest.mark.parametrize("fault", ["flipped", "gzip"])
def test_origins_name_shard_and_record(fault, tmp_path):
    message = spoil(tmp_path / "set", fault)
    with refused(*message):
        ShardSet(tmp_path / "set").origins()


def test_changed_shard_of_good_records_is_no_longer_the_sets(tmp_path):
    """Same length, other label: only the manifest's SHA-256 can tell."""
    write_ten(tmp_path / "set")
    write_ten(tmp_path / "other", lambda a, b: (swap(r) for r in numbered(a, b)))
    (tmp_path / "set" / BAD).write_bytes((tmp_path / "other" / BAD).read_bytes())
    shard_set = ShardSet(tmp_path / "set")
    assert shard_set.record(3).id.endswith("003")
    with refused(tmp_path / "set" / BAD, "SHA-256"):
        shard_set.record(4)


def swap(record):
    return type(record)(record.image, 1 - record.label, record.id, record.patient)


def test_other_errors_are_not_taken_for_a_bad_record(tmp_path):
    chosen = ChosenImages(write_ten(tmp_path / "set"), 0, 0, "data_dir")
    examples = shuffled_examples([chosen], start=0, stop=4, seed=0)
    batches = examples.map(lambda example: tf.ensure_shape(example["image"], [9, 9, 1]))
    with pytest.raises(tf.errors.InvalidArgumentError):
        with record_errors([chosen]):
            list(batches.as_numpy_iterator())
