"""Predictions of shard sets, and of one volume slice by slice."""

import csv

import heads
import numpy as np
import pytest
import tensorflow as tf

from classifier import predict
from classifier.pictures import volume_picture
from dataset.shards import UserError, write_json
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
    monkeypatch.setattr(predict, "detector_function", lambda folder: share_of_white)
    return {
        **flag_defaults(classifier_flags.define_predict),
        "model_dir": model_dir,
        "output_csv": str(tmp_path / "predictions.csv"),
        "batch_size": 3,
    }


def share_of_white(images):
    assert images.dtype == tf.float32
    return tf.reduce_mean((images + 1) / 2, axis=[1, 2, 3])


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


@pytest.mark.parametrize(
    "changes, message",
    [
        ({}, "give one of --data_dirs, --volume and --images"),
        ({"data_dirs": ["a"], "volume": "b"}, "give one of --data_dirs, --volume and"),
        ({"images": ["a"], "volume": "b"}, "give one of --data_dirs, --volume and"),
        ({"data_dirs": ["a"], "output_csv": ""}, "--output_csv=: wanted a file"),
        ({"data_dirs": ["a"], "output_csv": "no/p.csv"}, "--output_csv=no/p.csv: want"),
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
    with pytest.raises(UserError, match="predictions.csv: exists already"):
        predict.main({**settings, "data_dirs": [folder]})
    assert (tmp_path / "predictions.csv").read_text() == "precious"
