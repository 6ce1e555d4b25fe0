"""What can be wrong with a record of a shard, and where the first such record is.

Reading checks only what costs nothing: the record's checksum, and the first bytes of
its PNG, which TensorFlow would turn to 8 bits and grey without a word. What else is
wrong makes TensorFlow fail, which does not say where; then the shards are read again,
record by record, to name the one.
"""

import contextlib
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

PNG = b"\x89PNG\r\n\x1a\n"
GZIP = b"\x1f\x8b"
KINDS = {
    "image": "bytes_list",
    "label": "int64_list",
    "id": "bytes_list",
    "patient": "bytes_list",
}


def png_header(size: int) -> bytes:
    """The first 26 bytes of every 8-bit grey PNG of `size` x `size` pixels."""
    return PNG + struct.pack(">I4sIIBB", 13, b"IHDR", size, size, 8, 0)


def example_values(serialized: bytes) -> dict:
    """The four values of a record's bytes, or a `ValueError` that says why not."""
    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise ValueError("not a tf.train.Example") from error
    values = {}
    for name, kind in KINDS.items():
        value = getattr(features[name], kind).value
        if len(value) != 1:
            raise ValueError(
                f"feature {name} has {len(value)} values in its {kind}, expected 1"
            )
        values[name] = value[0]
    for name in ("id", "patient"):
        try:
            values[name].decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"feature {name} is not UTF-8") from error
    return values


def decode_image(png: bytes, size: int) -> Any:
    """The pixels of a record's image, or a `ValueError` that says what it is."""
    unreadable = "its image cannot be read as PNG"
    if not png.startswith(PNG) or len(png) < 26:
        raise ValueError(unreadable)
    width, height, bits, colour = struct.unpack(">IIBB", png[16:26])
    if (width, height, bits, colour) != (size, size, 8, 0):
        raise ValueError(
            f"PNG of {width} x {height} pixels, {bits} bits, colour type {colour};"
            f" expected {size} x {size}, 8, 0 (grey)"
        )
    try:
        return tf.io.decode_png(png).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(unreadable) from error


def find_fault(path: str, size: int) -> str:
    """The first bad record of a shard, with the shard's name; empty if there is none.

    Args:
      path: of the TFRecord file.
      size: of its images, in pixels.
    """
    number = 0
    try:
        for serialized in tf.data.TFRecordDataset(path).as_numpy_iterator():
            decode_image(example_values(serialized)["image"], size)
            number += 1
    except ValueError as error:
        return f"{path}, record {number}: {error}."
    except tf.errors.OpError as error:
        with tf.io.gfile.GFile(path, "rb") as file:
            start = file.read(len(GZIP))
        if start == GZIP:
            return f"{path}: compressed by gzip; expected plain TFRecords, as written."
        reason = error.message.partition("\n")[0].partition(" [Op:")[0]
        reason = reason.rpartition("}} ")[2].rstrip(".")
        return f"{path}, record {number}: damaged: {reason}."
    return ""


@contextlib.contextmanager
def record_errors(sets: Iterable) -> Iterator[None]:
    """Names shard and record where TensorFlow fails at reading some sets.

    Args:
      sets: `ShardSet`s, or others with their `fault` and `check_records`.

    Raises:
      UserError: in place of TensorFlow's error, if it comes from a bad record.
    """
    try:
        yield
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        for own in sets:
            if own.fault:  # Raised within TensorFlow, which keeps the text alone.
                raise own.fault from error
        # A failed check of `parse`, a wrong checksum, an id that is no text.
        of_records = (tf.errors.InvalidArgumentError, tf.errors.DataLossError)
        if isinstance(error, (*of_records, UnicodeDecodeError)):
            for own in sets:
                own.check_records()
        raise
