"""What a program left in its folder, file by file, but for what the clock says."""

import hashlib
import json
import pathlib
import re

import tensorflow as tf

# Files that are compared otherwise than by their bytes, and why.
NOT_COMPARED = {
    r"(.*/)?events/.*": "TensorBoard's, which have times in name and content",
    r"(.*/)?checkpoints/checkpoint": "TensorFlow's list, which has times; not read",
    r"(.*/)?\.lock": "empty",
}
CHECKPOINT = re.compile(r"(.*/)?(ckpt|step)-\d+\.(index|data-.*)")
# What a kill may leave beside the output: none of it is read as an output.
LEFTOVERS = re.compile(
    r"(.*/)?(ckpt-\d+_temp|step-\d+_temp|damaged-|unfinished[_.](?!json)).*"
    r"|.*\.(tmp\w*|part)|features-\w+-\d+\.npy"
)
# Keys of JSON and of a line of it whose values depend on the clock.
CLOCK = re.compile(r"seconds|time|date")


def digests(folder):
    """{relative path: SHA-256} of all files below a folder that are compared."""
    folder = pathlib.Path(folder)
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not any(re.fullmatch(p, name) for p in NOT_COMPARED):
            found[name] = hashlib.sha256(content(path, name)).hexdigest()
    return found


def content(path, name):
    """The bytes of a file that have to be the same, whenever it was written."""
    if CHECKPOINT.fullmatch(name):
        return checkpoint_content(path)
    if path.suffix == ".json":
        return timeless(path.read_text())
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        return b"\n".join(map(timeless, lines))
    return path.read_bytes()


def timeless(text):
    try:
        value = json.loads(text)
    except ValueError:  # Half of a file.
        return text.encode()
    return json.dumps(without_clock(value)).encode()


def without_clock(value):
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not CLOCK.search(k)}
        return {k: without_clock(v) for k, v in kept.items()}
    return [without_clock(v) for v in value] if isinstance(value, list) else value


def checkpoint_content(path):
    """Of all variables but the number of saves: it counts the checkpoints themselves.

    TensorFlow's two files of a checkpoint are its variables in any order.
    """
    prefix = re.sub(r"\.(index|data-[^.]*)$", "", str(path))
    try:
        reader = tf.train.load_checkpoint(prefix)
        digest = hashlib.sha256()
        for name in sorted(reader.get_variable_to_shape_map()):
            if "OBJECT_GRAPH" not in name and not name.startswith("save_counter"):
                digest.update(name.encode() + b"\0")
                digest.update(reader.get_tensor(name).tobytes())
    except (tf.errors.OpError, ValueError, IndexError, RuntimeError) as error:
        return f"no checkpoint: {error}".encode()
    return digest.digest()
