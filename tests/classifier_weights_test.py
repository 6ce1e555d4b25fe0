"""The finished detector, and that its network takes Keras' own file of weights."""

import keras
import keras_files
import numpy as np
import pytest

from classifier import networks, weights
from dataset.errors import UserError
from dataset.folders import write_json
from features.weights import read_weights


def test_backbone_of_the_detector_takes_keras_own_file(tmp_path):
    stock = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=[32, 32, 3], pooling="avg"
    )
    draws = np.random.default_rng(0)
    stock.set_weights([draws.normal(size=w.shape) for w in stock.get_weights()])
    path = str(tmp_path / "resnet50.h5")
    keras_files.save_weights(stock, path)
    backbone = networks.build_detector(32).get_layer("resnet")
    read_weights(backbone, path, "resnet50")
    for ours, theirs in zip(backbone.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_folder_without_training_is_refused(tmp_path):
    with pytest.raises(UserError, match="no training in it"):
        weights.read_detector(str(tmp_path))


def test_training_from_before_its_size_was_a_flag_is_of_resnet50(tmp_path, monkeypatch):
    run = {"binary": "classifier.train", "settings": {"image_size": 48}}
    write_json(str(tmp_path / "run.json"), run)
    (tmp_path / weights.BEST_WEIGHTS).touch()
    built = []

    def build(image_size, *, blocks, base_maps):
        built.append((image_size, blocks, base_maps))
        raise KeyboardInterrupt  # Seen enough.

    monkeypatch.setattr(networks, "build_detector", build)
    with pytest.raises(KeyboardInterrupt):
        weights.read_detector(str(tmp_path))
    assert built == [(48, [3, 4, 6, 3], 64)]
