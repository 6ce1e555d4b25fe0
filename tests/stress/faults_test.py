"""A disk that is full or read-only, a folder that goes: one line, and all whole after.

Of every binary, with its output on a small disk of its own, which only root can mount:

- the disk is full at several shares of what the output takes;
- it can only be read, with nothing on it, or with what a full disk has left there;
- the folder is removed before a random one of the changes to its files.

The program then ends with one line that names what is the matter, nothing half-written
has its final name, and once there is room the same command makes what an undisturbed
one does; of a folder that was removed it may ask first to remove what is there again.
TEST_SEED gives the moments.
"""

import contextlib
import os
import shutil
import subprocess

import commands
import pytest
import trials
from programs import REMOVE

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts disks"),
]

SHARES = (0.02, 0.3, 0.6, 0.9)
PAGE = 4096
TEXTS = ("No space left", "no space left", "Read-only", "read-only", "out of space")


@contextlib.contextmanager
def small_disk(base, size):
    """A trial's folder on a disk of `size` bytes, and one for its logs elsewhere."""
    folder, logs = trials.prepared(base), base / "logs"
    logs.mkdir(exist_ok=True)
    mount(folder, f"size={size // PAGE * PAGE}")
    try:
        (folder / "base").symlink_to(base)
        yield folder, logs
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def mount(folder, options):
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    subprocess.run(command, check=True)


def num_bytes(folder):
    """What files and folders take, in whole pages."""
    paths = list(folder.rglob("*"))
    return sum(-(-p.lstat().st_size // PAGE) * PAGE for p in paths if p.is_file())


def check_told(name, end, texts=TEXTS):
    """One line for the user; what TensorFlow and bars say before is not it."""
    assert "Traceback" not in end.printed, end.printed
    last = end.printed.rstrip().splitlines()[-1]
    assert end.code == 1 and last.startswith(f"{name}: error: "), end.printed
    assert any(text in last for text in texts), last


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", commands.COMMANDS)
def test_full_disk(name, share, programs, whole):
    base, _, expected = whole(name)
    size = max(num_bytes(base / name / "out") * share, 2 * PAGE)
    with small_disk(base, int(size)) as (folder, logs):
        end = trials.run_command(programs, name, folder, logs=logs)
        check_told(name, end)
        fault = trials.half_written(folder / "out", expected)
        mount(folder, "remount,ro")
        end = trials.run_command(programs, name, folder, logs=logs)
        check_told(name, end)
        fault = fault or trials.half_written(folder / "out", expected)
        mount(folder, "remount,rw,size=1g")
        again = trials.run_command(programs, name, folder, logs=logs)
        fault = fault or trials.difference(folder / "out", expected, again)
    assert not fault


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", commands.COMMANDS)
def test_folder_that_is_removed(name, number, programs, whole, draw):
    base, end, expected = whole(name)
    folder = trials.prepared(base)
    last = draw.randint(1, len(end.events))
    options = {"last_event": last, "fatal": REMOVE}
    end = trials.run_command(programs, name, folder, **options)
    if end.code:
        check_told(name, end, texts=("out",))
    else:
        assert not trials.difference(folder / "out", expected, end)
    again = trials.run_command(programs, name, folder)
    if "not from this command" in again.printed:  # A part of it was made once more.
        shutil.rmtree(folder / "out")
        again = trials.run_command(programs, name, folder)
    assert not trials.difference(folder / "out", expected, again)
    shutil.rmtree(folder)
