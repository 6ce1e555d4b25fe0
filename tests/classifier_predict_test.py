"""Predictions of shard sets, and of one volume slice by slice."""

import csv

import heads
import image_folder
import numpy as np
import pytest
import tensorflow as tf
from refusals import refused

from classifier import image_predictions, predict
from classifier.pictures import images_picture, volume_picture
from dataset import export_images
from dataset.errors import UserError
from dataset.folders import write_json
from dataset.images import ImageSettings, levels, scale_image
from dataset.volumes import SliceSettings, read_volume, slice_images
from flags import classifier as classifier_flags


@pytest.fixture
def settings(flag_defaults, tmp_path, monkeypatch):
    """Flags; in place of the detector stands the share of white in an image."""
    model_dir = str(tmp_path / "model")
    tf.io.gfile.makedirs(model_dir)
    slices = {"image_size": 48, "first_slice": 40, "last_slice": 109}
    facts = {"slices": slices}
    run = {"binary": "classifier.train", "settings": {}, "facts": facts}
    write_json(f"{model_dir}/run.json", run)
    monkeypatch.setattr(predict, "read_detector", lambda folder: None)
    monkeypatch.setattr(predict, "detector_function", lambda detector: share_of_white)
    monkeypatch.setattr(predict, "heat_map_function", lambda detector: white_quarters)
    return {
        **flag_defaults(classifier_flags.define_predict),
        "model_dir": model_dir,
        "output_csv": str(tmp_path / "predictions.csv"),
        "batch_size": 3,
    }


def share_of_white(images):
    assert images.dtype == tf.float32
    return tf.reduce_mean((images + 1) / 2, axis=[1, 2, 3])


def white_quarters(images):
    """The share of white in each quarter of an image, float32 [batch, 2, 2]."""
    half = images.shape[1] // 2
    return tf.nn.avg_pool2d((images + 1) / 2, half, half, "VALID")[..., 0]


def rows(settings):
    predict.main(settings)
    with open(settings["output_csv"]) as file:
        return list(csv.DictReader(file))


def test_every_image_of_every_set_has_a_row_in_order(settings, write_images, tmp_path):
    sets = [
        write_images(tmp_path / "tumor", 1, ("a", "b"), 2),
        write_images(tmp_path / "unlabeled", -1, ("",), 3, size=50),
    ]
    found = rows({**settings, "data_dirs": [shards.directory for shards in sets]})
    records = [record for shards in sets for record in shards.records()]
    assert list(found[0]) == ["id", "patient", "label", "probability"]
    assert [row["id"] for row in found] == [record.id for record in records]
    assert [row["patient"] for row in found] == ["a", "a", "b", "b", "", "", ""]
    assert [row["label"] for row in found] == ["1"] * 4 + ["-1"] * 3
    for row, record in zip(found, records, strict=True):
        white = record.image.mean() / 255
        assert float(row["probability"]) == pytest.approx(white, abs=1e-6)


@pytest.mark.parametrize("name", ["case.nii.gz", "case.mha"])
def test_volume_has_a_row_for_each_slice_and_a_picture(settings, tmp_path, name):
    image, _ = heads.sample()
    path = heads.write(tmp_path / name, image)
    found = rows({**settings, "volume": str(path)})
    assert list(found[0]) == ["slice", "file_slice", "probability"]
    # The slices that the detector was trained on, says its run.json.
    assert [int(row["slice"]) for row in found] == list(range(40, 110))
    file_slices = [int(row["file_slice"]) for row in found]
    assert file_slices == sorted(file_slices)
    assert set(np.diff(file_slices)) == {0, 1}  # Its slices are of 5 mm.
    of_training = SliceSettings(image_size=48, first_slice=40, last_slice=109)
    images = slice_images(read_volume(path), np.arange(40, 110), of_training)
    white = [float(row["probability"]) for row in found]
    np.testing.assert_allclose(white, images.mean((1, 2)) / 255, atol=1e-6)
    picture = tf.io.decode_png(tf.io.read_file(str(tmp_path / "predictions.png")))
    assert picture.shape[1:] == [1200, 3]


IMPORTED = {
    "image_size": 20,
    "intensities": "percentiles",
    "window": [],
    "channel": "",
    "mask_pattern": "{stem}_mask.png",
    "lower_percentile": 10.0,
    "upper_percentile": 90.0,
}


def trained_on(settings, facts):
    """Settings with a detector trained on such images."""
    run = {"binary": "classifier.train", "settings": {}, "facts": {"slices": facts}}
    write_json(f"{settings['model_dir']}/run.json", run)
    return settings


def test_images_are_made_as_those_of_the_training(settings, tmp_path):
    folder = image_folder.write_masked(tmp_path / "images", patients=2, images=3)
    settings = trained_on(settings, IMPORTED)
    found = rows({**settings, "images": [str(folder)], "patient_pattern": r"p\d"})
    names = [f"{folder}/p{p}/s{n}.png" for p in range(2) for n in range(3)]
    assert [row["file"] for row in found] == names  # No masks.
    how = ImageSettings(lower_percentile=10, upper_percentile=90)
    for patient in range(2):
        images = [image_folder.pattern([0, patient, n]) for n in range(3)]
        low, high = levels(images, how)
        for n, image in enumerate(images):
            white = scale_image(image, low, high, 20).mean() / 255
            probability = float(found[3 * patient + n]["probability"])
            assert probability == pytest.approx(white, abs=1e-6)
    picture = tf.io.decode_png(tf.io.read_file(str(tmp_path / "predictions.png")))
    assert picture.shape[1:] == [1200, 3]


def test_exported_slices_are_predicted_as_their_set(settings, tmp_path, write_images):
    shard_set = write_images(tmp_path / "tumor", 1, ("a", "b"), 3, size=48)
    export = {"data_dirs": [shard_set.directory], "output_dir": str(tmp_path / "png")}
    export_images.main({**export, "overwrite": False})
    of_set = rows({**settings, "data_dirs": [shard_set.directory]})
    settings["overwrite"] = True
    of_files = rows({**settings, "images": [str(tmp_path / "png")]})
    probabilities = [row["probability"] for row in of_set]
    assert [row["probability"] for row in of_files] == probabilities


def test_file_of_other_bits_than_the_patients_first_is_refused(
    settings, tmp_path, capsys
):
    folder = image_folder.write_masked(tmp_path / "images", patients=1, images=3)
    deep = image_folder.pattern(1).astype(np.uint16) * 99
    path = image_folder.write(folder / "p0" / "s1.png", deep)
    settings = {**trained_on(settings, IMPORTED), "images": [str(folder)]}
    with refused("1 of 3 files cannot be used"):
        rows(settings)
    assert f"{path}: uint16 values, expected uint8 as in" in capsys.readouterr().err


def test_one_file_of_any_depth_is_predicted(settings, tmp_path, capsys):
    deep = image_folder.pattern(1).astype(np.uint16) * 99
    path = image_folder.write(tmp_path / "IM0001", deep)
    found = rows({**trained_on(settings, IMPORTED), "images": [str(path)]})
    assert [row["file"] for row in found] == [str(path)]
    assert "percentiles of all images given; in" in capsys.readouterr().out


def test_files_that_cannot_be_predicted_are_listed(settings, tmp_path, capsys):
    folder = image_folder.write_masked(tmp_path / "images", patients=1, images=2)
    (folder / "p0" / "notes.png").write_text("no image")
    settings = {**trained_on(settings, IMPORTED), "images": [str(folder)]}
    with pytest.raises(UserError, match="1 of 3 files cannot be used.*--skip_bad_fi"):
        predict.main(settings)
    assert "notes.png: damaged or of another format" in capsys.readouterr().err
    assert len(rows({**settings, "skip_bad_files": True})) == 2


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"images": ["no.png"]}, "--images: no.png: no such file or folder"),
        ({"volume": "a.nii"}, "--volume=a.nii: the detector was trained on images"),
        ({"images": ["."], "patient_pattern": "("}, r"--patient_pattern=\(: missing"),
        ({"images": ["."], "patient_pattern": "x9"}, "--patient_pattern=x9 is not in"),
    ],
)
def test_images_that_cannot_be_predicted_are_refused(
    settings, tmp_path, monkeypatch, changes, message
):
    image_folder.write(tmp_path / "a.png", image_folder.pattern(0))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        predict.main({**trained_on(settings, IMPORTED), **changes})


def test_volumes_slices_of_16_bits_are_refused(settings, tmp_path, capsys):
    path = image_folder.write(tmp_path / "a.png", np.ones((9, 9), np.uint16) * 999)
    with pytest.raises(UserError, match="1 of 1 files cannot be used"):
        predict.main({**settings, "images": [str(path)]})
    assert "expected 8 bits" in capsys.readouterr().err


def test_picture_of_many_images_shows_the_highest():
    images = [
        image_predictions.Predicted("a_$x$.png", n / 200, (0.0, 255.0))
        for n in range(200)
    ]
    shown, title = image_predictions.choose_shown(images, 0.1)
    assert title == "180 of 200 images at 0.10 or above; the 96 highest are shown"
    assert [p.probability for p in shown] == [n / 200 for n in range(104, 200)]
    shown, title = image_predictions.choose_shown(images, 1)
    assert title == "no image at 1.00 or above; the highest are shown"
    assert len(shown) == 8


def test_picture_shows_every_suspicious_slice():
    images = np.zeros([40, 16, 16], np.uint8)
    numbers, probabilities = np.arange(40), np.linspace(0.05, 0.95, 40)
    heights = {
        threshold: volume_picture(
            images + 128, numbers, probabilities, threshold, "case"
        ).shape[0]
        for threshold in (0.99, 0.8, 0.0)
    }
    # None: a row of the highest. 7: a row. 40: five rows.
    assert heights[0.99] == heights[0.8] < heights[0.0]
    assert heights[0.0] - heights[0.8] == pytest.approx(4 * 1.15 * 150, abs=4)


def test_heat_maps_are_drawn_beside_the_slices(settings, tmp_path):
    image, _ = heads.sample()
    volume = str(heads.write(tmp_path / "case.nii.gz", image))
    pictures = []
    for heat_maps in (False, True):
        flags = {"volume": volume, "heat_maps": heat_maps, "overwrite": True}
        rows({**settings, **flags, "threshold": 0.99})
        content = tf.io.read_file(str(tmp_path / "predictions.png"))
        pictures.append(tf.io.decode_png(content).numpy().astype(int))
    # A row of the eight highest, or two of these with a map beside each.
    without, beside = (picture.shape[0] for picture in pictures)
    assert beside - without == pytest.approx(1.15 * 150, abs=4)


def test_heat_maps_are_drawn_beside_the_images(settings, tmp_path):
    folder = image_folder.write_masked(tmp_path / "images", patients=2, images=3)
    settings = trained_on(settings, IMPORTED) | {"images": [str(folder)]}
    settings |= {"threshold": 0.99, "overwrite": True, "patient_pattern": r"p\d"}
    pictures = []
    for heat_maps in (False, True):
        rows({**settings, "heat_maps": heat_maps})
        content = tf.io.read_file(str(tmp_path / "predictions.png"))
        pictures.append(tf.io.decode_png(content).numpy())
    # Six images are a row, six with a map beside each are two.
    without, beside = (picture.shape[0] for picture in pictures)
    assert beside - without == pytest.approx(1.3 * 150, abs=4)


def test_heat_maps_are_those_of_the_images_as_they_are_predicted(tmp_path):
    folder = image_folder.write_masked(tmp_path / "images", patients=1, images=3)
    seen = {"detect": [], "heat": []}

    def keep(name, result):
        def function(images):
            seen[name].append(images)
            return np.full([len(images), *result], 0.7, np.float32)

        return function

    how = {"intensities": "", "patient_pattern": None, "skip_bad": False}
    predicted, own = image_predictions.predict_files(
        [str(folder)], keep("detect", []), IMPORTED, **how
    )
    image_predictions.picture(predicted, own, 0.5, keep("heat", [2, 2]))
    np.testing.assert_array_equal(seen["heat"][0], seen["detect"][0])


def test_heat_map_lies_on_its_image_as_a_share_of_its_highest():
    image = np.full([40, 40], 128, np.uint8)
    heat_map = np.array([[0, 0], [0, 1e-3]], np.float32)
    for found in (
        images_picture([image], ["a.png"], [0.5], "title", [heat_map]),
        volume_picture(
            image[None],
            np.array([7]),
            np.array([0.5]),
            0.1,
            "case",
            lambda _: heat_map[None],
        ),
    ):
        _, green, blue = np.moveaxis(found.astype(int), -1, 0)
        rows, columns = np.nonzero(green - blue > 40)  # The bright end of the colours.
        grey = (found == 128).all(axis=-1)
        # Beside the grey image, in the lower right quarter of the second tile.
        tile_rows, tile_columns = (np.nonzero(grey.sum(n) > 60)[0] for n in (1, 0))
        assert len(rows) and columns.min() > tile_columns.max()
        assert tile_rows.mean() - 15 < rows.min() < rows.max() <= tile_rows.max() + 1


def test_heat_maps_of_sets_are_refused(settings):
    with pytest.raises(UserError, match="--heat_maps: .* --volume or --images"):
        predict.main({**settings, "data_dirs": ["a"], "heat_maps": True})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({}, "give one of --data_dirs, --volume and --images"),
        ({"data_dirs": ["a"], "volume": "b"}, "give one of --data_dirs, --volume and"),
        ({"images": ["a"], "volume": "b"}, "give one of --data_dirs, --volume and"),
        ({"data_dirs": ["a"], "output_csv": ""}, "--output_csv=: expected a file"),
        (
            {"data_dirs": ["a"], "output_csv": "no/p.csv"},
            "--output_csv=no/p.csv: expected",
        ),
        ({"data_dirs": ["no/set"]}, "no/set: no such shard set"),
        ({"volume": "no/case.nii.gz"}, "no/case.nii.gz: no such file"),
        ({"volume": "a.mha", "model_dir": "no"}, "--model_dir=no: no training in it"),
    ],
)
def test_what_cannot_be_predicted_is_refused(settings, changes, message):
    with pytest.raises(UserError, match=message):
        predict.main({**settings, **changes})


def test_file_that_is_no_volume_is_refused(settings, tmp_path):
    path = tmp_path / "notes.nii.gz"
    path.write_text("no volume")
    with pytest.raises(UserError, match="notes.nii.gz: damaged or of another format"):
        predict.main({**settings, "volume": str(path)})


def test_file_that_exists_is_not_overwritten(settings, tmp_path, write_images):
    folder = write_images(tmp_path / "tumor", 1).directory
    (tmp_path / "predictions.csv").write_text("precious")
    with pytest.raises(UserError, match="predictions.csv exists; .* --overwrite"):
        predict.main({**settings, "data_dirs": [folder]})
    assert (tmp_path / "predictions.csv").read_text() == "precious"
