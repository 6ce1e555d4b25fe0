"""From a folder of images to shard sets: complete, resumable, and in words if not."""

import collections
import csv
import json
import os

import image_folder
import numpy as np
import pytest

from dataset import import_images, preparation, slice_sets, verify
from dataset.errors import UserError
from dataset.images import ImageSettings, levels, scale_image
from dataset.shards import ShardSet
from flags import dataset as dataset_flags

PARTS = ("train", "validation", "test")
SETS = [f"{part}/{label}" for part in PARTS for label in ("non_tumor", "tumor")]


@pytest.fixture(scope="session")
def run(flag_defaults):
    """Calls `import_images` as the binary would, small."""
    defaults = flag_defaults(dataset_flags.define_import_images)
    small = {"image_size": 20, "split": ["2", "1", "1"], "num_workers": 2}
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
    output = tmp_path_factory.mktemp("real") / "real"
    return run(masked, output, mask_pattern="{stem}_mask.png")


def table(folder):
    with open(folder / "slices.csv", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def report(folder):
    return json.loads((folder / "report.json").read_text())


def records(folder):
    """{id: (`Record`, set)} of everything that a run wrote."""
    return {
        record.id: (record, name)
        for name in SETS
        if (folder / name).exists()
        for record in ShardSet(folder / name).records()
    }


def shards(folder):
    return [ShardSet(folder / name).manifest["shards"] for name in SETS]


def test_output_is_that_of_prepare_and_in_order(real, capsys):
    assert sorted(os.listdir(real)) == sorted([*PARTS, "report.json", "slices.csv"])
    verify.verify(data_dirs=[str(real)], refined_from=None)
    assert "with 12 images are in order" in capsys.readouterr().out  # train
    found = report(real)
    for name in SETS:
        part, label = name.split("/")
        assert found["parts"][part][label] == len(ShardSet(real / name))
    patients = [p for part in PARTS for p in found["parts"][part]["patients"]]
    assert sorted(patients) == ["p0", "p1", "p2", "p3"]


def test_records_are_the_images_by_their_patients_percentiles(real, masked):
    found = records(real)
    assert len(found) == 24
    images = {
        name: image_folder.pattern([0, 1, number])
        for number, name in enumerate(f"p1/s{n}.png" for n in range(6))
    }
    low, high = levels(list(images.values()), ImageSettings())
    for name, image in images.items():
        record, _ = found[f"images/{name}"]
        np.testing.assert_array_equal(record.image, scale_image(image, low, high, 20))
        assert record.patient == "p1"
        assert record.label == (int(name[4]) < 3)


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
    area = np.count_nonzero(image_folder.spot(8))
    settings = {"mask_pattern": "{stem}_mask.png", "pixel_spacing": 0.5}
    with pytest.raises(UserError, match="no slices for train/tumor, "):
        run(masked, tmp_path / "a", **settings, min_tumor_area=area * 0.25 + 0.1)
    output = run(masked, tmp_path / "b", **settings, min_tumor_area=area * 0.25)
    assert float(table(output)["p0/s0.png"]["tumor_area"]) == area * 0.25
    small = image_folder.spot(2)
    folder = image_folder.write_masked(tmp_path / "images")
    image_folder.write(folder / "p0" / "s0_mask.png", small)
    output = run(folder, tmp_path / "c", mask_pattern="{stem}_mask.png")
    row = table(output)["p0/s0.png"]
    assert (row["verdict"], row["reason"]) == ("excluded", "borderline: little tumor")


@pytest.mark.parametrize("moment", ["files", "sets"])
def test_stopped_run_goes_on_and_ends_the_same(
    run, masked, real, tmp_path, monkeypatch, moment
):
    class Stop(BaseException):
        pass

    def stop(*arguments, **settings):
        raise Stop

    output = tmp_path / "real"
    with monkeypatch.context() as patched:
        if moment == "files":
            patched.setattr(preparation, "check_faults", stop)
        else:
            write, names = slice_sets.write_shard_set, []

            def write_three(path, *arguments, **settings):
                names.append(path)
                return (stop if len(names) > 3 else write)(path, *arguments, **settings)

            patched.setattr(slice_sets, "write_shard_set", write_three)
        with pytest.raises(Stop):
            run(masked, output, mask_pattern="{stem}_mask.png")
    assert (output / "unfinished.json").exists()
    with monkeypatch.context() as patched:  # No image is read a second time.
        patched.setattr("dataset.patient_images.read_image", stop)
        run(masked, output, mask_pattern="{stem}_mask.png", num_workers=1)
    assert shards(output) == shards(real)
    assert (output / "slices.csv").read_text() == (real / "slices.csv").read_text()
    assert sorted(os.listdir(output)) == sorted(os.listdir(real))


def test_patient_in_two_class_folders_stays_in_one_part(run, tmp_path, capsys):
    folder = image_folder.write_classes(tmp_path / "images")
    output = run(folder, tmp_path / "real")
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
    rows = table(output)
    for name in ("tumor/p0_9.png", "tumor/p5_9.png"):
        assert rows[name]["verdict"] == "excluded"
        assert (rows[name]["reason"], rows[name]["detail"]) == (
            "a copy",
            "of tumor/p0_0.png",
        )
    for name in ("non_tumor/p2_0.png", "tumor/p3_9.png"):
        assert rows[name]["reason"] == "the same pixels with both labels"
    found = report(output)
    assert found["copies"] == {
        "tumor/p0_9.png": "tumor/p0_0.png",
        "tumor/p5_9.png": "tumor/p0_0.png",
    }
    assert found["contradictions"] == [["non_tumor/p2_0.png", "tumor/p3_9.png"]]
    assert {frozenset(names) for names in found["patients"].values()} == {
        frozenset({"p0", "p5"}),
        frozenset({"p2", "p3"}),
    }
    assert rows["tumor/p5_0.png"]["patient"] == "p0"
    assert rows["tumor/p5_0.png"]["part"] == rows["tumor/p0_0.png"]["part"]
    shown = capsys.readouterr().out
    assert "tumor/p5_9.png has the same pixels as tumor/p0_0.png" in shown
    assert "p5 and p0 share" in shown or "p0 and p5 share" in shown
    assert "both labels" in shown


def test_images_of_one_value_do_not_join_patients(run, tmp_path):
    folder = image_folder.write_classes(tmp_path / "images")
    for patient in range(4):
        black = np.zeros((40, 40), np.uint8)
        image_folder.write(folder / "non_tumor" / f"p{patient}_9.png", black)
    output = run(folder, tmp_path / "real")
    assert table(output)["non_tumor/p1_9.png"]["reason"] == "empty: one value only"
    assert report(output)["patients"] == {}


def test_versions_of_an_image_keep_patients_together(run, tmp_path):
    folder = image_folder.write_classes(tmp_path / "images")
    darker = (image_folder.pattern([7, 1, 0, 0]) * 0.8).astype(np.uint8)
    image_folder.write(folder / "tumor" / "p3_9.jpg", darker)
    output = run(folder, tmp_path / "real", split=["1", "1", "1"])
    assert report(output)["patients"] == {"p0": ["p0", "p3"]}
    apart = run(folder, tmp_path / "apart", duplicate_correlation=2.0)
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
    masks = {"mask_pattern": "{stem}_mask.png"}
    with pytest.raises(UserError, match=r"7 of 31 files .*report.json.*--skip_bad_fi"):
        run(folder, output, **masks)
    lines = capsys.readouterr().err.splitlines()
    for name, message in messages.items():
        (line,) = [line for line in lines if line.startswith(f"bad file {name}: ")]
        assert message in line
    assert sorted(report(output)["bad_files"]) == sorted(messages)
    assert not (output / "train").exists()
    run(folder, output, **masks, skip_bad_files=True)
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
    masks = {"mask_pattern": "{stem}_mask.png", "min_tumor_area": 1.0}
    output = run(folder, tmp_path / "a", **masks, mask_threshold=3.0)
    area = np.count_nonzero(image_folder.spot(4))
    assert int(table(output)["p0/s0.png"]["tumor_area"]) == area


def test_16_bits_are_brought_to_8_and_not_taken_as_they_are(run, tmp_path, capsys):
    folder = image_folder.write_classes(tmp_path / "images")
    for path in folder.rglob("p0*.png"):
        deep = image_folder.cv2.imread(str(path), -1).astype(np.uint16) * 150
        image_folder.write(path, deep)
    flat = image_folder.write_classes(tmp_path / "flat")
    ours = records(run(folder, tmp_path / "a"))
    theirs = records(run(flat, tmp_path / "b"))
    for name, (record, _) in ours.items():
        other = theirs[name][0].image.astype(int)
        assert np.abs(record.image - other).max() <= 1
    with pytest.raises(UserError, match="8 of 32 files cannot be used"):
        run(folder, tmp_path / "c", intensities="as_is")
    assert "uint16 values from 0 to" in capsys.readouterr().err


def test_window_is_the_same_for_all(run, tmp_path):
    folder = image_folder.write_classes(tmp_path / "images")
    as_is = records(run(folder, tmp_path / "a", intensities="as_is"))
    for path in folder.rglob("*.png"):
        deep = image_folder.cv2.imread(str(path), -1).astype(np.uint16) * 150 + 1000
        image_folder.write(path, deep)
    window = {"intensities": "window", "window": ["1000", "39250"]}
    deep = records(run(folder, tmp_path / "b", **window))
    assert sorted(deep) == sorted(as_is)
    for name, (record, _) in deep.items():
        np.testing.assert_array_equal(record.image, as_is[name][0].image)


def test_images_without_size_are_of_the_size_of_the_first(run, tmp_path, capsys):
    folder = image_folder.write_classes(tmp_path / "images")
    output = run(folder, tmp_path / "a", image_size=0)
    assert ShardSet(output / "train/tumor").image_size == image_folder.SIZE
    image_folder.write(folder / "tumor/p1_9.png", image_folder.pattern(1, (40, 50)))
    with pytest.raises(UserError, match="1 of 33 files cannot be used"):
        run(folder, tmp_path / "b", image_size=0)
    assert "50 x 40 pixels, expected 40 x 40 as in" in capsys.readouterr().err
    output = run(folder, tmp_path / "c", image_size=20)
    assert "images/tumor/p1_9.png" in records(output)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"split": ["2", "1", "2"]}, "--split=2,1,2: sums to 5; wanted 4"),
        ({"num_folds": 2, "fold": 2}, "--fold=2: expected less than --num_folds=2"),
        ({"window": ["a"]}, "--window=a: expected two numbers"),
        ({"image_size": 3}, "--image_size=3: expected 8 pixels at least"),
        ({"one_set": True}, "--one_set: expected --images_csv"),
    ],
)
def test_flags_that_do_not_fit_are_refused(run, tmp_path, settings, message):
    folder = image_folder.write_classes(tmp_path / "images")
    with pytest.raises(UserError, match=message):
        run(folder, tmp_path / "real", **settings)


def test_class_without_images_is_refused(run, tmp_path):
    folder = image_folder.write_classes(tmp_path / "images")
    for path in (folder / "tumor").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no tumor image among 16; expected images of"):
        run(folder, tmp_path / "real")


def test_each_image_may_be_of_a_patient_of_its_own_if_told_so(run, tmp_path, capsys):
    folder = image_folder.write_classes(tmp_path / "images", patients=2)
    alone = {"patient_pattern": None, "patient_per_image": True}
    output = run(folder, tmp_path / "real", **alone, split=["8", "4", "4"])
    patients = {record.patient for record, _ in records(output).values()}
    assert len(patients) == 16
    assert "counts as a patient of its own" in capsys.readouterr().out


def test_unlabeled_images_are_one_set(run, tmp_path):
    folder = image_folder.write_classes(tmp_path / "images")
    output = run(folder, tmp_path / "real", unlabeled=True)
    shard_set = ShardSet(output / "unlabeled")
    assert shard_set.label_counts == {"non_tumor": 0, "tumor": 0, "unlabeled": 32}


def test_folds_are_those_of_prepare(run, tmp_path):
    folder = image_folder.write_classes(tmp_path / "images", patients=6)
    tested = []
    for fold in range(3):
        output = run(folder, tmp_path / f"fold_{fold}", num_folds=3, fold=fold)
        tested += report(output)["parts"]["test"]["patients"]
    assert sorted(tested) == [f"p{n}" for n in range(6)]


@pytest.mark.skipif("LGG_DIR" not in os.environ, reason="LGG_DIR is not set")
def test_real_images_are_imported_whole(run, tmp_path):
    output = run(
        os.environ["LGG_DIR"],
        tmp_path / "real",
        mask_pattern="{stem}_mask.png",
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
