"""Jobs of a Slurm cluster that an ended run has left behind.

They outlive Snakemake, and no lock on this machine shows them.
"""

import os
import shutil
import subprocess
import time

# What Snakemake's plug-in notes as a job's comment begins so. Others that the user has
# in the folder, such as the launcher's own job, are not to be touched.
OF_A_RULE = "rule_"
UNANSWERED = 60  # Seconds that a cluster may be silent while jobs are waited for.


class ClusterError(Exception):
    """The cluster does not say which jobs there are."""


def end(folder):
    """Cancels the steps' jobs that work in `folder`, and waits until all have ended.

    Trainings save their state first; Slurm's KillWait says how long they may take. Does
    nothing where there is no Slurm.

    Raises:
      ClusterError: Slurm does not answer.
    """
    if not shutil.which("squeue"):
        return
    jobs = unfinished(folder)
    if jobs:
        print(f"Waiting for {len(jobs)} job(s) of an ended run to save their state ...")
        subprocess.run(["scancel", *jobs], check=False)
    silent_since = None
    while jobs:
        time.sleep(1)
        try:
            jobs, silent_since = unfinished(folder), None
        except ClusterError:
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > UNANSWERED:
                raise


def unfinished(folder):
    """Ids of the steps' jobs that wait or work in `folder`, as strings.

    Raises:
      ClusterError: Slurm does not answer.
    """
    result = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i|%k|%Z"],
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise ClusterError(f"squeue: {result.stderr.strip()}")
    folder = os.path.realpath(folder)
    found = []
    for line in result.stdout.splitlines():
        job, comment, where = line.split("|", 2)
        if comment.startswith(OF_A_RULE) and os.path.realpath(where) == folder:
            found.append(job)
    return found
