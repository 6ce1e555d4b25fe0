"""Runs a workflow on a real Slurm, with a job cancelled and the launcher killed.

    sudo apt install slurm-wlm munge; sudo make benchmark-slurm

In the end its table has to be that of a run without Slurm, bit for bit.
"""

import argparse
import collections
import os
import pathlib
import signal
import subprocess
import time

from benchmarks import killed_workflow, slurm_node

PROFILE = "workflow/profiles/slurm"
WORKING_SECONDS = 20  # A training is cancelled when it has worked for that long.


def squeue(*columns, states):
    """Rows of squeue as lists of texts: the job's id, then its `columns`."""
    layout = ",".join(f"{column}:|" for column in ("JobID", *columns))
    command = ["squeue", "--noheader", f"--Format={layout}", f"--states={states}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("|")[:-1] for line in result.stdout.splitlines()]


def in_seconds(text):
    """Slurm's days-hours:minutes:seconds, of which the first may be missing."""
    parts = [int(part) for part in text.replace("-", ":").split(":")]
    return sum(a * b for a, b in zip(reversed(parts), (1, 60, 3600, 86400)))


def wait_for_training(process, rule):
    """Id of a job of `rule` that has worked for a while."""
    while process.poll() is None:
        for job, rule_of_job, seconds in squeue(
            "Comment", "TimeUsed", states="running"
        ):
            if rule in rule_of_job and in_seconds(seconds) > WORKING_SECONDS:
                return job
        time.sleep(1)
    raise SystemExit(f"the workflow ended before {rule} worked for a while")


def run(args, folder):
    """Runs the workflow on Slurm, disturbed twice.

    Returns:
      Its exit code, and the id of the job that was cancelled.
    """
    command = [*killed_workflow.command(args, folder), f"--profile={PROFILE}"]
    with open(folder.with_suffix(".log"), "a") as log:

        def launch():
            return subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True
            )

        process = launch()
        cancelled = wait_for_training(process, "pggan_train")
        subprocess.run(["scancel", cancelled], check=True)
        print(f"job {cancelled}, a training of a PGGAN: cancelled", flush=True)
        left = wait_for_training(process, "refiner_train")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        print(f"launcher killed; job {left}, of a refiner, is still there", flush=True)
        return launch().wait(), cancelled


def main(args):
    local, cluster = (args.output_dir / name for name in ("local", "cluster"))
    args.output_dir.mkdir(parents=True, exist_ok=True)
    command = killed_workflow.command(args, local)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with slurm_node.running(args.output_dir / "slurm"):
        began = time.monotonic()
        code, cancelled = run(args, cluster)
        print(f"ended with {code} after {time.monotonic() - began:.0f} s")
        jobs = squeue("State", "tres-per-job", "Comment", states="all")
    states = collections.Counter(state for _, state, *_ in jobs)
    print("jobs:", ", ".join(f"{n} {state}" for state, n in states.items()))
    for number, state, gpus, rule in jobs:
        print(f"  {number} {state} {gpus} {rule}")
    (of_cancelled,) = [rule for number, *_, rule in jobs if number == cancelled]
    again = [n for n, s, _, rule in jobs if (s, rule) == ("COMPLETED", of_cancelled)]
    print(f"job {cancelled} again: {', '.join(again) or 'NEVER'}")
    same = not code and killed_workflow.rows(local) == killed_workflow.rows(cluster)
    print(f"tables: {'the same' if same else 'DIFFERENT'}")
    raise SystemExit(0 if same and again else 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--configuration", default="workflow/demo.yaml")
    parser.add_argument("--snakemake", default=".venv-workflow/bin/snakemake")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    main(parser.parse_args())
