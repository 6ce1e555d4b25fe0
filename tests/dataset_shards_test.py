"""Shard sets: what is written is read, whole or not at all, and never lost."""

import json
import os
import pathlib
import shutil
import uuid

import numpy as np
import pytest
import tensorflow as tf
from refusals import refused
from shard_sets import Stop, numbered, write_ten

from dataset import folders, records, verify
from dataset.records import Record
from dataset.shards import ShardSet

FORMER = pathlib.Path(__file__).parent / "data" / "shards_of_0.1.0"
SHARDS = [f"shard-0000{n}-of-00003.tfrecord" for n in range(3)]


@pytest.fixture(params=["disk", "ram"])
def place(request, tmp_path):
    """A folder on the disk, and one of a file system that TensorFlow alone knows."""
    return str(tmp_path) if request.param == "disk" else f"ram://{uuid.uuid4().hex}"


def content(folder):
    names = sorted(tf.io.gfile.listdir(str(folder)))
    return {name: folders.read_bytes(os.path.join(folder, name)) for name in names}


def same(one, other):
    np.testing.assert_array_equal(one.image, other.image)
    return (one.label, one.id, one.patient) == (other.label, other.id, other.patient)


def test_records_come_back_as_they_were(place):
    shard_set = write_ten(f"{place}/set")
    assert all(map(same, shard_set.records(), numbered(0, 10)))
    assert all(same(shard_set.record(n), r) for n, r in enumerate(numbered(0, 10)))
    labels, ids, patients = shard_set.origins()
    found = list(zip(labels, ids, patients))
    assert found == [(r.label, r.id, r.patient) for r in numbered(0, 10)]
    assert shard_set.patients() == {"patient 0", "patient 1", "patient 2"}
    assert len(shard_set) == 10 and shard_set.image_size == 8
    assert shard_set.label_counts == {"non_tumor": 5, "tumor": 5}
    assert sorted(content(f"{place}/set")) == ["manifest.json", *SHARDS]
    former = ShardSet(FORMER / "finished").manifest["shards"]
    assert ShardSet(f"{place}/set/").manifest["shards"] == former


def test_set_of_the_version_before_is_read_and_continued(tmp_path):
    """Written by 403edcd: a finished set, and one stopped after its first shard."""
    former = ShardSet(FORMER / "finished")
    assert all(map(same, former.records(), numbered(0, 10)))
    assert same(former.record(7), next(numbered(7, 8)))
    for folder in ("finished", "stopped"):
        shutil.copytree(FORMER / folder, tmp_path / folder)
    whole = write_ten(tmp_path / "finished", read=None)  # Nothing is read or written.
    assert content(whole.directory) == content(former.directory)
    continued = write_ten(tmp_path / "stopped")
    manifest = {**continued.manifest, "project_version": "0.1.0"}
    assert manifest == former.manifest
    assert verify.verify(data_dirs=[continued.directory], refined_from=None) is None


def test_padding_is_black_and_in_the_middle_or_as_told():
    padded = np.array(records.pad(np.ones([2, 2, 1], np.uint8), 5))[..., 0]
    assert padded.shape == (5, 5) and padded.sum() == 4
    assert padded[1:3, 1:3].all()
    assert np.array(records.pad(np.ones([2, 2, 1]), 5, 3, 0))[3:, :2].all()


def test_conversions_are_each_others_inverse():
    levels = tf.range(256)
    floats = records.to_float(tf.cast(levels, tf.uint8))
    assert floats.dtype == tf.float32
    assert (floats[0], floats[255]) == (-1, 1)
    np.testing.assert_array_equal(records.to_uint8(floats), levels)
    np.testing.assert_array_equal(records.to_uint8([-1.5, 1.5, 0.001]), [0, 255, 128])


def test_unlabeled_images_are_counted_apart(tmp_path):
    def read(start, stop):
        for record in numbered(start, stop):
            yield Record(record.image, records.UNLABELED, record.id)

    shard_set = write_ten(tmp_path, read=read)
    assert shard_set.label_counts == {"non_tumor": 0, "tumor": 0, "unlabeled": 10}
    assert next(shard_set.records()).label == -1
    names = ["non_tumor", "tumor", "unlabeled"]
    assert [records.label_number(name) for name in names] == [0, 1, -1]
    assert [records.label_name(label) for label in (0, 1, -1)] == names


def test_stopped_writer_goes_on_and_ends_the_same(place):
    whole, folder, asked = write_ten(f"{place}/whole"), f"{place}/stopped", []

    def stopping(start, stop):
        yield from numbered(start, min(stop, 6))
        raise Stop

    def counting(start, stop):
        asked.append((start, stop))
        return numbered(start, stop)

    with pytest.raises(Stop):
        write_ten(folder, read=stopping)
    with refused("no manifest.json", "not a finished shard set"):
        ShardSet(folder)
    again = write_ten(folder, read=counting)
    assert asked == [(4, 8), (8, 10)]
    assert content(folder) == content(f"{place}/whole")
    assert again.digest == whole.digest
    write_ten(folder, read=None)  # Finished: nothing is read or written.
    assert content(folder) == content(f"{place}/whole")


@pytest.mark.parametrize(
    "settings, difference",
    [
        ({"settings": {"seed": 2}}, "--seed was 1, is 2"),
        ({"num_images": 9}, "num_images was 10, is 9"),
        ({"binary": "tests.other"}, "binary was 'tests.write', is 'tests.other'"),
    ],
)
def test_other_set_is_refused_and_replaced_on_demand(place, settings, difference):
    write_ten(f"{place}/set")
    with refused(difference):
        write_ten(f"{place}/set", **settings)
    assert len(ShardSet(f"{place}/set")) == 10
    replaced = write_ten(f"{place}/set", **settings, overwrite=True)
    assert all(map(same, replaced.records(), numbered(0, len(replaced))))


def test_folder_of_something_else_is_refused_and_kept(place):
    folder, thesis = f"{place}/mine", f"{place}/mine/thesis.tex"
    tf.io.gfile.makedirs(folder)
    folders.write_text(thesis, "all of it")
    with refused(f"{folder}: not empty"):
        write_ten(folder)
    write_ten(folder, overwrite=True)
    assert folders.read_bytes(thesis) == b"all of it"
    with refused("thesis.tex: a file, expected a folder"):
        write_ten(thesis)


def test_flags_that_say_how_to_run_may_change_and_no_set_is_empty(tmp_path):
    first = {"seed": 1, "num_workers": 2, "output_dir": "here"}
    write_ten(tmp_path, settings=first)
    write_ten(tmp_path, settings={**first, "num_workers": 8, "output_dir": "there"})
    with refused("nothing to write"):
        write_ten(tmp_path, num_images=0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("name", [SHARDS[1], "manifest.json"])
def test_full_disk_is_named_with_the_file(tmp_path, name):
    def stopping(start, stop):
        yield from numbered(start, 4)
        raise Stop

    with pytest.raises(Stop):
        write_ten(tmp_path, read=stopping)
    (tmp_path / f"{name}.tmp").symlink_to("/dev/full")
    with refused(f"{tmp_path / name}: cannot be written: No space left"):
        write_ten(tmp_path)
    assert not (tmp_path / name).exists()
    (tmp_path / f"{name}.tmp").unlink()
    assert len(write_ten(tmp_path)) == 10


def test_error_of_the_records_is_not_taken_for_a_full_disk(tmp_path):
    def failing(start, stop):
        raise OSError(5, "Input/output error")
        yield

    with pytest.raises(OSError, match="Input/output error"):
        write_ten(tmp_path, read=failing)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"contract_version": 2}, "contract version 2, this program reads version 1"),
        ({"num_images": 11}, "num_images is 11, the shards' sum 10"),
        ({"images_per_label": {"tumor": 4}}, "images_per_label {'tumor': 4}"),
        ({"images_per_label": {"cat": 10}}, "known labels"),
        ({"shards": None}, "not a manifest"),
    ],
)
def test_manifest_that_contradicts_itself_is_refused(tmp_path, changes, message):
    manifest = write_ten(tmp_path).manifest
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, **changes}))
    with refused(message):
        ShardSet(tmp_path)


def test_missing_and_cut_shards_are_named(tmp_path):
    write_ten(tmp_path)
    path = tmp_path / SHARDS[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    with refused(f"{path}: {len(whole) - 7} bytes, manifest.json says {len(whole)}"):
        ShardSet(tmp_path)
    path.unlink()
    with refused(f"{path}: listed in manifest.json, but missing"):
        ShardSet(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"\xff{")
    with refused("manifest.json: not a manifest"):
        ShardSet(tmp_path)
    with refused("nowhere: no such shard set"):
        ShardSet(tmp_path / "nowhere")


def test_shard_that_lost_its_structure_is_named(tmp_path):
    shard_set = write_ten(tmp_path)
    path = tmp_path / SHARDS[1]
    broken = bytearray(path.read_bytes())
    broken[0] ^= 0x55  # the length of its first record
    path.write_bytes(broken)
    with refused(f"{path}, record 0: damaged: "):
        shard_set.serialized(0)
