"""Shard sets as PNG files and back: bit for bit, and what cannot come back."""

import itertools

import cv2
import image_folder
import numpy as np
import pytest
import shard_sets
from refusals import refused

from dataset import export_images, import_images, verify
from dataset.records import Record
from dataset.shards import ShardSet
from flags import dataset as dataset_flags


@pytest.fixture
def sets(tmp_path, write_images):
    """Three sets of one size: two of patients, one that no patient stands behind."""
    return [
        write_images(tmp_path / "tumor", 1, ("p1", "p,2"), 3),
        write_images(tmp_path / "non_tumor", 0, ("p1",), 4),
        write_images(tmp_path / "unlabeled", -1, ("",), 2),
    ]


@pytest.fixture
def export(flag_defaults, tmp_path):
    defaults = flag_defaults(dataset_flags.define_export_images)

    def export(sets, name="png", **settings):
        settings |= {"data_dirs": [s.directory for s in sets]}
        export_images.main({**defaults, "output_dir": str(tmp_path / name), **settings})
        return tmp_path / name

    return export


@pytest.fixture
def back(flag_defaults, tmp_path):
    defaults = flag_defaults(dataset_flags.define_import_images)

    def back(folder, table=None, name="back", **settings):
        defaults["images_csv"] = str((table or folder) / "images.csv")
        places = {"images_dir": str(folder), "output_dir": str(tmp_path / name)}
        settings = {"one_set": True, "intensities": "as_is", **settings}
        import_images.main({**defaults, **places, **settings})
        return ShardSet(tmp_path / name)

    return back


def table(folder):
    return shard_sets.read_table(folder / "images.csv")


def test_files_are_the_images_and_the_table_says_the_rest(sets, export):
    folder = export(sets)
    records = list(itertools.chain(*(s.records() for s in sets)))
    rows = table(folder)
    assert len(rows) == len(records) == 12
    assert rows[0]["file"] == "tumor/0000000.png"
    assert rows[-1]["file"] == "unlabeled/0000011.png"
    for row, record in zip(rows, records):
        image = cv2.imread(str(folder / row["file"]), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(image, record.image)
        assert (row["id"], row["patient"]) == (record.id, record.patient)


def test_a_set_comes_back_bit_for_bit(sets, export, back):
    for number, shard_set in enumerate(sets):
        folder = export([shard_set], f"png_{number}")
        returned = back(folder, name=f"back_{number}")
        assert returned.manifest["shards"] == shard_set.manifest["shards"]


def test_shards_come_back_in_their_size(tmp_path, export, back):
    draws = np.random.default_rng(0)
    records = [
        Record(draws.integers(0, 256, (16, 16)).astype(np.uint8), n % 2, f"x/{n}", "")
        for n in range(10)
    ]
    shard_set = shard_sets.write(tmp_path / "set", records, images_per_shard=4)
    returned = back(export([shard_set]), images_per_shard=4)
    assert len(returned.paths) == 3
    assert returned.manifest["shards"] == shard_set.manifest["shards"]


def test_stopped_export_goes_on_and_other_output_is_refused(
    sets, export, monkeypatch, tmp_path
):
    with shard_sets.stopped(monkeypatch, export_images, "write_png", 5):
        export(sets)
    folder = tmp_path / "png"
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    assert len(times) == 5 and not (folder / "images.csv").exists()
    export(sets)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert len(table(folder)) == len(list(folder.rglob("*.png"))) == 12
    with refused("--data_dirs was", "--overwrite"):
        export(sets[:1])
    export(sets[1:2], overwrite=True)
    assert len(list(folder.rglob("*.png"))) == 4


def test_refined_files_come_back_as_a_refiners_set(sets, export, back, tmp_path):
    before = export(sets[:1])
    after = tmp_path / "refined"
    for path in before.rglob("*.png"):  # As RGB and twice as large, as some do.
        image = 255 - cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        image = cv2.resize(image, (64, 64), interpolation=cv2.INTER_NEAREST)
        image_folder.write(after / path.relative_to(before), np.dstack([image] * 3))
    refined = back(after, before, id_prefix="mine")
    assert refined.image_size == 64
    verify.verify(data_dirs=[refined.directory], refined_from=sets[0].directory)
    for new, old in zip(refined.records(), sets[0].records(), strict=True):
        np.testing.assert_array_equal(new.image[::2, ::2], 255 - old.image)


def test_what_a_refiner_left_out_or_broke_is_told_and_nothing_written(
    sets, export, back, tmp_path, capsys
):
    folder = export(sets[:1])
    (folder / "tumor/0000001.png").unlink()
    (folder / "tumor/0000002.png").write_bytes(b"x")
    image_folder.write(folder / "tumor/0000003.png", image_folder.pattern(0))
    image_folder.write(folder / "tumor/0000009.png", image_folder.pattern(1, (32, 32)))
    with refused("3 files cannot be used", "all files of the table or nothing"):
        back(folder)
    errors = capsys.readouterr().err
    assert "bad file tumor/0000001.png: --images_csv=" in errors
    assert "bad file tumor/0000002.png: " in errors
    assert "0000003.png: 40 pixels, expected 32 as in" in errors
    assert not (tmp_path / "back").exists()


def test_files_that_changed_are_not_taken_for_those_before(sets, export, back):
    folder = export(sets[:1])
    back(folder)
    image = image_folder.pattern(1, (32, 32))
    image_folder.write(folder / "tumor/0000003.png", image)
    with refused("--files_sha256 was ", "--overwrite"):
        back(folder)
    changed = list(back(folder, overwrite=True).records())[3]
    np.testing.assert_array_equal(changed.image, image)


def test_files_that_the_table_does_not_name_are_told(sets, export, back, capsys):
    folder = export(sets[:1])
    image_folder.write(folder / "tumor/extra.png", image_folder.pattern(1))
    assert len(back(folder)) == len(sets[0])
    assert "not used: tumor/extra.png: not in --images_csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"images_csv": None}, "--one_set: expected --images_csv"),
        ({"mask_pattern": "{stem}_m.png"}, "--one_set --mask_pattern: expected label"),
        ({"intensities": "percentiles"}, "--one_set --intensities=percentiles: expec"),
    ],
)
def test_flags_that_mean_nothing_for_a_set_are_refused(
    sets, export, back, settings, message
):
    folder = export(sets[:1])
    with refused(message):
        back(folder, **settings)
