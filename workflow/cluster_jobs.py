"""Jobs of a Slurm cluster that an ended run has left behind.

They do not end with Snakemake, and nothing that a run locks on this machine tells of
them.
"""

import os
import shutil
import subprocess
import time


def end(folder):
    """Cancels the user's jobs that work in `folder`, and waits until all have ended.

    Trainings save their state first; Slurm's KillWait says how long they may take. Does
    nothing where there is no Slurm.
    """
    if not shutil.which("squeue"):
        return
    jobs = unfinished(folder)
    if jobs:
        print(f"Waiting for {len(jobs)} job(s) of an ended run to save their state ...")
        subprocess.run(["scancel", *jobs], check=False)
    while unfinished(folder):
        time.sleep(1)


def unfinished(folder):
    """Ids of the user's jobs that wait or work in `folder`, as strings."""
    result = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i %Z"],
        capture_output=True,
        text=True,
    )  # Without a cluster that answers there are no jobs.
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    folder = os.path.realpath(folder)
    return [job for job, where in lines if os.path.realpath(where) == folder]
