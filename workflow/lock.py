"""The lock of an output folder, in which one run at a time works.

It lies on standard input, which every step inherits: so it is held as long as any of
them lives, even one that outlived a killed Snakemake. Such a step is asked to end, and
saves its state, before a new run begins.
"""

import contextlib
import fcntl
import os
import signal
import time

import psutil

from dataset.errors import UserError

SECONDS_TO_END = 120


def take(path):
    """Locks the file at `path` for this process and all that it starts.

    What a killed run left behind is ended first.

    Raises:
      UserError: a run works in the folder, or steps of a killed one do not end.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT)
    deadline = time.monotonic() + SECONDS_TO_END
    asked = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            holders = processes_on(path)
        launcher, snakemake = read_runners(path)
        folder = os.path.dirname(path)
        if launcher in holders:
            raise UserError(
                f"{folder}: a run is at work in this folder (process {launcher}); wait"
                f" for it, or stop it by `kill {launcher}`."
            )
        if time.monotonic() > deadline:
            left = " ".join(map(str, holders))
            raise UserError(
                f"{folder}: steps of a killed run have not ended {SECONDS_TO_END} s"
                f" after they were asked to (processes {left}); wait for them, or end"
                f" them without saving by `kill -9 {left}`."
            )
        if not asked:
            print("Waiting for steps of a killed run to save their state ...")
            if snakemake in holders:  # Not asked: see `run.call`.
                os.kill(snakemake, signal.SIGKILL)
            end(pid for pid in processes_on(path) if pid != snakemake)
            asked = True
        time.sleep(0.5)
    write_runners(path, os.getpid(), 0)
    os.dup2(lock, 0)


def write_runners(path, launcher, snakemake):
    """Notes in the lock's file the ids of the processes that run the steps."""
    with open(path, "w") as file:
        file.write(f"{launcher} {snakemake}")


def read_runners(path):
    """What `write_runners` noted; zeros before."""
    with open(path) as file:
        return [int(word) for word in (file.read() or "0 0").split()]


def processes_on(path):
    """Ids of the other processes whose standard input is the file at `path`."""
    path = os.path.realpath(path)
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # It has ended, or is another user's.
            files = process.open_files()
            if any(file.fd == 0 and file.path == path for file in files):
                found.append(process.pid)
    return [pid for pid in found if pid != os.getpid()]


def age(pid):
    """How long a process has been there, in seconds; 0 if it has ended."""
    try:
        return max(0.0, time.time() - psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def end(processes):
    """Asks processes to end."""
    for pid in processes:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
