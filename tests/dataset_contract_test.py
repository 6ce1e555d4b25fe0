"""docs/shards.md is all that a program of another language needs.

The writer here uses the standard library alone, as the document says: no TensorFlow,
no NumPy, nothing of this project.
"""

import hashlib
import json
import struct
import zlib

import numpy as np

from dataset import verify
from dataset.shards import ShardSet


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def tfrecord(data):
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(number):
    number &= 2**64 - 1  # Negative numbers take ten bytes, in two's complement.
    content = bytearray()
    while number > 127:
        content.append(number & 127 | 128)
        number >>= 7
    return bytes([*content, number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def example(image, label, name, patient):
    features = {
        "image": field(1, field(1, image)),
        "label": field(3, field(1, varint(label))),
        "id": field(1, field(1, name.encode())),
        "patient": field(1, field(1, patient.encode())),
    }
    entries = [
        field(1, field(1, key.encode()) + field(2, value))
        for key, value in features.items()
    ]
    return field(1, b"".join(entries))


def png(rows):
    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write_set(folder, images, labels, shards=2):
    folder.mkdir()
    entries = []
    per_shard = -(-len(images) // shards)
    for number in range(shards):
        numbers = range(number * per_shard, min((number + 1) * per_shard, len(images)))
        content = b"".join(
            tfrecord(example(png(images[n]), labels[n], f"mine/{n}", f"Müller {n}"))
            for n in numbers
        )
        name = f"shard-{number:05d}-of-{shards:05d}.tfrecord"
        (folder / name).write_bytes(content)
        entries.append(
            {
                "name": name,
                "num_images": len(numbers),
                "num_bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    names = {"non_tumor": 0, "tumor": 1, "unlabeled": -1}
    manifest = {
        "contract_version": 1,
        "num_images": len(images),
        "image_size": len(images[0]),
        "images_per_label": {
            k: labels.count(v) for k, v in names.items() if v in labels
        },
        "shards": entries,
    }
    (folder / "manifest.json.tmp").write_text(json.dumps(manifest))
    (folder / "manifest.json.tmp").rename(folder / "manifest.json")


def test_checksum_is_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283


def test_set_written_after_the_document_is_read_and_verified(tmp_path, capsys):
    images = [
        [[(7 * n + 3 * row + column * column) % 256 for column in range(12)]
         for row in range(12)]
        for n in range(5)
    ]  # fmt: skip
    labels = [0, 1, 1, -1, 0]
    write_set(tmp_path / "mine", images, labels)
    shard_set = ShardSet(tmp_path / "mine")
    for n, record in enumerate(shard_set.records()):
        np.testing.assert_array_equal(record.image, images[n])
        assert record.label == labels[n]
        assert (record.id, record.patient) == (f"mine/{n}", f"Müller {n}")
    assert shard_set.label_counts == {"non_tumor": 2, "tumor": 2, "unlabeled": 1}
    verify.verify(data_dirs=[str(tmp_path / "mine")], refined_from=None)
    assert "1 shard sets with 5 images are in order" in capsys.readouterr().out
