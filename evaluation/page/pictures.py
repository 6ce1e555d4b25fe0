"""Pictures within a page, so that it is one file: data URIs of a limited size.

Grids of images at 256 px take megabytes each. On a page they are for viewing only, so
they are reduced until all of them fit.
"""

import base64
import dataclasses

import cv2

from dataset.errors import UserError

# Largest width in pixels and JPEG quality, tried in order until the page fits.
LEVELS = ((1600, 90), (1200, 85), (900, 80), (700, 70), (480, 60))
KEPT_BYTES = 200_000  # A file that is small enough stays as it is.
MEGABYTE = 1_000_000


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture with its caption: a PNG file, or the bytes of an SVG.

    Attributes:
      caption: what is to be seen.
      path: of the PNG file; empty if there are bytes.
      svg: its bytes.
    """

    caption: str
    path: str = ""
    svg: bytes = b""
    kind = "picture"


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Pictures side by side; `large` ones are at most two in a row."""

    pictures: list
    large: bool = False
    kind = "gallery"


def to_uri(content, kind):
    """A `data:` URI of a picture's bytes; kind as `png`, `jpeg` or `svg+xml`."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def encode(path, max_width, quality):
    """A PNG file as a data URI, of at most this width.

    Raises:
      UserError: it is not a picture.
    """
    with open(path, "rb") as file:
        content = file.read()
    picture = cv2.imread(path, cv2.IMREAD_COLOR)
    if picture is None:
        raise UserError(
            f"{path}: damaged, not a picture; run the program that made it again."
        )
    height, width = picture.shape[:2]
    if width <= max_width and len(content) <= KEPT_BYTES:
        return to_uri(content, "png")
    if width > max_width:
        size = (max_width, max(1, round(height * max_width / width)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return to_uri(jpeg.tobytes(), "jpeg")


def encode_all(paths, budget):
    """All pictures, as good as the budget allows.

    Args:
      paths: of PNG files.
      budget: characters for all of them together.

    Returns:
      A dict of path to data URI. Where even the smallest do not fit they are returned.
    """
    paths = sorted(set(paths))
    for max_width, quality in LEVELS:
        uris = {path: encode(path, max_width, quality) for path in paths}
        if sum(map(len, uris.values())) <= budget:
            break
    return uris
