"""Where the detector's weights come from: ImageNet, a file, or a finished training."""

import os

import h5py
import keras
import tensorflow as tf

from classifier import networks
from dataset.shards import UserError
from training.checkpoints import read_run

# Keras' own file, https://keras.io/api/applications/resnet/#resnet50-function.
IMAGENET_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    + IMAGENET_FILE
)
BEST_WEIGHTS = "best.weights.h5"


def weights_path(weights):
    """The file that `--weights` stands for, or None for `none`.

    `imagenet` is looked for in Keras' cache and then downloaded to it.

    Raises:
      UserError: there is no such file, or it cannot be had.
    """
    if weights == "none":
        return None
    if weights != "imagenet":
        if not os.path.isfile(weights):
            raise UserError(
                f"--weights={weights}: no such file; give imagenet, none or the path of"
                " a file of Keras' layout."
            )
        return weights
    try:
        return keras.utils.get_file(
            IMAGENET_FILE,
            IMAGENET_URL,
            cache_subdir="models",
            file_hash=IMAGENET_MD5,
        )
    except Exception as error:  # Keras raises a bare Exception for a failed download.
        folder = os.path.join(os.path.expanduser("~"), ".keras", "models")
        raise UserError(
            f"--weights=imagenet: {IMAGENET_FILE} (MD5 {IMAGENET_MD5}) is not in"
            f" {folder} and cannot be downloaded from {IMAGENET_URL}; put it there, or"
            " give its path to --weights."
        ) from error


def read_backbone(backbone, path):
    """Fills every tensor of `networks.build_backbone` from a file of Keras' layout.

    Args:
      backbone: the model.
      path: HDF5 file of `keras.applications.ResNet50(include_top=False)`'s weights,
        as `save_weights` writes it.

    Raises:
      UserError: the file is of something else.
    """
    if not h5py.is_hdf5(path):
        raise UserError(f"--weights={path}: not an HDF5 file, so not of Keras' layout.")
    try:
        backbone.load_weights(path)
    except (KeyError, ValueError, OSError) as error:
        raise UserError(
            f"--weights={path}: not the weights of ResNet-50 without its top in Keras'"
            f" layout, such as {IMAGENET_FILE}: {error}"
        ) from error


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
            " with the same flags to go on."
        )
    detector = networks.build_detector(run["settings"]["image_size"])
    detector.load_weights(path)
    return detector
