"""Grids of images for people to look at."""

import math
import os

import numpy as np
import tensorflow as tf

from dataset.shards import write_bytes

MIN_TILE = 64


def grid(images, columns=None):
    """Tiles images into one.

    Args:
      images: uint8 [images, height, width, 1].
      columns: images per row; by default about as many as rows.

    Returns:
      uint8 [rows * height, columns * width, 1]; small images are first enlarged by
      repetition, so that a tile has at least 64 px.
    """
    images = np.asarray(images)
    scale = max(1, MIN_TILE // images.shape[1])
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    filled = np.zeros((rows * columns, height, width, channels), np.uint8)
    filled[:count] = images
    tiles = filled.reshape(rows, columns, height, width, channels)
    # [rows, columns, height, width, 1] -> [rows, height, columns, width, 1]
    tiles = tiles.transpose(0, 2, 1, 3, 4)
    return tiles.reshape(rows * height, columns * width, channels)


def write_png(path, image):
    """Writes a uint8 [height, width, 1 or 3] image whole or not at all."""
    tf.io.gfile.makedirs(os.path.dirname(path) or ".")
    write_bytes(path, tf.io.encode_png(image).numpy())
