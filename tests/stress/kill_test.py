"""Binaries that are killed at any moment end as if they were not.

Of each binary STRESS_KILLS trials (20): half are killed after a random time, half
before a random one of the changes that it makes to its files, or in the middle of it.
Then

- no file has its final name and another content than in the end, but those that grow;
- the same command ends well, and leaves what an uninterrupted one does, bit for bit.

TEST_SEED gives the moments.
"""

import json
import os
import re
import shutil

import commands
import outputs
import project
import pytest
from programs import Programs

from dataset.errors import UserError
from dataset.shards import ShardSet

pytestmark = pytest.mark.stress

KILLS = int(os.environ.get("STRESS_KILLS", 20))
# Files that are appended to, or rewritten as a training goes on; and what is taken back
# when it is continued.
GROWING = re.compile(r"(.*/)?(log\.jsonl|flags\.cfg|unfinished\.json)")
# Checkpoints of steps that the uninterrupted training does not keep to its end.
PASSING = re.compile(r"(.*/)?(ckpt|step)-\d+\.(index|data-.*)")

# Few steps are done before a graph is made: without, a trial takes a fifth of the time.
EAGERLY = """
import functools
from training.model import SteppedModel
SteppedModel.compile = functools.partialmethod(SteppedModel.compile, run_eagerly=True)
"""


@pytest.fixture(scope="module")
def programs():
    programs = Programs(sorted({*commands.COMMANDS}))
    yield programs
    programs.close()


@pytest.fixture(scope="module")
def whole(programs, write_images, tmp_path_factory):
    """A function of a binary's name to the inputs' folder, its whole `End`, digests."""
    base, ends = tmp_path_factory.mktemp("base"), {}
    commands.write_inputs(base / "sets", write_images)

    def run(name):
        for other in commands.COMMANDS[name][1]:
            run(other)
        if name not in ends:
            # Where all trials are, too: paths from outputs to inputs are in some.
            folder = prepared(base)
            end = run_command(programs, name, folder)
            assert end.code == 0, end.printed
            digests = outputs.digests(folder / "out")
            folder.rename(base / name)
            ends[name] = base, end, digests
            if name == "filtering.cluster":
                commands.write_decisions(base)
        return ends[name]

    return run


def run_command(programs, name, folder, **moment):
    prelude = EAGERLY if name.endswith(".train") else ""
    if name == "classifier.predict":  # It expects the folder of its file.
        (folder / "out").mkdir(exist_ok=True)
    return programs.run(name, commands.words(name), folder, prelude=prelude, **moment)


def prepared(base):
    """A new folder to start a command in, always of the same name."""
    folder = base / "trial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "base").symlink_to(base)
    return folder


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("name", commands.COMMANDS)
def test_killed_at_any_moment_equals_uninterrupted(name, number, programs, whole, draw):
    base, end, expected = whole(name)
    folder = prepared(base)
    moment = {"seconds": draw.uniform(0, end.seconds)}
    if number % 2:
        moment = {"last_event": draw.randint(1, len(end.events))}
    killed = run_command(programs, name, folder, **moment)
    fault = half_written(folder / "out", expected)
    again = run_command(programs, name, folder)
    fault = fault or difference(folder / "out", expected, again)
    record(name, number, moment, killed, fault)
    assert not fault, f"{moment}, {killed.events[-1:]}"
    assert killed.code in (-9, 0) and (killed.code or "seconds" in moment)
    shutil.rmtree(folder)


def half_written(out, expected):
    """The first file with the name of something whole and other content; or nothing."""
    for name, digest in outputs.digests(out).items():
        passing = PASSING.fullmatch(name) and name not in expected
        if passing or outputs.LEFTOVERS.fullmatch(name) or GROWING.fullmatch(name):
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


def record(name, number, moment, killed, fault):
    """A line of what happened, where STRESS_LOG names a file for it."""
    if path := os.environ.get("STRESS_LOG"):
        line = {"binary": name, "number": number, **moment, "code": killed.code}
        line |= {"event": killed.events[-1:], "fault": fault}
        with open(path, "a") as file:
            file.write(json.dumps(line) + "\n")


def test_events_are_seen_in_every_binary(whole):
    """Else the half of the trials that is killed before one would do nothing."""
    for name in commands.COMMANDS:
        assert len(whole(name)[1].events) > 1, name


def test_all_binaries_are_started_from_a_process_of_one_thread(programs):
    assert programs.threads == 1
    assert commands.COMMANDS.keys() <= set(project.BINARIES)
