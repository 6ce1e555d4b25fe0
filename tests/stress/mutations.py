"""Hostile versions of a file: a plain mutator, every draw from a `random.Random`."""

import json
import random
import struct
import zlib

NUMBERS = ["-1", "0", "1e999", "NaN", "99999999999999999999", "2147483648", "0.5"]
NUMBERS += ["-2147483648", "1e-320", "4294967296", "65536"]
TEXTS = ["", "../../out", "/etc/passwd", "\0", "a" * 100_000, "\ufeff", "é\u202e", "'"]
TEXTS += ["{}", "[]", "null", "true", ";rm -r x", "=1+1", "$(x)", "%s%n", "\\", '"']
WORDS = [b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0" * 4, b"\x80\0\0\0", b"\0\0\0\x80"]
WORDS += [b"\xff" * 8, b"\1\0\0\0", b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff"]


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A file's bytes after one to four changes; headers are hit most."""
    for _ in range(draw.randint(1, 4)):
        content = draw.choice(BINARY)(content, draw)
    return content


def place(content, draw):
    """Half of all places are among the first 512 bytes."""
    end = min(len(content), 512) if draw.random() < 0.5 else len(content)
    return draw.randrange(max(end, 1))


def flip(content, draw):
    start = place(content, draw)
    return content[:start] + bytes([draw.randrange(256)]) + content[start + 1 :]


def overwrite(content, draw):
    start, word = place(content, draw), draw.choice(WORDS)
    return content[:start] + word + content[start + len(word) :]


def truncate(content, draw):
    return content[: place(content, draw)]


def remove(content, draw):
    start = place(content, draw)
    return content[:start] + content[start + draw.randint(1, 64) :]


def repeat(content, draw):
    start = place(content, draw)
    part = content[start : start + draw.randint(1, 256)]
    return content[:start] + part * draw.randint(2, 50) + content[start:]


def insert(content, draw):
    start = place(content, draw)
    return content[:start] + draw.randbytes(draw.randint(1, 64)) + content[start:]


BINARY = [flip, flip, overwrite, overwrite, truncate, remove, repeat, insert]


def mutated_png(content: bytes, draw: random.Random) -> bytes:
    """Half of all with checksums put right, so that more than these is tried."""
    content = mutated(content, draw)
    if draw.random() < 0.5:
        return content
    parts, start = [content[:8]], 8
    while start + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, start)
        data = content[start + 4 : start + 8 + length]
        parts += [content[start : start + 4], data, struct.pack(">I", zlib.crc32(data))]
        start += 12 + length
    return b"".join(parts)


def mutated_text(content: bytes, draw: random.Random) -> bytes:
    """A table or a header of words: one of them replaced, or bytes changed."""
    if draw.random() < 0.3:
        return mutated(content, draw)
    separator = draw.choice([b",", b"\n", b" ", b"="])
    words = content.split(separator)
    for _ in range(draw.randint(1, 3)):
        word = draw.choice(NUMBERS + TEXTS).encode()
        words[draw.randrange(len(words))] = word
    return separator.join(words)


def mutated_json(content: bytes, draw: random.Random) -> bytes:
    """JSON, or a line of it, with values replaced, removed or buried."""
    if draw.random() < 0.3:
        return mutated(content, draw)
    lines = content.splitlines() if content.count(b"\n{") else [content]
    number = draw.randrange(len(lines))
    try:
        value = json.loads(lines[number])
    except ValueError:
        return mutated(content, draw)
    for _ in range(draw.randint(1, 2)):
        value = changed_value(value, draw)
    lines[number] = json.dumps(value).encode()
    return b"\n".join(lines) + b"\n"


def changed_value(value, draw):
    """A value of JSON with one change somewhere within."""
    if isinstance(value, dict) and value and draw.random() < 0.85:
        key = draw.choice(list(value))
        if draw.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: changed_value(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.85:
        number = draw.randrange(len(value))
        if draw.random() < 0.15:
            return value[:number] + value[number + 1 :]
        new = changed_value(value[number], draw)
        return value[:number] + [new] + value[number + 1 :]
    return other_value(draw)


def other_value(draw):
    kind = draw.randrange(6)
    if kind == 0:
        return draw.choice(TEXTS)
    if kind == 1:
        return json.loads(draw.choice(NUMBERS))
    if kind == 2:
        return draw.choice([None, True, False, {}, [], [[]], {"": ""}])
    if kind == 3:
        return draw.randint(-(2**70), 2**70)
    if kind == 4:
        return draw.uniform(-1e6, 1e6)
    return nested(draw.randint(1, 500))


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value
