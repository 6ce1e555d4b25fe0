"""Contact sheets: many images as one picture for people to look at."""

import math
import os

import cv2
import numpy as np
import tensorflow as tf

from dataset.file_systems import disk_errors
from dataset.folders import write_bytes

MIN_TILE = 64  # pixels


def sheet(images, columns, gap=0):
    """Images in rows, black where there is none.

    Args:
      images: uint8 [images, height, width, ...].
      columns: images per row.
      gap: pixels between them.

    Returns:
      uint8 [rows * (height + gap) - gap, columns * (width + gap) - gap, ...].
    """
    count, height, width, *channels = np.shape(images)
    rows, height_step, width_step = -(-count // columns), height + gap, width + gap
    tiles = np.zeros((rows * columns, height_step, width_step, *channels), np.uint8)
    tiles[:count, :height, :width] = images
    tiles = tiles.reshape(rows, columns, height_step, width_step, *channels)
    # [rows, columns, height, width] -> [rows, height, columns, width]
    picture = tiles.swapaxes(1, 2).reshape(rows * height_step, -1, *channels)
    return picture[: rows * height_step - gap, : columns * width_step - gap]


def grid(images, columns=None):
    """A sheet without gaps, by default of about as many columns as rows.

    Args:
      images: uint8 [images, height, width, 1]. Small ones are first enlarged by
        repetition, so that a tile has at least 64 px.
      columns: images per row.

    Returns:
      uint8 [rows * height, columns * width, 1].
    """
    images = np.asarray(images)
    scale = max(1, MIN_TILE // images.shape[1])
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    return sheet(images, columns or math.ceil(math.sqrt(len(images))))


def fit(image, size):
    """An image at another size, uint8 [size, size]: areas averaged, or interpolated."""
    if image.shape[0] == size:
        return image
    smaller = image.shape[0] > size
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=method)


def write_png(path, image):
    """Writes a uint8 [height, width, 1 or 3] image whole or not at all."""
    with disk_errors(path):
        tf.io.gfile.makedirs(os.path.dirname(path) or ".")
    write_bytes(path, tf.io.encode_png(image).numpy())
