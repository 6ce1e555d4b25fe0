"""Verification names the shard and the record that is wrong."""

import hashlib
import json

import cv2
import numpy as np
import pytest
import shard_sets
import tensorflow as tf
from refusals import refused

from dataset import verify
from dataset.records import Record, serialize


def image_of(seed, size=8):
    return np.random.default_rng(seed).integers(0, 256, [size, size], np.uint8)


def write(folder, patients=("a", "b", "c"), label=1, seed=0, prefix="brats"):
    records = [
        Record(image_of([seed, n, k]), label, f"{prefix}/{patient}/{k}", patient)
        for n, patient in enumerate(patients)
        for k in range(2)
    ]
    return shard_sets.write(folder, records, images_per_shard=4)


def run(*data_dirs, refined_from=None):
    verify.verify(
        data_dirs=[str(folder) for folder in data_dirs],
        refined_from=refined_from and str(refined_from),
    )


def faults(capsys, *data_dirs, **settings):
    with refused("faults in"):
        run(*data_dirs, **settings)
    lines = capsys.readouterr().err.splitlines()
    bar = "dataset.verify:"
    return [line for line in lines if not line.startswith(bar) and line.strip()]


def replace_record(folder, shard, position, serialized):
    """Writes a shard anew with one record replaced; the manifest follows."""
    path = folder / f"shard-{shard:05d}-of-00002.tfrecord"
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    records[position] = serialized
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    manifest = json.loads((folder / "manifest.json").read_text())
    entry = manifest["shards"][shard]
    entry["num_bytes"] = path.stat().st_size
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def real(tmp_path):
    write(tmp_path / "real/train/tumor")
    write(tmp_path / "real/train/non_tumor", label=0, seed=1, prefix="brats/0")
    write(tmp_path / "real/test/tumor", ("d", "e"), seed=2)
    return tmp_path / "real"


def test_sets_in_order_pass(real, capsys):
    run(real)
    assert capsys.readouterr().out.splitlines() == [
        f"{real}/train: 2 shard sets with 12 images are in order.",
        f"{real}/test: 1 shard sets with 4 images are in order.",
    ]


def test_damaged_record_is_named(real, capsys):
    path = real / "train/tumor/shard-00000-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[-10] ^= 1  # in the last of its four records
    path.write_bytes(content)
    found = faults(capsys, real)
    assert f"{path}: its SHA-256 is not that of the manifest." in found
    assert any(f.startswith(f"{path}, record 3: damaged: ") for f in found)
    assert f"{path}: 3 readable records, expected 4." in found
    assert f"{path.parent}: 5 images are tumor, expected 6 as in the manifest." in found


def example(**changes):
    """A good record's bytes, but for features of other values."""
    good = serialize(Record(image_of(99), 1, "brats/z/0", "z"))
    message = tf.train.Example.FromString(good)
    for name, feature in changes.items():
        message.features.feature[name].CopyFrom(feature)
    return message.SerializeToString()


def text(*values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def number(*values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def png(image):
    return text(cv2.imencode(".png", image)[1].tobytes())


OUTSIDE = {
    "no example": (b"\xff\xff", "not a tf.train.Example."),
    "label as text": (
        example(label=text(b"1")),
        "feature label has 0 values in its int64_list, expected 1.",
    ),
    "two ids": (
        example(id=text(b"a", b"b")),
        "feature id has 2 values in its bytes_list, expected 1.",
    ),
    "label": (example(label=number(2)), "label 2, expected 0, 1 or -1."),
    "no id": (example(id=text(b"")), "its id is empty."),
    "no PNG": (example(image=text(b"no")), "its image cannot be read as PNG."),
    "no image": (example(image=text(b"")), "its image cannot be read as PNG."),
    "cut PNG": (
        example(image=text(png(image_of(1)).bytes_list.value[0][:70])),
        "its image cannot be read as PNG.",
    ),
    "size": (
        example(image=png(image_of(1, 16))),
        "PNG of 16 x 16 pixels, 8 bits, colour type 0; expected 8 x 8, 8, 0 (grey).",
    ),
    "16 bits": (
        example(image=png(image_of(1).astype(np.uint16))),
        "PNG of 8 x 8 pixels, 16 bits, colour type 0; expected",
    ),
    "colour": (
        example(image=png(np.repeat(image_of(1)[..., None], 3, axis=-1))),
        "PNG of 8 x 8 pixels, 8 bits, colour type 2; expected",
    ),
}


@pytest.mark.parametrize("fault", OUTSIDE)
def test_record_outside_the_contract_is_named(real, capsys, fault):
    serialized, message = OUTSIDE[fault]
    replace_record(real / "train/tumor", 1, 1, serialized)
    where = f"{real}/train/tumor/shard-00001-of-00002.tfrecord, record 1: "
    assert any(f.startswith(where + message) for f in faults(capsys, real))


def test_label_that_the_manifest_does_not_count_is_found(real, capsys):
    replace_record(real / "train/tumor", 1, 1, example(label=number(0)))
    folder = real / "train/tumor"
    assert faults(capsys, real) == [
        f"{folder}: 1 images are non_tumor, expected 0 as in the manifest.",
        f"{folder}: 5 images are tumor, expected 6 as in the manifest.",
    ]


def test_ids_and_images_that_occur_twice_are_named(real, capsys):
    replace_record(real / "train/tumor", 1, 1, example(id=text(b"brats/a/1")))
    first = f"{real}/train/tumor/shard-00000-of-00002.tfrecord, record 1"
    second = f"{real}/train/tumor/shard-00001-of-00002.tfrecord, record 1"
    assert faults(capsys, real) == [f"{second}: id brats/a/1 is that of {first} too."]
    twice = serialize(Record(image_of([0, 0, 1]), 1, "brats/z/0", "z"))
    replace_record(real / "train/tumor", 1, 1, twice)
    assert faults(capsys, real) == [f"{second}: the same pixels as {first}."]


def test_patient_in_two_parts_is_named(real, capsys):
    write(real / "validation/tumor", ("f", "b"), seed=3, prefix="brats/1")
    found = faults(capsys, real)
    assert len(found) == 2
    where = f"{real}/validation/tumor/shard-00000-of-00001.tfrecord, record 2"
    assert found[0].startswith(f"{where}: patient b is in {real}/validation and, as ")
    assert found[0].endswith(f"in {real}/train.")
    # The same folders under other names, given one by one.
    (real / "validation").rename(real.parent / "other")
    assert len(faults(capsys, real / "train", real.parent / "other")) == 2
    run(real / "train")


def test_images_without_patient_leak_nothing(tmp_path):
    write(tmp_path / "one", ("",) * 1, prefix="pggan/1")
    write(tmp_path / "two", ("",) * 1, prefix="pggan/2", seed=1)
    run(tmp_path / "one", tmp_path / "two")


def test_unfinished_set_is_refused(real):
    (real / "test/tumor/manifest.json").unlink()
    with refused("test/tumor: no manifest.json"):
        run(real)


def test_folders_without_sets_are_refused(tmp_path):
    with refused("no manifest.json in it or below it"):
        run(tmp_path)
    with refused("--data_dirs: ", "nowhere: no such folder"):
        run(tmp_path / "nowhere")


def refine(folder, parent, change=lambda n, record: record):
    records = [
        Record(255 - r.image, r.label, f"mine/{r.id}", r.patient)
        for r in parent.records()
    ]
    records = [change(n, record) for n, record in enumerate(records)]
    return shard_sets.write(folder, records, images_per_shard=4)


def test_refined_set_in_order_passes(tmp_path):
    parent = write(tmp_path / "parent")
    refine(tmp_path / "refined", parent)
    run(tmp_path / "refined", refined_from=tmp_path / "parent")


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("id", "brats/b/1", "id brats/b/1, expected mine/brats/b/1."),
        ("id", "yours/brats/b/1", "id yours/brats/b/1, expected mine/brats/b/1."),
        ("label", 0, "label 0, expected 1."),
        ("patient", "c", "patient 'c', expected 'b'."),
    ],
)
def test_refined_record_that_does_not_follow_is_named(
    tmp_path, capsys, name, value, message
):
    def change(n, record):
        changed = {**vars(record), name: value} if n == 3 else vars(record)
        return Record(**changed)

    refine(tmp_path / "refined", write(tmp_path / "parent"), change)
    found = faults(capsys, tmp_path / "refined", refined_from=tmp_path / "parent")
    where = f"{tmp_path}/refined/shard-00000-of-00002.tfrecord, record 3: "
    assert found == [where + message]


@pytest.mark.parametrize("copies, passes", [(2, True), (3, False)])
def test_one_of_a_hundred_refined_images_may_be_a_copy(
    tmp_path, capsys, copies, passes
):
    blank = np.zeros([8, 8], np.uint8)

    def change(n, record):
        return Record(blank, 1, record.id, record.patient) if n <= copies else record

    parent = write(tmp_path / "parent", [f"p{n}" for n in range(101)])
    refine(tmp_path / "refined", parent, change)
    verified = {"refined_from": tmp_path / "parent"}
    if passes:
        run(tmp_path / "refined", **verified)
        text = capsys.readouterr().out
        assert "Note: 2 of 202 images equal others" in text and "record 1:" in text
    else:
        found = faults(capsys, tmp_path / "refined", **verified)
        assert len(found) == 3 and all("the same pixels as" in f for f in found)


def test_refined_set_of_another_number_is_refused(tmp_path, capsys):
    write(tmp_path / "parent")
    refine(tmp_path / "refined", write(tmp_path / "part", ("a", "b")))
    found = faults(capsys, tmp_path / "refined", refined_from=tmp_path / "parent")
    assert found[0].startswith(f"{tmp_path}/refined: 4 images, expected 6 as in")
    with refused("expected one shard set in --data_dirs, it has 2"):
        run(tmp_path / "part", tmp_path / "refined", refined_from=tmp_path / "parent")
