"""The SavedModel predicts, with TensorFlow alone, what classifier.predict predicts."""

import csv
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from classifier import export, networks, predict
from classifier.weights import BEST_WEIGHTS
from dataset.shards import UserError, write_json

# Runs elsewhere; whatever would import these fails.
_CLIENT = """
import sys
for name in ("classifier", "dataset", "flags", "keras", "training"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf
folder, inputs, outputs = sys.argv[1:]
model = tf.saved_model.load(folder)
images = np.load(inputs)
floats = images.astype(np.float32) / 127.5 - 1
files = [tf.io.encode_png(image) for image in images]
larger = tf.zeros([50, 40, 1], tf.uint8)
call = model.signatures
probabilities = [
    call["serving_default"](images=tf.constant(floats))["tumor_probability"],
    call["serving_uint8"](images=tf.constant(images))["tumor_probability"],
    call["serving_png"](png=tf.stack(files))["tumor_probability"],
    model(tf.constant(floats)),
    model(tf.constant(images)),
    call["serving_png"](png=tf.stack([*files[:-1], tf.io.encode_png(larger)]))[
        "tumor_probability"
    ],
]
assert {p.dtype for p in probabilities} == {tf.float32}
np.save(outputs, np.stack(probabilities))
"""


@pytest.fixture(scope="module")
def detector_dir(tmp_path_factory):
    """What classifier.train leaves, at 32 px, with weights that tell images apart."""
    folder = tmp_path_factory.mktemp("detector")
    tf.keras.utils.set_random_seed(0)
    detector = networks.build_detector(32, batch_norm_momentum=0.5)
    images = np.random.default_rng(0).uniform(-1, 1, [16, 32, 32, 1])
    for _ in range(8):  # Brings the moving averages near, so that nothing saturates.
        detector([images, np.ones([16, networks.NUM_FEATURES])], training=True)
    detector.save_weights(str(folder / BEST_WEIGHTS))
    run = {"binary": "classifier.train", "settings": {"image_size": 32}}
    write_json(str(folder / "run.json"), run)
    return str(folder)


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory, detector_dir):
    directory = str(tmp_path_factory.mktemp("exported") / "detector" / "1")
    export.main({"model_dir": detector_dir, "output_dir": directory, "overwrite": 0})
    return directory


def test_every_signature_predicts_what_predict_predicts(
    saved_model, detector_dir, write_images, tmp_path
):
    images = [
        write_images(tmp_path / str(label), label, ("p",), 3, size=48)
        for label in (0, 1)
    ]
    table = str(tmp_path / "predictions.csv")
    predict.predict(
        model_dir=detector_dir,
        data_dirs=[shards.directory for shards in images],
        volume=None,
        output_csv=table,
        output_png=None,
        threshold=0.5,
        batch_size=2,
        overwrite=False,
    )
    with open(table) as file:
        wanted = [float(row["probability"]) for row in csv.DictReader(file)]
    arrays = [record.image for shards in images for record in shards.records()]
    np.save(tmp_path / "images.npy", np.stack(arrays)[..., None])
    # A copy, so that what it needs of the folder around is found out, too.
    copy = shutil.copytree(saved_model, tmp_path / "elsewhere")
    names = [str(tmp_path / name) for name in ("images.npy", "probabilities.npy")]
    result = subprocess.run(
        [sys.executable, "-I", "-c", _CLIENT, str(copy), *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    probabilities = np.load(names[1])
    assert np.ptp(wanted) > 0.1  # Or the comparison would say nothing.
    # Batches of 2 and of 6: a network at random weights amplifies how they round.
    for signature in probabilities[:-1]:
        np.testing.assert_allclose(signature, wanted, atol=2e-4)
    np.testing.assert_allclose(probabilities[-1, :-1], wanted[:-1], atol=2e-4)


def test_folder_that_exists_is_refused(saved_model, detector_dir):
    with pytest.raises(UserError, match="--output_dir=.*exists already"):
        export.export(model_dir=detector_dir, output_dir=saved_model, overwrite=False)


def test_training_without_a_finished_epoch_is_refused(tmp_path, detector_dir):
    shutil.copy(f"{detector_dir}/run.json", tmp_path)
    with pytest.raises(UserError, match="no best.weights.h5 yet"):
        export.export(
            model_dir=str(tmp_path), output_dir=str(tmp_path / "out"), overwrite=False
        )
