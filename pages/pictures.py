"""Images as PNG files for a browser."""

import cv2
import flask


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
