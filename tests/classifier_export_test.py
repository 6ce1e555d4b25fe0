"""The SavedModel predicts, with TensorFlow alone, what classifier.predict predicts."""

import csv
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import project
import pytest
import tensorflow as tf

from classifier import export, networks, predict
from classifier.weights import BEST_WEIGHTS
from dataset.errors import UserError
from dataset.folders import write_json
from flags import classifier as classifier_flags

ROOT = pathlib.Path(__file__).parents[1]

# Runs elsewhere; whatever would import a name of the first argument fails.
_CLIENT = """
import sys
blocked, folder, inputs, outputs = sys.argv[1:]
for name in blocked.split(","):
    assert name not in sys.modules
    sys.modules[name] = None
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(folder)
call = model.signatures
larger = tf.io.encode_png(tf.zeros([50, 40, 1], tf.uint8))

def probabilities(images):
    floats = images.astype(np.float32) / 127.5 - 1
    files = [tf.io.encode_png(image) for image in images]
    results = [
        call["serving_default"](images=tf.constant(floats))["tumor_probability"],
        call["serving_uint8"](images=tf.constant(images))["tumor_probability"],
        call["serving_png"](png=tf.stack(files))["tumor_probability"],
        model(tf.constant(floats)),
        model(tf.constant(images)),
        call["serving_png"](png=tf.stack([*files[:-1], larger]))["tumor_probability"],
    ]
    assert {p.dtype for p in results} == {tf.float32}
    return np.stack(results)

np.save(outputs, np.stack([probabilities(batch) for batch in np.load(inputs)]))
"""


# Places in the client's results: from float32 images, with a larger file at the end.
FLOATS, LARGER = (0, 3), 5


@pytest.fixture(scope="module")
def detector_dir(tmp_path_factory):
    """What classifier.train leaves, at 32 px, with weights that tell images apart."""
    folder = tmp_path_factory.mktemp("detector")
    tf.keras.utils.set_random_seed(0)
    size = {"image_size": 32, "blocks": [1, 2, 1, 1], "base_maps": 16}
    detector = networks.build_detector(**size, batch_norm_momentum=0.5)
    detector.get_layer("dropout").draw_mask = lambda shape, rate: 1.0
    images = np.random.default_rng(0).uniform(-1, 1, [16, 32, 32, 1])
    for _ in range(8):  # Brings the moving averages near, so that nothing saturates.
        detector(images, training=True)
    detector.save_weights(str(folder / BEST_WEIGHTS))
    run = {"binary": "classifier.train", "settings": size}
    write_json(str(folder / "run.json"), run)
    return str(folder)


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory, detector_dir):
    directory = str(tmp_path_factory.mktemp("exported") / "detector" / "1")
    export.main({"model_dir": detector_dir, "output_dir": directory, "overwrite": 0})
    return directory


def test_every_signature_predicts_what_predict_predicts(
    saved_model, detector_dir, write_images, flag_defaults, tmp_path
):
    images = [
        write_images(tmp_path / str(label), label, ("p",), 3, size=48)
        for label in (0, 1)
    ]
    table = str(tmp_path / "predictions.csv")
    predict.predict(
        **{
            **flag_defaults(classifier_flags.define_predict),
            "model_dir": detector_dir,
            "data_dirs": [shards.directory for shards in images],
            "output_csv": table,
            "batch_size": 3,
        }
    )
    with open(table) as file:
        expected = [float(row["probability"]) for row in csv.DictReader(file)]
    expected = np.reshape(expected, [2, 3])
    batches = [[record.image for record in shards.records()] for shards in images]
    np.save(tmp_path / "images.npy", np.stack(batches)[..., None])
    # A copy, so that what it needs of the folder around is found out, too.
    copy = shutil.copytree(saved_model, tmp_path / "elsewhere")
    names = [str(tmp_path / name) for name in ("images.npy", "probabilities.npy")]
    blocked = ",".join([*project.PACKAGES, "keras", "tensorflow_addons"])
    result = subprocess.run(
        [sys.executable, "-I", "-c", _CLIENT, blocked, str(copy), *names],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert np.ptp(expected) > 0.1  # Or the comparison would say nothing.
    for own, others in zip(expected, np.load(names[1]), strict=True):
        for number, signature in enumerate(others):
            # From bytes, TensorFlow folds x / 127.5 into a product, which rounds the
            # last bit otherwise; a network at random weights amplifies it.
            tolerance = 2e-6 if number in FLOATS else 5e-5
            known = slice(-1) if number == LARGER else slice(None)
            np.testing.assert_allclose(
                signature[known], own[known], rtol=0, atol=tolerance
            )


def write(path, text="mine"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_folder_that_exists_is_refused(saved_model, detector_dir):
    with pytest.raises(UserError, match="--output_dir=.*exists already"):
        export.export(model_dir=detector_dir, output_dir=saved_model, overwrite=False)


def test_own_export_is_replaced_and_what_lies_beside_it_stays(detector_dir, tmp_path):
    """https://github.com/scilus/scilpy/issues/55 and others: lost data."""
    folder = tmp_path / "work" / "models"
    own = {"model_dir": detector_dir, "output_dir": f"{folder}/"}
    export.export(**own, overwrite=False)
    write(folder.parent / "models.tmp" / "notes.txt")
    write(folder.parent / "thesis.txt")
    (folder / "saved_model.pb").unlink()  # As Snakemake does before it runs a step.
    (folder / "variables" / "variables.index").write_text("to be replaced")
    export.export(**own, overwrite=True)
    assert tf.saved_model.load(str(folder))(np.zeros([1, 32, 32, 1], np.uint8)) >= 0
    others = ["models.tmp/notes.txt", "thesis.txt"]
    assert [(folder.parent / name).read_text() for name in others] == ["mine"] * 2
    assert sorted(os.listdir(folder.parent)) == ["models", "models.tmp", "thesis.txt"]


def test_former_export_stays_where_the_new_one_cannot_take_its_place(
    detector_dir, tmp_path, monkeypatch
):
    folder = tmp_path / "models"
    own = {"model_dir": detector_dir, "output_dir": str(folder)}
    export.export(**own, overwrite=False)
    before = (folder / "saved_model.pb").read_bytes()
    rename, failed = os.rename, []

    def fail_once(source, target):
        if target == str(folder) and not failed:
            failed.append(source)
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_once)
    with pytest.raises(UserError, match="models: cannot be written: No space left"):
        export.export(**own, overwrite=True)
    assert failed and os.listdir(tmp_path) == ["models"]
    assert (folder / "saved_model.pb").read_bytes() == before


def test_link_stays_a_link_and_what_it_leads_to_is_replaced(detector_dir, tmp_path):
    (tmp_path / "3").mkdir()
    (tmp_path / "current").symlink_to("3")
    own = {"model_dir": detector_dir, "output_dir": str(tmp_path / "current")}
    for overwrite in (False, True):
        export.export(**own, overwrite=overwrite)
    assert (tmp_path / "current").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["3", "current"]
    assert (tmp_path / "3" / "saved_model.pb").exists()


@pytest.mark.parametrize(
    "files, message",
    [
        (["thesis.txt"], "it holds thesis.txt, which classifier.export has not made"),
        (["export.json", "saved_model.pb", "thesis.txt"], "it holds thesis.txt"),
        (["saved_model.pb", "variables/a"], "no export.json in it"),
    ],
)
def test_folder_of_others_is_not_replaced(detector_dir, tmp_path, files, message):
    for name in files:
        write(tmp_path / "work" / name)
    with pytest.raises(UserError, match=f"--output_dir=.*work --overwrite: {message}"):
        export.export(
            model_dir=detector_dir, output_dir=str(tmp_path / "work"), overwrite=True
        )
    for name in files:
        assert (tmp_path / "work" / name).read_text() == "mine"


def test_file_in_the_place_of_the_folder_is_refused(detector_dir, tmp_path):
    write(tmp_path / "detector")
    with pytest.raises(
        UserError, match="--output_dir=.*detector: a file, expected a f"
    ):
        export.export(
            model_dir=detector_dir,
            output_dir=str(tmp_path / "detector"),
            overwrite=True,
        )
    assert (tmp_path / "detector").read_text() == "mine"


def test_training_without_a_finished_epoch_is_refused(tmp_path, detector_dir):
    shutil.copy(f"{detector_dir}/run.json", tmp_path)
    with pytest.raises(UserError, match="no best.weights.h5 yet"):
        export.export(
            model_dir=str(tmp_path), output_dir=str(tmp_path / "out"), overwrite=False
        )
