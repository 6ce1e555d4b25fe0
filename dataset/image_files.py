"""Reads files of single images: PNG, JPEG, TIFF and DICOM, as they are."""

import math
import os
import struct
import zlib

import cv2
import numpy as np
import SimpleITK as sitk

from dataset.errors import UserError
from dataset.folders import check_file

# What a header promises is taken into memory before the rest of the file is read.
# OpenCV has the same limit, which `flags.binary` sets.
MAX_PIXELS = 2**24
MAX_VOXELS = 2**27  # 512 x 512 x 512; a brain at 1 mm has 9 million.
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")
CHANNELS = ("red", "green", "blue", "luminance")
PHOTOMETRIC = "0028|0004"  # DICOM tag: which end of the values is white.
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

sitk.ProcessObject.SetGlobalWarningDisplay(False)
# What it cannot decode is told by `read_image`. Newer OpenCV has a module for it.
getattr(cv2.utils, "logging", cv2).setLogLevel(0)


def is_image(path):
    """Whether a file is one by its name, or by its content DICOM, which needs none."""
    return path.lower().endswith(SUFFIXES) or is_dicom(path)


def is_dicom(path):
    """Whether a file's content is DICOM, and no list of files beside it."""
    if os.path.basename(path).upper() == "DICOMDIR":
        return False
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False  # Told when it is read, if its name promises an image.


def read_image(path, channel=""):
    """A grey image, its values as in the file.

    Args:
      path: a file of one image.
      channel: which of `CHANNELS` of a colour image to take; empty: none, so that
        colour is refused. Images whose channels are all the same are grey.

    Returns:
      uint8, uint16, int16, int32 or float32 [rows, columns]; DICOM with its rescale
      slope and intercept.

    Raises:
      UserError: names the file, what was seen and what is expected.
    """
    check_file(path, "an image")
    image = _read_dicom(path) if is_dicom(path) else _decode(path)
    image = _grey(path, image, channel)
    if image.dtype == np.float64:
        image = image.astype(np.float32)
    if not np.isfinite(image).all():
        raise UserError(f"{path}: pixels are NaN or infinite, expected none.")
    return image


def _decode(path):
    """Any image that OpenCV reads, [rows, columns] or [..., 3 or 4] in RGB(A)."""
    try:
        with open(path, "rb") as file:
            content = file.read()
        _check_content(content)
        pages = cv2.imcount(path)
        if pages > 1:
            raise UserError(f"{path}: {pages} pages, expected an image alone.")
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise ValueError("not readable")
    except (cv2.error, MemoryError, OSError, ValueError) as error:
        reason = error.err if isinstance(error, cv2.error) else error
        raise UserError(
            f"{path}: damaged or of another format ({reason}), expected PNG, JPEG, TIFF"
            " or DICOM."
        ) from error
    if image.ndim == 3:
        image = image[..., [2, 1, 0, *range(3, image.shape[2])]]
    return image


def _check_content(content):
    """Refuses what OpenCV would take, but not as it should.

    It knows more formats by their first bytes, and JPEG 2000 is one in whose reader
    OpenCV 4.11 can be made to write anywhere (CVE-2025-53644). Of what a file lacks at
    its end the decoder makes up the rest.
    """
    if content.startswith(PNG_START):
        _check_png(content)
    elif content.startswith(JPEG_START):
        # In a scan's own bytes no marker can occur; thumbnails come before it.
        if content.rfind(JPEG_END) < content.rfind(JPEG_SCAN):
            raise ValueError("JPEG cut off before its end")
    elif not content.startswith(TIFF_STARTS):
        raise ValueError("another format by its first bytes")


def _check_png(content):
    """Refuses a PNG whose chunks are not as long as they say: OpenCV believes them."""
    start, kind = len(PNG_START), b""
    while kind != PNG_END:
        if len(content) - start < 12:
            raise ValueError("PNG cut off before its end")
        length, kind = struct.unpack_from(">I4s", content, start)
        end = start + 8 + length
        if end + 4 > len(content):
            raise ValueError("PNG cut off before its end")
        (checksum,) = struct.unpack_from(">I", content, end)
        if zlib.crc32(content[start + 4 : end]) != checksum:
            raise ValueError("PNG with a wrong checksum")
        start = end + 4


def check_size(path, size, most=MAX_PIXELS):
    """Refuses a file whose header asks for more memory than anybody's image."""
    if math.prod(size) > most:
        sizes = " x ".join(map(str, size))
        raise UserError(
            f"{path}: {sizes} pixels by its header, expected {most:,} at most."
        )


def _read_dicom(path):
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(path)
    try:
        reader.ReadImageInformation()
        frames = int(np.prod(reader.GetSize()[2:]))
        if frames != 1:
            raise UserError(f"{path}: {frames} frames, expected a single one.")
        check_size(path, reader.GetSize()[:2])
        if reader.HasMetaDataKey(PHOTOMETRIC):
            kind = reader.GetMetaData(PHOTOMETRIC).strip()
            if kind == "MONOCHROME1":
                raise UserError(
                    f"{path}: {kind}, low values are white; expected MONOCHROME2."
                )
        image = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:  # SimpleITK has no other.
        raise UserError(
            f"{path}: damaged DICOM, not all that its header promises can be read."
        ) from error
    return image.reshape(image.shape[-3:] if image.ndim == 4 else image.shape[-2:])


def _grey(path, image, channel):
    """One channel of an image, [rows, columns]."""
    if image.ndim == 2:
        return image
    if image.shape[2] == 4 and np.ptp(image[..., 3]):
        raise UserError(f"{path}: transparent in places, expected an opaque image.")
    colours = image[..., :3]
    if (colours == colours[..., :1]).all():
        return np.ascontiguousarray(colours[..., 0])
    if not channel:
        raise UserError(
            f"{path}: colour, its channels differ; expected grey, or --channel="
            f"{'|'.join(CHANNELS)}."
        )
    if channel == "luminance":
        return cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(colours[..., CHANNELS.index(channel)])
