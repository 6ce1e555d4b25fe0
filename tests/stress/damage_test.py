"""Shard sets that are damaged at random: each damage is detected and named.

STRESS_FLIPS sets (1000), one damage each, of the kinds in `DAMAGES` in turn. Every way
of reading then either ends in a `UserError` that names a file of the set, or gives what
it gave before. What is damaged comes from TEST_SEED. Where STRESS_LOG names a file, it
gets the counts of `docs/reliability.md`.
"""

import collections
import hashlib
import json
import os
import random
import shutil

import numpy as np
import pytest
import shard_sets

from dataset.errors import UserError
from dataset.records import Record
from dataset.shards import ShardSet

pytestmark = pytest.mark.stress

SEED = os.environ["TEST_SEED"]
TRIALS = int(os.environ.get("STRESS_FLIPS", 1000))
NUM_SHARDS, PER_SHARD, SIZE = 4, 6, 16


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Folders of a set, and of one of other images whose files are of the same size."""
    folders = [tmp_path_factory.mktemp(name) / "set" for name in ("own", "other")]
    for folder, letter in zip(folders, "ab"):
        shard_sets.write(folder, list(records(letter)), images_per_shard=PER_SHARD)
    return folders


def records(letter):
    """Noise, the same for every letter; the letter is in the ids."""
    for number in range(NUM_SHARDS * PER_SHARD):
        # The same in every shard, so that shards are of one size.
        image = np.random.default_rng(number % PER_SHARD).integers(0, 256, [SIZE] * 2)
        name = f"brats/{letter}/{number:03d}"
        yield Record(image.astype(np.uint8), number % 2, name, f"{letter}{number % 3}")


def shards(folder):
    return sorted(folder.glob("*.tfrecord"))


def flip(path, draw):
    """Changes one bit or one byte."""
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= draw.choice([1, 128, draw.randint(1, 255)])
    path.write_bytes(content)


def flip_shard(folder, other, draw):
    flip(draw.choice(shards(folder)), draw)


def flip_manifest(folder, other, draw):
    flip(folder / "manifest.json", draw)


def truncate_shard(folder, other, draw):
    path = draw.choice(shards(folder))
    os.truncate(path, draw.randrange(path.stat().st_size))


def truncate_manifest(folder, other, draw):
    path = folder / "manifest.json"
    os.truncate(path, draw.randrange(path.stat().st_size - 2))


def lose_shard(folder, other, draw):
    draw.choice(shards(folder)).unlink()


def swap_shards(folder, other, draw):
    first, second = draw.sample(shards(folder), 2)
    first.rename(folder / "aside")
    second.rename(first)
    (folder / "aside").rename(second)


def take_shard_of_another_set(folder, other, draw):
    path = draw.choice(shards(folder))
    shutil.copy(other / path.name, path)


def swap_records(folder, other, draw):
    """Of one shard; their checksums go with them."""
    path = draw.choice(shards(folder))
    content, parts = path.read_bytes(), []
    while content:
        length = 12 + int.from_bytes(content[:8], "little") + 4
        parts.append(content[:length])
        content = content[length:]
    first, second = draw.sample(range(len(parts)), 2)
    parts[first], parts[second] = parts[second], parts[first]
    path.write_bytes(b"".join(parts))


def take_newer_version(folder, other, draw):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["contract_version"] += draw.randint(1, 3)
    path.write_text(json.dumps(manifest))


def take_manifest_of_another_set(folder, other, draw):
    shutil.copy(other / "manifest.json", folder)


DAMAGES = [flip_shard, flip_manifest, truncate_shard, truncate_manifest, lose_shard]
DAMAGES += [swap_shards, take_shard_of_another_set, swap_records, take_newer_version]
DAMAGES += [take_manifest_of_another_set]


def in_order(shard_set):
    return [(r.id, r.label, r.patient, digest(r.image)) for r in shard_set.records()]


def at_position(shard_set):
    return [digest(shard_set.serialized(n)) for n in range(len(shard_set))]


def origins(shard_set):
    labels, ids, patients = shard_set.origins()
    return labels.tolist(), ids, patients


def digest(content):
    return hashlib.sha256(content).hexdigest()


READINGS = (in_order, at_position, origins)


def outcomes(folder, expected):
    """How each reading ends: detected, as before, or (a fault) other content."""
    ends = {}
    for reading in READINGS:
        try:
            found = reading(ShardSet(folder))
        except UserError as error:
            assert str(folder) in str(error) and "\n" not in str(error), error
            ends[reading.__name__] = "detected"
            continue
        same = found == expected[reading.__name__]
        ends[reading.__name__] = "as before" if same else "other content"
    return ends


def test_every_damage_is_detected_or_changes_nothing(sets, tmp_path):
    own, other = sets
    expected = {reading.__name__: reading(ShardSet(own)) for reading in READINGS}
    counts = collections.Counter()
    faults = []
    for number in range(TRIALS):
        damage = DAMAGES[number % len(DAMAGES)]
        folder = tmp_path / "set"
        shutil.copytree(own, folder)
        damage(folder, other, random.Random(f"{SEED} {number}"))
        ends = outcomes(folder, expected)
        counts.update((damage.__name__, name, end) for name, end in ends.items())
        if "other content" in ends.values():
            faults.append((number, damage.__name__, ends))
        shutil.rmtree(folder)
    report(counts)
    assert not faults, f"TEST_SEED={SEED}: {len(faults)}, the first: {faults[:5]}"
    for damage in DAMAGES:  # Only a flip may change nothing, and in a manifest alone.
        if damage is not flip_manifest:
            ends = {key[2] for key in counts if key[0] == damage.__name__}
            assert ends == {"detected"}, damage.__name__


def report(counts):
    lines = [f"{' / '.join(key)}: {number}\n" for key, number in sorted(counts.items())]
    print(*lines)
    if path := os.environ.get("STRESS_LOG"):
        with open(path, "a") as file:
            file.writelines(lines)
