"""Pre-trained weights: every tensor, or one clear sentence."""

import keras
import numpy as np
import pytest
from keras.src.applications import resnet

from classifier import networks, weights
from dataset.shards import UserError

NORM = {"momentum": 0.9, "synchronized": False}


def resnet50(**kwargs):
    return keras.applications.ResNet50(
        weights=None, input_shape=[32, 32, 3], pooling="avg", **kwargs
    )


@pytest.fixture(scope="module")
def backbone():
    return networks.build_backbone(32, NORM)


@pytest.mark.parametrize("ending", ["h5", "weights.h5"])
def test_file_of_keras_layout_fills_every_tensor(tmp_path, backbone, ending):
    stock = resnet50(include_top=False)
    draws = np.random.default_rng(0)
    stock.set_weights([draws.normal(size=w.shape) for w in stock.get_weights()])
    path = str(tmp_path / f"resnet50.{ending}")
    stock.save_weights(path)
    weights.read_backbone(backbone, weights.weights_path(path))
    assert len(backbone.get_weights()) == 318
    for ours, theirs in zip(backbone.get_weights(), stock.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_file_of_another_network_is_refused_by_name(tmp_path, backbone):
    path = str(tmp_path / "top.h5")
    resnet50(include_top=True, classes=3).save_weights(path)
    with pytest.raises(UserError, match="top.h5: not the weights of ResNet-50 without"):
        weights.read_backbone(backbone, path)


def test_file_of_another_format_is_refused_by_name(tmp_path, backbone):
    path = tmp_path / "notes.h5"
    path.write_text("not weights")
    with pytest.raises(UserError, match="notes.h5: not an HDF5 file"):
        weights.read_backbone(backbone, str(path))


def test_missing_file_is_refused_by_name():
    with pytest.raises(UserError, match="--weights=no/such.h5: no such file"):
        weights.weights_path("no/such.h5")


def test_no_weights_are_no_file():
    assert weights.weights_path("none") is None


def test_imagenet_without_file_and_network_names_file_md5_and_place(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras").mkdir()
    monkeypatch.setattr(weights, "IMAGENET_URL", "http://127.0.0.1:9/file.h5")
    with pytest.raises(UserError) as error:
        weights.weights_path("imagenet")
    assert weights.IMAGENET_FILE in str(error.value)
    assert weights.IMAGENET_MD5 in str(error.value)
    assert str(tmp_path / ".keras" / "models") in str(error.value)


def test_imagenet_file_is_the_one_that_keras_uses():
    assert weights.IMAGENET_MD5 == resnet.WEIGHTS_HASHES["resnet50"][1]
    assert weights.IMAGENET_URL.startswith(resnet.BASE_WEIGHTS_PATH)


def test_imagenet_file_in_the_cache_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".keras" / "models"
    folder.mkdir(parents=True)
    (folder / weights.IMAGENET_FILE).write_bytes(b"")
    monkeypatch.setattr(weights, "IMAGENET_MD5", "d41d8cd98f00b204e9800998ecf8427e")
    assert weights.weights_path("imagenet") == str(folder / weights.IMAGENET_FILE)


def test_folder_without_training_is_refused(tmp_path):
    with pytest.raises(UserError, match="no training in it"):
        weights.read_detector(str(tmp_path))
