"""Files of images: every format as it is, every bad file with what is wrong."""

import struct
import zlib

import cv2
import image_folder
import numpy as np
import pytest
import SimpleITK as sitk
from refusals import refused

from dataset.errors import UserError
from dataset.image_files import MAX_VOXELS, check_size, is_image, read_image

GREY = image_folder.pattern(0, (30, 50))
DEEP = GREY.astype(np.uint16) * 100 + 7
COLOUR = np.stack([GREY, GREY // 2, 255 - GREY], axis=-1)


@pytest.mark.parametrize(
    "name, image",
    [
        ("grey.png", GREY),
        ("grey.tif", GREY),
        ("deep.png", DEEP),
        ("deep.tiff", DEEP),
        ("fractions.tif", GREY.astype(np.float32) / 7),
        ("grey.dcm", GREY),
        ("deep.dcm", DEEP),
        ("below_zero.dcm", DEEP.astype(np.int16) - 1000),
        ("IM0001", DEEP),
    ],
)
def test_values_are_those_of_the_file(tmp_path, name, image):
    path = image_folder.write(tmp_path / name, image)
    assert is_image(str(path))
    read = read_image(str(path))
    assert read.shape == (30, 50)
    np.testing.assert_array_equal(read, image)


def test_jpeg_is_nearly_what_was_written(tmp_path):
    smooth = np.tile(np.arange(0, 200, 4, dtype=np.uint8), (30, 1))
    path = image_folder.write(tmp_path / "grey.jpg", smooth)
    assert np.abs(read_image(str(path)).astype(int) - smooth).max() < 8


@pytest.mark.parametrize("channel, number", [("red", 0), ("green", 1), ("blue", 2)])
@pytest.mark.parametrize("name", ["colour.png", "colour.tif", "colour.dcm"])
def test_a_channel_of_colour_is_taken_by_its_name(tmp_path, name, channel, number):
    image = COLOUR
    path = tmp_path / name
    if name.endswith(".dcm"):
        vector = sitk.GetImageFromArray(image, isVector=True)
        sitk.WriteImage(vector, str(path))
    else:
        image_folder.write(path, image)
    read = read_image(str(path), channel)
    np.testing.assert_array_equal(read, COLOUR[..., number])


def test_luminance_weighs_the_channels(tmp_path):
    path = image_folder.write(tmp_path / "colour.png", COLOUR)
    expected = COLOUR @ [0.299, 0.587, 0.114]
    assert np.abs(read_image(str(path), "luminance") - expected).max() <= 0.51


def test_grey_saved_as_colour_is_grey(tmp_path):
    path = image_folder.write(tmp_path / "grey.png", np.repeat(GREY[..., None], 3, 2))
    np.testing.assert_array_equal(read_image(str(path)), GREY)
    opaque = np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)])
    cv2.imwrite(str(path), opaque)
    np.testing.assert_array_equal(read_image(str(path)), GREY)


def make_bad(folder, name):
    path = folder / name
    if name.startswith(("cut", "flipped")):
        content = bytearray(image_folder.write(path, GREY).read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content if name.startswith("flipped") else content[:-40])
    elif name.startswith("text"):
        path.write_text("no image")
    elif name.startswith("other"):  # OpenCV reads it whatever its name is.
        path.write_bytes(
            cv2.imencode(".jp2", np.zeros([64, 64], np.uint8))[1].tobytes()
        )
        assert cv2.imread(str(path)) is not None
    elif name.startswith("empty"):
        path.write_bytes(b"")
    elif name.startswith("pages"):
        cv2.imwritemulti(str(path), [GREY, GREY, GREY])
    elif name.startswith("frames"):
        image_folder.write(path, np.stack([GREY, GREY]))
    elif name.startswith("negative"):
        content = image_folder.write(path, GREY).read_bytes()
        assert b"MONOCHROME2" in content
        path.write_bytes(content.replace(b"MONOCHROME2", b"MONOCHROME1"))
    elif name.startswith("nan"):
        image_folder.write(path, np.where(GREY > 99, np.nan, GREY).astype(np.float32))
    elif name.startswith("transparent"):
        cv2.imwrite(str(path), np.dstack([COLOUR, GREY]))
    else:
        image_folder.write(path, COLOUR)
    return path


@pytest.mark.parametrize(
    "name, message",
    [
        ("cut.png", "PNG cut off before its end.*expected PNG, JPEG, TIFF or DICOM"),
        ("cut.jpg", "JPEG cut off before its end"),
        ("cut.tif", "damaged or of another format"),
        ("cut.dcm", "damaged DICOM"),
        ("flipped.png", "damaged or of another format"),
        ("text.png", "another format by its first bytes"),
        ("other.png", "another format by its first bytes"),
        ("text.dcm", "damaged or of another format"),
        ("empty.jpg", r"empty file \(0 bytes\), expected an image"),
        ("pages.tif", "3 pages, expected an image alone"),
        ("frames.dcm", "2 frames, expected a single one"),
        ("negative.dcm", "MONOCHROME1, low values are white; expected MONOCHROME2"),
        ("nan.tif", "pixels are NaN or infinite"),
        ("transparent.png", "transparent in places"),
        (
            "colour.png",
            "colour, its channels differ; expected grey, or --channel=red|g",
        ),
    ],
)
def test_bad_file_is_named_with_what_is_wrong(tmp_path, name, message):
    path = make_bad(tmp_path, name)
    with pytest.raises(UserError, match=message) as error:
        read_image(str(path))
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("length", [0, 1, 2**31 - 1, 2**32 - 1])
def test_png_is_refused_before_memory_is_taken_for_what_it_says(
    tmp_path, length, monkeypatch
):
    path = image_folder.write(tmp_path / "long.png", GREY)
    content = path.read_bytes()
    assert content[37:41] == b"IDAT"
    path.write_bytes(content[:33] + struct.pack(">I", length) + content[37:])
    message = "PNG cut off" if length > len(content) else "PNG with a wrong checksum"
    for name in ("imcount", "imdecode"):  # They would be called, and end in an error.
        monkeypatch.delattr(cv2, name)
    with refused(path, message):
        read_image(str(path))


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="no.png: no such file"):
        read_image(str(tmp_path / "no.png"))


def test_header_that_asks_for_gigabytes_is_refused(tmp_path):
    path = image_folder.write(tmp_path / "large.png", GREY)
    content = path.read_bytes()
    header = b"IHDR" + struct.pack(">II", 20_000, 20_000) + content[24:29]
    checksum = struct.pack(">I", zlib.crc32(header))
    path.write_bytes(content[:12] + header + checksum + content[33:])
    with refused(path, "damaged or of another format"):
        read_image(str(path))
    with refused("a.nii", "1000 x 1000 x 1000", "16,777,216"):
        check_size("a.nii", (1000, 1000, 1000))
    check_size("a.nii", (512, 512, 512), MAX_VOXELS)
