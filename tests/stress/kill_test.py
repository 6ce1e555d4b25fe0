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
import shutil

import commands
import project
import pytest
import trials

pytestmark = pytest.mark.stress

KILLS = int(os.environ.get("STRESS_KILLS", 20))


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("name", commands.COMMANDS)
def test_killed_at_any_moment_equals_uninterrupted(name, number, programs, whole, draw):
    base, end, expected = whole(name)
    folder = trials.prepared(base)
    moment = {"seconds": draw.uniform(0, end.seconds)}
    if number % 2:
        moment = {"last_event": draw.randint(1, len(end.events))}
    killed = trials.run_command(programs, name, folder, **moment)
    fault = trials.half_written(folder / "out", expected)
    again = trials.run_command(programs, name, folder)
    fault = fault or trials.difference(folder / "out", expected, again)
    record(name, number, moment, killed, fault)
    assert not fault, f"{moment}, {killed.events[-1:]}"
    assert killed.code in (-9, 0) and (killed.code or "seconds" in moment)
    shutil.rmtree(folder)


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
