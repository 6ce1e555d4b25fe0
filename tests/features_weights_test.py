"""Pre-trained weights: every tensor, or one clear sentence."""

import hashlib
import importlib

import h5py
import keras
import keras_files
import numpy as np
import pytest

from dataset.errors import UserError
from features import networks, weights

# MUNIT's perceptual loss alone looks through VGG-16.
BUILDERS = {name: build for name, (build, *_) in networks.NETWORKS.items()}
BUILDERS |= {"vgg16": keras.applications.VGG16}


def resnet50(**kwargs):
    return keras.applications.ResNet50(
        weights=None, input_shape=[32, 32, 3], pooling="avg", **kwargs
    )


@pytest.fixture(scope="module")
def network():
    return resnet50(include_top=False)


@pytest.mark.parametrize("ending", ["h5", "weights.h5"])
def test_file_of_keras_layout_fills_every_tensor(tmp_path, network, ending):
    stock = resnet50(include_top=False)
    draws = np.random.default_rng(0)
    stock.set_weights([draws.normal(size=w.shape) for w in stock.get_weights()])
    path = str(tmp_path / f"resnet50.{ending}")
    if ending == "h5":
        keras_files.save_weights(stock, path)
    else:
        stock.save_weights(path)
    weights.read_weights(network, weights.weights_path(path, "resnet50"), "resnet50")
    assert len(network.get_weights()) == 318
    for ours, theirs in zip(network.get_weights(), stock.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_file_of_another_network_is_refused_by_name(tmp_path, network):
    path = str(tmp_path / "top.h5")
    keras_files.save_weights(resnet50(include_top=True, classes=3), path)
    with pytest.raises(UserError, match="top.h5: not the weights of resnet50 without"):
        weights.read_weights(network, path, "resnet50")


def test_file_of_another_format_is_refused_by_name(tmp_path, network):
    path = tmp_path / "notes.h5"
    path.write_text("not weights")
    with pytest.raises(UserError, match="notes.h5: not an HDF5 file"):
        weights.read_weights(network, str(path), "resnet50")


def test_missing_file_is_refused_by_name():
    with pytest.raises(UserError, match="--weights=no/such.h5: no such file"):
        weights.weights_path("no/such.h5", "resnet50")


def test_no_weights_are_no_file():
    assert weights.weights_path("none", "resnet50") is None


@pytest.mark.parametrize("name", weights.IMAGENET_FILES)
def test_imagenet_without_file_and_network_names_file_md5_and_place(
    tmp_path, monkeypatch, name
):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras").mkdir()
    monkeypatch.setattr(weights, "BASE_URL", "http://127.0.0.1:9/")
    with pytest.raises(UserError) as error:
        weights.weights_path("imagenet", name)
    for part in (name, weights.IMAGENET_FILES[name][1]):
        assert part in str(error.value)
    assert str(tmp_path / ".keras" / "models") in str(error.value)


@pytest.mark.parametrize("name", weights.IMAGENET_FILES)
def test_imagenet_file_is_the_one_that_keras_asks_for(name, monkeypatch):
    """What Keras itself would download is seen in place of downloading it."""
    build = BUILDERS[name]
    asked = []

    class Asked(Exception):
        pass

    def get_file(file, url, *, file_hash, **_):
        asked.extend([file, url, file_hash])
        raise Asked

    source = importlib.import_module(build.__module__)
    utils = getattr(source, "data_utils", None) or source.file_utils
    monkeypatch.setattr(utils, "get_file", get_file)
    with pytest.raises(Asked):
        build(include_top=False, weights="imagenet", input_shape=[96, 96, 3])
    assert tuple(asked) == weights.imagenet_file(name)


def test_imagenet_file_in_the_cache_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".keras" / "models"
    folder.mkdir(parents=True)
    empty = ("resnet", "d41d8cd98f00b204e9800998ecf8427e")
    monkeypatch.setitem(weights.IMAGENET_FILES, "resnet50", empty)
    name, _, _ = weights.imagenet_file("resnet50")
    (folder / name).write_bytes(b"")
    assert weights.weights_path("imagenet", "resnet50") == str(folder / name)


def test_imagenet_file_is_downloaded_to_where_the_error_says(tmp_path, monkeypatch):
    """Into a folder that Keras makes itself: without it, Keras takes another."""
    (tmp_path / "home" / ".keras").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    small = ("resnet", hashlib.md5(b"weights").hexdigest())
    monkeypatch.setitem(weights.IMAGENET_FILES, "resnet50", small)
    monkeypatch.setattr(weights, "BASE_URL", f"file://{tmp_path}/")
    name, _, _ = weights.imagenet_file("resnet50")
    (tmp_path / "resnet").mkdir()
    (tmp_path / "resnet" / name).write_bytes(b"weights")
    there = tmp_path / "home" / ".keras" / "models" / name
    assert weights.weights_path("imagenet", "resnet50") == str(there)


def test_file_that_has_others_read_is_refused(tmp_path):
    """As weights of somebody else could have: this machine's files as numbers."""
    other = str(tmp_path / "other.h5")
    with h5py.File(other, "w") as file:
        file["secret"] = np.arange(4.0)
    linked, stored, virtual = (str(tmp_path / f"{n}.h5") for n in "abc")
    with h5py.File(linked, "w") as file:
        file["layer/kernel"] = h5py.ExternalLink("other.h5", "/secret")
    with h5py.File(stored, "w") as file:
        places = [(other, 0, 32)]
        file.create_dataset("layer/kernel", (4,), np.float64, external=places)
    with h5py.File(virtual, "w") as file:
        layout = h5py.VirtualLayout((4,), np.float64)
        layout[:] = h5py.VirtualSource(other, "secret", shape=(4,))
        file.create_virtual_dataset("layer/kernel", layout)
    for path in (linked, stored, virtual):
        with h5py.File(path) as file:
            assert file["layer/kernel"].shape == (4,)  # It would be read.
        with pytest.raises(UserError, match="layer/kernel lies in another file"):
            weights.check_alone(path)
    weights.check_alone(other)
