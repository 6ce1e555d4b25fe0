"""Weights of Keras' networks: ImageNet's from its cache or the net, or those of a file.

https://keras.io/api/applications/
"""

import os

import h5py
import keras

from dataset.errors import UserError
from dataset.folders import keras_models_folder

BASE_URL = "https://storage.googleapis.com/tensorflow/keras-applications/"
# Name: folder, and MD5 of the file without the top layers.
IMAGENET_FILES = {
    "densenet121": ("densenet", "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": ("densenet", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": ("densenet", "c13680b51ded0fb44dff2d8f86ac8bb1"),
    "inception_v3": ("inception_v3", "bcbd6486424b2319ff4ef7d526e38f63"),
    "resnet50": ("resnet", "4d473c1dd8becc155b73f8504c6f6626"),
    "vgg16": ("vgg16", "6d6bbae143d832006294945121d1f1fc"),
}


def imagenet_file(network):
    """(name, URL, MD5) of Keras' own file of a network without its top."""
    folder, md5 = IMAGENET_FILES[network]
    name = f"{network}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return name, f"{BASE_URL}{folder}/{name}", md5


def weights_path(weights, network):
    """The file that `--weights` stands for, or None for `none`.

    `imagenet` is looked for in Keras' cache and then downloaded to it.

    Args:
      weights: `imagenet`, `none` or a path.
      network: a name of `IMAGENET_FILES`.

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
    name, url, md5 = imagenet_file(network)
    folder = keras_models_folder()
    try:
        return keras.utils.get_file(
            name,
            url,
            cache_dir=os.path.dirname(folder),
            cache_subdir="models",
            file_hash=md5,
        )
    except Exception as error:  # Keras raises a bare Exception for a failed download.
        raise UserError(
            f"--weights=imagenet: {name} (MD5 {md5}) is not in {folder} and cannot be"
            f" downloaded from {url}; put it there, or give its path to --weights."
        ) from error


def read_weights(model, path, network):
    """Fills every tensor of a model from a file of Keras' layout.

    Args:
      model: a network of Keras without its top.
      path: HDF5 file, as `save_weights` writes it.
      network: its name, for the error.

    Raises:
      UserError: the file is of something else.
    """
    if not h5py.is_hdf5(path):
        raise UserError(f"--weights={path}: not an HDF5 file, so not of Keras' layout.")
    try:
        check_alone(path)
        model.load_weights(path)
    except (KeyError, ValueError, OSError) as error:
        name, _, _ = imagenet_file(network)
        raise UserError(
            f"--weights={path}: not the weights of {network} without its top in Keras'"
            f" layout, such as {name}: {error}"
        ) from error


def check_alone(path):
    """Refuses an HDF5 file that has other files read as its own (CVE-2026-1669).

    Raises:
      UserError: names what lies elsewhere.
    """
    found = []

    def look(name, item):
        if isinstance(item, h5py.ExternalLink):
            found.append(name)
        elif isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
            found.append(name)

    with h5py.File(path) as file:
        file.visititems_links(look)
        file.visititems(look)
    if found:
        raise UserError(
            f"{path}: {found[0]} lies in another file; expected weights with all of"
            " their numbers in one."
        )
