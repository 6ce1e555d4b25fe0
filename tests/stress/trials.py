"""A small command of every binary, run in a folder of its own, and what it left."""

import contextlib
import re
import shutil

import commands
import h5py
import outputs

from dataset.errors import UserError
from dataset.shards import ShardSet

# Files that are appended to, or rewritten as a training goes on; and what is taken back
# when it is continued.
GROWING = re.compile(r"(.*/)?(log\.jsonl|flags\.cfg|unfinished\.json)")
# Weights of the best epoch so far, and the best is not yet known.
BEST = re.compile(r"(.*/)?best\.weights\.h5")
# Checkpoints of steps that the uninterrupted training does not keep to its end.
PASSING = re.compile(r"(.*/)?(ckpt|step)-\d+\.(index|data-.*)")

# Few steps are done before a graph is made: without, a trial takes a fifth of the time.
EAGERLY = """
import functools
from training.model import SteppedModel
SteppedModel.compile = functools.partialmethod(SteppedModel.compile, run_eagerly=True)
"""


def run_command(programs, name, folder, **moment):
    prelude = EAGERLY if name.endswith(".train") else ""
    if name == "classifier.predict":  # It expects the folder of its file.
        with contextlib.suppress(OSError):
            (folder / "out").mkdir()
    return programs.run(name, commands.words(name), folder, prelude=prelude, **moment)


def prepared(base):
    """A new folder to start a command in, always of the same name."""
    folder = base / "trial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "base").symlink_to(base)
    return folder


def is_whole(path):
    """Whether every tensor of an HDF5 file can be read."""
    try:
        with h5py.File(path) as file:
            file.visititems(lambda _, own: own[()] if hasattr(own, "shape") else None)
    except OSError:
        return False
    return True


def half_written(out, expected):
    """The first file with the name of something whole and other content; or nothing."""
    for name, digest in outputs.digests(out).items():
        passing = PASSING.fullmatch(name) and name not in expected
        if passing or outputs.LEFTOVERS.fullmatch(name) or GROWING.fullmatch(name):
            continue
        if BEST.fullmatch(name) and is_whole(out / name):
            continue
        if expected.get(name) != digest:
            return f"{name}: left by the kill, and not as in the end"
    try:
        for manifest in out.rglob("manifest.json"):
            ShardSet(manifest.parent).check_records()
    except UserError as error:
        return str(error)
    return ""


def difference(out, expected, again):
    """How what the same command has made differs from the uninterrupted one's."""
    # Killed after its last file; programs that make tables say that they are there.
    if again.code and "exists; give another name" not in again.printed:
        return f"exit code {again.code}: {again.printed[-2000:]}"
    found = outputs.digests(out)
    found = {n: d for n, d in found.items() if not outputs.LEFTOVERS.fullmatch(n)}
    names = {*found, *expected}
    return ", ".join(sorted(n for n in names if found.get(n) != expected.get(n)))
