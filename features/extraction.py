"""Streams shard sets through an extractor to files, which a stopped run completes."""

import os

import numpy as np
import tensorflow as tf
import tqdm

from dataset.file_systems import disk_errors
from dataset.record_faults import record_errors
from dataset.records import pad, without_autotune
from features.descriptors import Descriptors
from features.networks import NetworkFeatures

DESCRIPTORS = "descriptors"
BATCH_SIZE = 64


def build_extractor(
    backbone: str, weights: str, *, image_size: int = 0, seed: int = 0
) -> Descriptors | NetworkFeatures:
    """An extractor by name.

    Args:
      backbone: a key of `NETWORKS`, or `DESCRIPTORS`.
      weights: `imagenet`, `none` or a path; descriptors have none.
      image_size: height and width at which it sees an image; 0 for its own.
      seed: of random weights.

    Returns:
      A function of uint8 [batch, height, width, 1] to float32 [batch, num_features]
      that has `num_features`, `blocks` ({name: slice}, parts of different units) and
      `facts`, a dict for a manifest.

    Raises:
      UserError: see `NetworkFeatures`.
    """
    if backbone == DESCRIPTORS:
        return Descriptors()
    return NetworkFeatures(backbone, weights, image_size=image_size, seed=seed)


class JoinedFeatures:
    """Several extractors' features side by side; blocks keep their names."""

    def __init__(self, extractors):
        self._extractors = extractors
        self.num_features, self.blocks = 0, {}
        for extractor in extractors:
            for name, block in extractor.blocks.items():
                start, stop = self.num_features + block.start, block.stop
                self.blocks[name] = slice(start, self.num_features + stop)
            self.num_features += extractor.num_features

    def __call__(self, images):
        return tf.concat([extractor(images) for extractor in self._extractors], axis=1)


def feature_batches(shard_set, extractor, *, start=0, image_size=0):
    """Features of images number `start` and on, float32 [batch, num_features] each.

    Args:
      shard_set: a `ShardSet`.
      extractor: see `build_extractor`.
      start: a multiple of `BATCH_SIZE`.
      image_size: smaller images are zero-padded to it, in the middle, as the GANs pad
        the real images that they imitate; 0 for no padding.
    """
    size = max(image_size, shard_set.image_size)

    def read(example):
        return pad(example["image"], size)

    images = shard_set.dataset(start).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    with record_errors([shard_set]):
        for batch in without_autotune(images.batch(BATCH_SIZE).prefetch(2)):
            yield extractor(batch).numpy()


def extract(shard_set, extractor, path, *, image_size=0):
    """Writes the features of a set as a NumPy file, or completes one cut short.

    Batches are the same wherever it was stopped, so the file is, too.

    Args:
      shard_set, extractor, image_size: see `feature_batches`.
      path: of the `.npy` file; the caller answers for its being of this set and
        extractor.

    Returns:
      The features, float32 [images, num_features], mapped from the file.

    Raises:
      UserError: the file cannot be written.
    """
    if os.path.exists(path):
        return np.load(path, mmap_mode="r")
    partial = path + ".part"
    bar = tqdm.tqdm(total=len(shard_set), desc=shard_set.directory, unit="img")
    with bar, disk_errors(path), open(partial, "ab") as file:
        start = _resume(file, len(shard_set), extractor.num_features)
        bar.update(start)
        batches = feature_batches(
            shard_set, extractor, start=start, image_size=image_size
        )
        for features in batches:
            file.write(features.tobytes())
            file.flush()
            bar.update(len(features))
        os.fsync(file.fileno())
    os.replace(partial, path)
    return np.load(path, mmap_mode="r")


def _resume(file, num_images, num_features):
    """Makes the file end with a whole batch; returns the number of images in it."""
    header_size = 128  # What NumPy pads the header of such an array to.
    row = 4 * num_features
    if file.tell() < header_size:
        file.truncate(0)
        shape = {"shape": (num_images, num_features), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", **shape})
        file.flush()
    rows = (file.tell() - header_size) // row
    rows -= rows % BATCH_SIZE
    file.truncate(header_size + rows * row)
    return rows
