"""One image with its label and its origin, in memory and as the bytes of a shard."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from dataset.record_faults import png_header

LABEL_NAMES = ("non_tumor", "tumor")
UNLABELED = -1  # The label of an image for which nobody has said.

_FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "id": tf.io.FixedLenFeature([], tf.string),
    "patient": tf.io.FixedLenFeature([], tf.string),
}


@dataclasses.dataclass(frozen=True)
class Record:
    """One image of a shard set.

    Attributes:
      image: uint8 [size, size].
      label: 0 non-tumor, 1 tumor, -1 unlabeled.
      id: unique in its set; a chain such as `unit/pggan/<run>/<n>`.
      patient: patient id, empty for images that no patient stands behind.
    """

    image: np.ndarray
    label: int
    id: str
    patient: str = ""


def to_float(images: np.ndarray | tf.Tensor) -> tf.Tensor:
    """uint8 in [0, 255] to float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_uint8(images: np.ndarray | tf.Tensor) -> tf.Tensor:
    """Float in [-1, 1] to uint8, rounded; values outside the range are clipped."""
    scaled = (tf.cast(images, tf.float32) + 1.0) * 127.5
    return tf.cast(tf.round(tf.clip_by_value(scaled, 0.0, 255.0)), tf.uint8)


def pad(
    image: tf.Tensor,
    size: int,
    top: int | tf.Tensor | None = None,
    left: int | tf.Tensor | None = None,
) -> tf.Tensor:
    """Zero-pads a square image [height, height, channels] to `size` pixels.

    The GANs' images are of a power of 2, 256 px, what they imitate is 240 px.

    Args:
      image: a tensor.
      size: height and width of the result.
      top, left: rows and columns of zeros before the image; without, it is centred.
    """
    middle = (size - tf.shape(image)[0]) // 2
    top, left = (middle if offset is None else offset for offset in (top, left))
    padded = tf.image.pad_to_bounding_box(image, top, left, size, size)
    return tf.ensure_shape(padded, [size, size, None])


def own_patients(patients: Iterable[str]) -> list[str]:
    """Names of patients: an image without one ("") is a patient of its own."""
    return [patient or f"\0{number}" for number, patient in enumerate(patients)]


def to_record(example: Mapping[str, Any]) -> Record:
    """A `Record` of a dict of NumPy values as `parse` gives them."""
    return Record(
        image=example["image"][..., 0],
        label=int(example["label"]),
        id=example["id"].decode(),
        patient=example["patient"].decode(),
    )


def serialize(record: Record) -> bytes:
    """A `Record` as the bytes of a `tf.train.Example`."""
    png = tf.io.encode_png(np.asarray(record.image, np.uint8)[..., None]).numpy()

    def text(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    label = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(record.label)]))
    features = {
        "image": text(png),
        "label": label,
        "id": text(record.id.encode()),
        "patient": text(record.patient.encode()),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def parse(
    serialized: tf.Tensor | bytes, size: int | None = None
) -> dict[str, tf.Tensor]:
    """The bytes of one example to tensors; usable inside `tf.data`.

    Args:
      serialized: the bytes.
      size: height and width that the image has to have; without, of any PNG something
        is made.

    Returns:
      A dict of `image` uint8 [size, size, 1], `label` int64 [], `id` and `patient`
      string [].
    """
    features = tf.io.parse_single_example(serialized, _FEATURES)
    png = features["image"]
    if size is not None:
        header = png_header(size)
        is_right = tf.equal(tf.strings.substr(png, 0, len(header)), header)
        with tf.control_dependencies([tf.debugging.Assert(is_right, ["PNG"])]):
            png = tf.identity(png)
    return {**features, "image": tf.io.decode_png(png, channels=1)}


def parse_origins(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """The bytes of a batch of examples to everything but the images, which cost time.

    Returns:
      A dict of `label` int64 [batch], `id` and `patient` string [batch].
    """
    columns = {name: kind for name, kind in _FEATURES.items() if name != "image"}
    return tf.io.parse_example(serialized, columns)


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """`dataset` without the thread that tunes tf.data while it runs.

    That thread sleeps ever longer, up to a minute, and the end of an iterator waits
    for it: reading a small set, or a phase of a training, would end in long silence.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def label_name(label: int) -> str:
    """`non_tumor`, `tumor` or `unlabeled` for 0, 1 or -1."""
    return "unlabeled" if label == UNLABELED else LABEL_NAMES[label]


def label_number(name: str) -> int:
    """0, 1 or -1 for `non_tumor`, `tumor` or `unlabeled`."""
    return UNLABELED if name == "unlabeled" else LABEL_NAMES.index(name)
