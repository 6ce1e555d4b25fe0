"""The detector of a finished training."""

import os

import tensorflow as tf

from classifier import networks
from dataset.errors import UserError
from features.weights import check_alone
from training.checkpoints import read_run

BEST_WEIGHTS = "best.weights.h5"


def read_detector(model_dir):
    """The detector of a training, with its best weights, in float32.

    Raises:
      UserError: there is no training in `model_dir`, or no epoch of it is done yet.
    """
    run = read_run(model_dir)
    if run["binary"] != "classifier.train":
        raise UserError(f"--model_dir={model_dir}: made by {run['binary']}.")
    path = os.path.join(model_dir, BEST_WEIGHTS)
    if not tf.io.gfile.exists(path):
        raise UserError(
            f"--model_dir={model_dir}: no {BEST_WEIGHTS} yet; run classifier.train"
            " with the same flags to continue."
        )
    size = {name: run["settings"][name] for name in networks.SIZE_SETTINGS}
    detector = networks.build_detector(**size)
    check_alone(path)
    detector.load_weights(path)
    return detector
