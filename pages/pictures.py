"""Images of shard sets as PNG files for a browser."""

import cv2
import flask
import numpy as np

from dataset.shards import parse

GAP = 4  # pixels between the images of a sheet


def read_image(shard_set, position):
    """The image at `position` (0-based) of a `ShardSet`, uint8 [size, size]."""
    return parse(shard_set.serialized(position))["image"].numpy()[..., 0]


def fit(image, size):
    """An image at another size, uint8 [size, size]: areas averaged, or interpolated."""
    if image.shape[0] == size:
        return image
    smaller = image.shape[0] > size
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=method)


def sheet(images, columns, rows, tile):
    """A contact sheet, black where it has no image.

    Args:
      images: at most columns * rows of uint8 [any size, the same].
      columns, rows: of the sheet.
      tile: height and width of an image on it, in pixels.

    Returns:
      uint8 [rows * (tile + 4) - 4, columns * (tile + 4) - 4].
    """
    step = tile + GAP
    filled = np.zeros((rows * step - GAP, columns * step - GAP), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * step, column * step
        filled[top : top + tile, left : left + tile] = fit(image, tile)
    return filled


def png_response(image, compression=1):
    """A grey image as the answer to a request.

    Args:
      image: uint8 [height, width].
      compression: 0 to 9. With 0, all images of a size have the same number of bytes.
    """
    _, content = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, compression])
    return flask.Response(content.tobytes(), mimetype="image/png")


def png_size(path):
    """[width, height] of a PNG file, read off its header."""
    with open(path, "rb") as file:
        header = file.read(24)
    return [int.from_bytes(header[n : n + 4], "big") for n in (16, 20)]
