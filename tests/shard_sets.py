"""What tests of `dataset/` share: sets of given records, programs stopped half-way."""

import contextlib
import csv
import itertools

import numpy as np
import pytest

from dataset.records import Record
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet


def write(folder, records, **settings):
    """Writes a list of `Record`s as a `ShardSet`."""
    return write_shard_set(
        str(folder),
        lambda start, stop: iter(records[start:stop]),
        len(records),
        **{"binary": "tests", "settings": {}, **settings},
    )


def read_table(path):
    """The rows of a CSV file, dicts."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def shards(folder):
    """{set: its shards as the manifest lists them} of all sets below a folder."""
    manifests = sorted(folder.rglob("manifest.json"))
    paths = [path.parent for path in manifests]
    return {str(p.relative_to(folder)): ShardSet(p).manifest["shards"] for p in paths}


class Stop(BaseException):
    pass


@contextlib.contextmanager
def stopped(monkeypatch, owner, name, after=0):
    """Expects that what is done within is stopped at a call of `owner.name`.

    Args:
      after: number of calls before that are let through.
    """
    calls, original = itertools.count(), getattr(owner, name)

    def call(*arguments, **settings):
        if next(calls) >= after:
            raise Stop
        return original(*arguments, **settings)

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(owner, name, call)
        yield


def numbered(start, stop):
    """Records number `start` to `stop` - 1 of an endless series."""
    for n in range(start, stop):
        image = np.random.default_rng(n).integers(0, 256, [8, 8], np.uint8)
        yield Record(image, n % 2, f"brats/case/{n:03d}", f"patient {n % 3}")


def write_ten(folder, read=numbered, **settings):
    """A `ShardSet` of ten such records, in three shards."""
    writing = {"binary": "tests.write", "settings": {"seed": 1}, "images_per_shard": 4}
    settings = {"num_images": 10, **writing, **settings}
    return write_shard_set(str(folder), read, **settings)
