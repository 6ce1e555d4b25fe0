"""From a folder of images to shard sets: complete, resumable, and in words if not."""

import collections
import json
import os

import image_folder
import numpy as np
import pytest
from refusals import refused
from shard_sets import read_table, shards, stopped

from dataset import images, import_images, preparation, slice_sets, verify
from dataset.shards import ShardSet
from flags import dataset as dataset_flags

PARTS = ("train", "validation", "test")
MASKS = {"mask_pattern": "{stem}_mask.png"}


@pytest.fixture(scope="session")
def run(flag_defaults):
    """Calls `import_images` as the binary would, small."""
    defaults = flag_defaults(dataset_flags.define_import_images)
    small = {"image_size": 20, "split": ["2", "1", "1"], "num_workers": 1}
    small |= {"patient_pattern": r"(p\d+)", "min_tumor_area": 30.0}

    def run(images_dir, output_dir, **settings):
        folders = {"images_dir": str(images_dir), "output_dir": str(output_dir)}
        import_images.main({**defaults, **small, **folders, **settings})
        return output_dir

    return run


@pytest.fixture(scope="session")
def masked(tmp_path_factory):
    return image_folder.write_masked(tmp_path_factory.mktemp("masked"))


@pytest.fixture(scope="session")
def real(run, masked, tmp_path_factory):
    return run(masked, tmp_path_factory.mktemp("real") / "real", **MASKS, num_workers=2)


@pytest.fixture
def classes(tmp_path):
    return image_folder.write_classes(tmp_path / "images")


def table(folder):
    return {row["file"]: row for row in read_table(folder / "slices.csv")}


def report(folder):
    return json.loads((folder / "report.json").read_text())


def records(folder):
    """{id: (`Record`, set)} of everything that a run wrote."""
    return {
        record.id: (record, name)
        for name in shards(folder)
        for record in ShardSet(folder / name).records()
    }


def test_output_is_that_of_prepare_and_in_order(real, capsys):
    assert sorted(os.listdir(real)) == sorted([*PARTS, "report.json", "slices.csv"])
    verify.verify(data_dirs=[str(real)], refined_from=None)
    assert "with 12 images are in order" in capsys.readouterr().out  # train
    found = report(real)
    for name in shards(real):
        part, label = name.split("/")
        assert found["parts"][part][label] == len(ShardSet(real / name))
    patients = [p for part in PARTS for p in found["parts"][part]["patients"]]
    assert sorted(patients) == ["p0", "p1", "p2", "p3"]


def test_records_are_the_images_by_their_patients_percentiles(real, masked):
    found = records(real)
    assert len(found) == 24
    own = {f"p1/s{n}.png": image_folder.pattern([0, 1, n]) for n in range(6)}
    low, high = images.levels(list(own.values()), images.ImageSettings())
    for name, image in own.items():
        record, _ = found[f"images/{name}"]
        scaled = images.scale_image(image, low, high, 20)
        np.testing.assert_array_equal(record.image, scaled)
        assert (record.patient, record.label) == ("p1", int(name[4]) < 3)


def test_table_has_every_file_with_its_measures(real):
    rows = table(real)
    assert len(rows) == 24
    row = rows["p2/s0.png"]
    assert (row["rows"], row["columns"], row["patient"]) == ("40", "40", "p2")
    assert int(row["tumor_area"]) == np.count_nonzero(image_folder.spot(8))
    assert 50 < float(row["foreground"]) < 70  # A disc of 18 px in a square of 40.
    assert row["verdict"] == "tumor" and row["part"] in PARTS


def test_areas_are_in_pixels_or_in_mm2_and_little_tumor_is_borderline(
    run, masked, tmp_path
):
    area = np.count_nonzero(image_folder.spot(8)) * 0.25
    settings = {**MASKS, "pixel_spacing": 0.5}
    with refused("no images for train/tumor, "):
        run(masked, tmp_path / "a", **settings, min_tumor_area=area + 0.1)
    output = run(masked, tmp_path / "b", **settings, min_tumor_area=area)
    assert float(table(output)["p0/s0.png"]["tumor_area"]) == area
    folder = image_folder.write_masked(tmp_path / "images")
    image_folder.write(folder / "p0" / "s0_mask.png", image_folder.spot(2))
    row = table(run(folder, tmp_path / "c", **MASKS))["p0/s0.png"]
    assert (row["verdict"], row["reason"]) == ("excluded", "borderline: little tumor")


@pytest.mark.parametrize(
    "stop",
    [(preparation, "check_faults"), (slice_sets, "write_shard_set", 3)],
    ids=["files", "sets"],
)
def test_stopped_run_goes_on_and_ends_the_same(
    run, masked, real, tmp_path, monkeypatch, stop
):
    output = tmp_path / "real"
    with stopped(monkeypatch, *stop):
        run(masked, output, **MASKS)
    assert (output / "unfinished.json").exists()
    with monkeypatch.context() as patched:  # No image is read a second time.
        patched.setattr(images, "read_image", None)
        run(masked, output, **MASKS)
    assert shards(output) == shards(real)
    assert (output / "slices.csv").read_text() == (real / "slices.csv").read_text()
    assert sorted(os.listdir(output)) == sorted(os.listdir(real))


def test_patient_in_two_class_folders_stays_in_one_part(run, classes, tmp_path, capsys):
    output = run(classes, tmp_path / "real")
    parts = collections.defaultdict(set)
    for record, name in records(output).values():
        parts[record.patient].add(name.split("/")[0])
        assert record.label == (not name.endswith("non_tumor"))
    assert sorted(parts) == ["p0", "p1", "p2", "p3"]
    assert all(len(own) == 1 for own in parts.values())
    shown = capsys.readouterr().out
    assert "32 images" not in shown and "16 images tumor: tumor" in shown


def test_copies_are_left_out_and_their_patients_kept_together(run, tmp_path, capsys):
    folder = image_folder.write_classes(tmp_path / "images", patients=6)
    twice = image_folder.pattern([7, 1, 0, 0])  # tumor/p0_0.png
    image_folder.write(folder / "tumor" / "p0_9.png", twice)
    image_folder.write(folder / "tumor" / "p5_9.png", twice)
    both = image_folder.pattern([7, 0, 2, 0])  # non_tumor/p2_0.png
    image_folder.write(folder / "tumor" / "p3_9.png", both)
    output = run(folder, tmp_path / "real", split=["3", "1", "0"])
    rows, found = table(output), report(output)
    copies = ("tumor/p0_9.png", "tumor/p5_9.png")
    assert found["copies"] == dict.fromkeys(copies, "tumor/p0_0.png")
    for name in copies:
        told = [rows[name][key] for key in ("verdict", "reason", "detail")]
        assert told == ["excluded", "a copy", "of tumor/p0_0.png"]
    contradiction = ["non_tumor/p2_0.png", "tumor/p3_9.png"]
    assert found["contradictions"] == [contradiction]
    for name in contradiction:
        assert rows[name]["reason"] == "the same pixels with both labels"
    together = {frozenset(names) for names in found["patients"].values()}
    assert together == {frozenset({"p0", "p5"}), frozenset({"p2", "p3"})}
    assert rows["tumor/p5_0.png"]["patient"] == "p0"
    assert rows["tumor/p5_0.png"]["part"] == rows["tumor/p0_0.png"]["part"]
    shown = capsys.readouterr().out
    assert "tumor/p5_9.png has the same pixels as tumor/p0_0.png" in shown
    assert "p5 and p0 share" in shown or "p0 and p5 share" in shown
    assert "both labels" in shown


def test_images_of_one_value_do_not_join_patients(run, classes, tmp_path):
    for patient in range(4):
        black = np.zeros((40, 40), np.uint8)
        image_folder.write(classes / "non_tumor" / f"p{patient}_9.png", black)
    output = run(classes, tmp_path / "real")
    assert table(output)["non_tumor/p1_9.png"]["reason"] == "empty: one value only"
    assert report(output)["patients"] == {}


def test_versions_of_an_image_keep_patients_together(run, classes, tmp_path):
    darker = (image_folder.pattern([7, 1, 0, 0]) * 0.8).astype(np.uint8)
    image_folder.write(classes / "tumor" / "p3_9.jpg", darker)
    output = run(classes, tmp_path / "real", split=["1", "1", "1"])
    assert report(output)["patients"] == {"p0": ["p0", "p3"]}
    apart = run(classes, tmp_path / "apart", duplicate_correlation=2.0)
    assert report(apart)["patients"] == {}


def make_bad_files(folder):
    """Adds what cannot be used to what `write_masked` wrote; returns the messages."""
    image, mask = image_folder.pattern(5), image_folder.spot(8)

    def add(name, image, mask):
        image_folder.write(folder / f"{name}.png", image)
        image_folder.write(folder / f"{name}_mask.png", mask)

    add("p0/size", image, mask[:30])
    add("p1/codes", image, image_folder.spot(8, value=2) + image_folder.spot(4))
    add("p1/all", image, mask * 0 + 255)
    add("p2/colour", np.dstack([image, image // 2, image]), mask)
    add("nobody/a", image, mask)
    add("p3/text", image, mask)
    (folder / "p3/text.png").write_text("no image")
    image_folder.write(folder / "p3/alone.png", image)
    return {
        "p0/size.png": "mask of 40 x 30 pixels, expected 40 x 40 as in",
        "p1/codes.png": "mask of values 0, 1, 2; expected 0 and one other, or --mask_t",
        "p1/all.png": "mask of values 255; expected 0 and one other",
        "p2/colour.png": "colour, its channels differ; expected grey, or --channel=red",
        "nobody/a.png": r"--patient_pattern=(p\d+) is not in 'nobody/a.png'; expected",
        "p3/text.png": "damaged or of another format",
        "p3/alone.png": "no mask, expected p3/alone_mask.png beside it",
    }


def test_bad_files_end_the_run_unless_they_may_be_skipped(run, tmp_path, capsys):
    folder, output = tmp_path / "images", tmp_path / "real"
    image_folder.write_masked(folder)
    messages = make_bad_files(folder)
    with refused("7 of 31 files", "report.json", "--skip_bad_files"):
        run(folder, output, **MASKS)
    lines = capsys.readouterr().err.splitlines()
    for name, message in messages.items():
        (line,) = [line for line in lines if line.startswith(f"bad file {name}: ")]
        assert message in line
    assert sorted(report(output)["bad_files"]) == sorted(messages)
    assert not (output / "train").exists()
    run(folder, output, **MASKS, skip_bad_files=True)
    assert sorted(report(output)["bad_files"]) == sorted(messages)
    rows = table(output)
    for name, message in messages.items():
        assert (rows[name]["verdict"], rows[name]["reason"]) == ("excluded", "bad file")
        assert message in rows[name]["detail"] and not rows[name]["part"]
    assert len(records(output)) == 24


def test_masks_of_label_codes_need_a_threshold(run, tmp_path):
    folder = image_folder.write_masked(tmp_path / "images")
    codes = image_folder.spot(8, value=2) + image_folder.spot(4, value=2)
    image_folder.write(folder / "p0" / "s0_mask.png", codes)
    settings = {**MASKS, "min_tumor_area": 1.0, "mask_threshold": 3.0}
    rows = table(run(folder, tmp_path / "a", **settings))
    area = np.count_nonzero(image_folder.spot(4))
    assert int(rows["p0/s0.png"]["tumor_area"]) == area


def deepen(paths, scale, offset=0):
    for path in paths:
        image = image_folder.cv2.imread(str(path), -1).astype(np.uint16)
        image_folder.write(path, image * scale + offset)


def test_16_bits_are_brought_to_8_and_not_taken_as_they_are(
    run, classes, tmp_path, capsys
):
    flat = records(run(classes, tmp_path / "flat"))
    deepen(classes.rglob("p0*.png"), 150)
    for name, (record, _) in records(run(classes, tmp_path / "deep")).items():
        assert np.abs(record.image - flat[name][0].image.astype(int)).max() <= 1
    with refused("8 of 32 files cannot be used"):
        run(classes, tmp_path / "c", intensities="as_is")
    assert "uint16 values from 0 to" in capsys.readouterr().err


def test_images_of_other_bits_than_the_patients_first_are_named(
    run, classes, tmp_path, capsys
):
    """The percentiles of both together would make one kind of them black."""
    path, *_ = sorted(classes.rglob("p0*.png"))[1:]
    deepen([path], 150)
    with refused("1 of 32 files cannot be used"):
        run(classes, tmp_path / "a")
    assert f"{path}: uint16 values, expected uint8 as in" in capsys.readouterr().err
    window = {"intensities": "window", "window": ["0", "255"]}
    run(classes, tmp_path / "b", **window)


def test_window_is_the_same_for_all(run, classes, tmp_path):
    as_is = records(run(classes, tmp_path / "a", intensities="as_is"))
    deepen(classes.rglob("*.png"), 150, 1000)
    window = {"intensities": "window", "window": ["1000", "39250"]}
    deep = records(run(classes, tmp_path / "b", **window))
    assert sorted(deep) == sorted(as_is)
    for name, (record, _) in deep.items():
        np.testing.assert_array_equal(record.image, as_is[name][0].image)


def test_images_without_size_are_of_the_size_of_the_first(
    run, classes, tmp_path, capsys
):
    output = run(classes, tmp_path / "a", image_size=0)
    assert ShardSet(output / "train/tumor").image_size == image_folder.SIZE
    image_folder.write(classes / "tumor/p1_9.png", image_folder.pattern(1, (40, 50)))
    with refused("1 of 33 files cannot be used"):
        run(classes, tmp_path / "b", image_size=0)
    assert "50 x 40 pixels, expected 40 x 40 as in" in capsys.readouterr().err
    output = run(classes, tmp_path / "c", image_size=20)
    assert "images/tumor/p1_9.png" in records(output)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"split": ["2", "1", "2"]}, "--split=2,1,2: sums to 5; expected 4"),
        ({"num_folds": 2, "fold": 2}, "--fold=2: expected less than --num_folds=2"),
        ({"window": ["a"]}, "--window=a: expected two numbers"),
        ({"image_size": 3}, "--image_size=3: expected 8 pixels at least"),
        ({"one_set": True}, "--one_set: expected --images_csv"),
    ],
)
def test_flags_that_do_not_fit_are_refused(run, classes, tmp_path, settings, message):
    with refused(message):
        run(classes, tmp_path / "real", **settings)


def test_class_without_images_is_refused(run, classes, tmp_path):
    for path in (classes / "tumor").iterdir():
        path.unlink()
    with refused("no tumor image among 16; expected images of both labels"):
        run(classes, tmp_path / "real")


def test_each_image_may_be_of_a_patient_of_its_own_if_told_so(run, tmp_path, capsys):
    folder = image_folder.write_classes(tmp_path / "images", patients=2)
    alone = {"patient_pattern": None, "patient_per_image": True}
    output = run(folder, tmp_path / "real", **alone, split=["8", "4", "4"])
    patients = {record.patient for record, _ in records(output).values()}
    assert len(patients) == 16
    assert "counts as a patient of its own" in capsys.readouterr().out


def test_unlabeled_images_are_one_set(run, classes, tmp_path):
    output = run(classes, tmp_path / "real", unlabeled=True)
    counts = ShardSet(output / "unlabeled").label_counts
    assert counts == {"non_tumor": 0, "tumor": 0, "unlabeled": 32}


@pytest.mark.skipif("LGG_DIR" not in os.environ, reason="LGG_DIR is not set")
def test_real_images_are_imported_whole(run, tmp_path):
    output = run(
        os.environ["LGG_DIR"],
        tmp_path / "real",
        **MASKS,
        patient_pattern="(TCGA_[A-Z0-9]+_[A-Z0-9]+)_",
        min_tumor_area=80.0,
        split=["0.7", "0.1", "0.2"],
    )
    found = report(output)
    assert not found["bad_files"] and not found["patients"] and not found["copies"]
    patients = [p for part in found["parts"].values() for p in part["patients"]]
    assert len(patients) == len(set(patients)) > 20
    assert found["slices"]["tumor"]["tumor"] > 5 * len(patients)
    assert found["slices"]["non_tumor"]["no tumor"] > 5 * len(patients)
