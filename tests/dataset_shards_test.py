"""Shard sets: what is written is read, whole or not at all, and never lost."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from dataset import shards
from dataset.errors import UserError
from dataset.shards import Record, ShardSet, write_shard_set


def records_between(start, stop, size=8):
    for n in range(start, stop):
        image = np.random.default_rng(n).integers(0, 256, [size, size], np.uint8)
        yield Record(image, n % 2, f"brats/case/{n:03d}", f"patient {n % 3}")


def write(folder, num_images=10, read=records_between, **settings):
    writing = {"binary": "tests.write", "settings": {"seed": 1}, "images_per_shard": 4}
    return write_shard_set(str(folder), read, num_images, **{**writing, **settings})


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def same(one, other):
    np.testing.assert_array_equal(one.image, other.image)
    return (one.label, one.id, one.patient) == (other.label, other.id, other.patient)


def test_records_come_back_as_they_were(tmp_path):
    shard_set = write(tmp_path)
    assert all(map(same, shard_set.records(), records_between(0, 10)))
    assert len(shard_set) == 10 and shard_set.image_size == 8
    assert shard_set.label_counts == {"non_tumor": 5, "tumor": 5}
    assert sorted(os.listdir(tmp_path)) == [
        "manifest.json",
        *[f"shard-0000{n}-of-00003.tfrecord" for n in range(3)],
    ]


def test_any_record_can_be_read_alone(tmp_path):
    shard_set = write(tmp_path)
    for n, record in enumerate(records_between(0, 10)):
        assert same(shard_set.record(n), record)


FORMER = pathlib.Path(__file__).parent / "data" / "shards_of_0.1.0"


def test_set_of_the_version_before_is_read_and_continued(tmp_path):
    """Written by 2385b1f: a finished set, and one stopped after its first shard."""
    former = ShardSet(FORMER / "finished")
    assert all(map(same, former.records(), records_between(0, 10)))
    assert same(former.record(7), next(records_between(7, 8)))
    for folder, read in (("finished", None), ("stopped", records_between)):
        shutil.copytree(FORMER / folder, tmp_path / folder)
        assert write(tmp_path / folder, read=read).digest == former.digest
        assert content(tmp_path / folder) == content(FORMER / "finished")


def test_padding_is_black_and_in_the_middle_or_as_told():
    padded = np.array(shards.pad(np.ones([2, 2, 1], np.uint8), 5))[..., 0]
    assert padded.shape == (5, 5) and padded.sum() == 4
    assert padded[1:3, 1:3].all()
    assert np.array(shards.pad(np.ones([2, 2, 1]), 5, 3, 0))[3:, :2].all()


def test_conversions_are_each_others_inverse():
    levels = tf.range(256)
    floats = shards.to_float(tf.cast(levels, tf.uint8))
    assert floats.dtype == tf.float32
    assert (floats[0], floats[255]) == (-1, 1)
    np.testing.assert_array_equal(shards.to_uint8(floats), levels)
    np.testing.assert_array_equal(shards.to_uint8([-1.5, 1.5, 0.001]), [0, 255, 128])


def test_unlabeled_images_are_counted_apart(tmp_path):
    def read(start, stop):
        for record in records_between(start, stop):
            yield Record(record.image, shards.UNLABELED, record.id)

    shard_set = write(tmp_path, read=read)
    assert shard_set.label_counts == {"non_tumor": 0, "tumor": 0, "unlabeled": 10}
    assert next(shard_set.records()).label == -1
    names = ["non_tumor", "tumor", "unlabeled"]
    assert [shards.label_number(name) for name in names] == [0, 1, -1]
    assert [shards.label_name(label) for label in (0, 1, -1)] == names


def test_stopped_writer_goes_on_and_ends_the_same(tmp_path):
    whole = write(tmp_path / "whole")
    asked = []

    def stopping(start, stop):
        for n, record in enumerate(records_between(start, stop), start):
            if n == 6:
                raise KeyboardInterrupt
            yield record

    def counting(start, stop):
        asked.append((start, stop))
        return records_between(start, stop)

    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        write(folder, read=stopping)
    with pytest.raises(UserError, match="no manifest.json.*not a finished shard set"):
        ShardSet(folder)
    again = write(folder, read=counting)
    assert asked == [(4, 8), (8, 10)]
    assert content(folder) == content(tmp_path / "whole")
    assert again.digest == whole.digest


def test_finished_set_is_not_written_again(tmp_path):
    write(tmp_path)
    before = content(tmp_path)
    write(tmp_path, read=None)
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    "settings, difference",
    [
        ({"settings": {"seed": 2}}, "--seed was 1, is 2"),
        ({"num_images": 9}, "num_images was 10, is 9"),
        ({"binary": "tests.other"}, "binary was 'tests.write', is 'tests.other'"),
    ],
)
def test_other_set_is_refused_and_replaced_on_demand(tmp_path, settings, difference):
    write(tmp_path)
    with pytest.raises(UserError, match=difference):
        write(tmp_path, **settings)
    assert len(ShardSet(tmp_path)) == 10
    replaced = write(tmp_path, **settings, overwrite=True)
    assert all(map(same, replaced.records(), records_between(0, len(replaced))))


def test_folder_of_something_else_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(UserError, match=f"{tmp_path}: not empty"):
        write(tmp_path)
    write(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "all of it"
    with pytest.raises(UserError, match="thesis.tex: a file, wanted a folder"):
        write(tmp_path / "thesis.tex")


def test_flags_that_say_how_to_run_may_change(tmp_path):
    write(tmp_path, settings={"seed": 1, "num_workers": 2, "output_dir": "here"})
    write(tmp_path, settings={"seed": 1, "num_workers": 8, "output_dir": "there"})


def test_empty_set_is_refused(tmp_path):
    with pytest.raises(UserError, match="nothing to write"):
        write(tmp_path, num_images=0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("name", ["shard-00001-of-00003.tfrecord", "manifest.json"])
def test_full_disk_is_named_with_the_file(tmp_path, name):
    def stopping(start, stop):
        yield from records_between(start, 4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, read=stopping)
    (tmp_path / f"{name}.tmp").symlink_to("/dev/full")
    path = tmp_path / name
    with pytest.raises(UserError, match=f"{path}: cannot be written: No space left"):
        write(tmp_path)
    assert not path.exists()
    (tmp_path / f"{name}.tmp").unlink()
    assert len(write(tmp_path)) == 10


def test_error_of_the_records_is_not_taken_for_a_full_disk(tmp_path):
    def failing(start, stop):
        raise OSError(5, "Input/output error")
        yield

    with pytest.raises(OSError, match="Input/output error"):
        write(tmp_path, read=failing)


def edit_manifest(folder, **changes):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.update(changes)
    (folder / "manifest.json").write_text(json.dumps(manifest))


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
    write(tmp_path)
    edit_manifest(tmp_path, **changes)
    with pytest.raises(UserError, match=message):
        ShardSet(tmp_path)


def test_missing_and_cut_shards_are_named(tmp_path):
    write(tmp_path)
    path = tmp_path / "shard-00001-of-00003.tfrecord"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    with pytest.raises(UserError, match=f"{path}: {len(whole) - 7} bytes, manifest"):
        ShardSet(tmp_path)
    path.unlink()
    with pytest.raises(
        UserError, match=f"{path}: listed in manifest.json, but missing"
    ):
        ShardSet(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"\xff{")
    with pytest.raises(UserError, match="manifest.json: not a manifest"):
        ShardSet(tmp_path)
    with pytest.raises(UserError, match="nowhere: no such shard set"):
        ShardSet(tmp_path / "nowhere")


def test_shard_that_lost_its_structure_is_named(tmp_path):
    shard_set = write(tmp_path)
    path = tmp_path / "shard-00001-of-00003.tfrecord"
    broken = bytearray(path.read_bytes())
    broken[0] ^= 0x55  # the length of its first record
    path.write_bytes(broken)
    with pytest.raises(UserError, match=f"{path}: damaged; dataset.verify"):
        shard_set.serialized(0)
