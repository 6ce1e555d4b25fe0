"""The demo, killed at random moments or on a Slurm, ends as one that was left alone.

In the end the table has to be the same, bit for bit. Each test takes the demo's time
twice and more.
"""

import contextlib
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import slurm_node
from experiments import ROOT, SNAKEMAKE, needs_snakemake

pytestmark = [pytest.mark.long, needs_snakemake]

KILLS = 5
LONGEST_WAIT = 30  # Seconds; a training takes one or two minutes.
WORKING_SECONDS = 20  # A job is cancelled when it has worked for that long.
FINAL = [f"{name}.json" for name in ("manifest", "finished", "report", "phantom")]
FINAL += [f"{name}.json" for name in ("clusters", "selection", "table", "quality")]
FINAL += ["tsne.json", "predictions.csv", "validation.csv", "saved_model.pb"]
FINAL += ["report.html", "verified", "verified-*[0-9]"]  # Not their logs.


def launch(folder, *flags):
    """Starts the demo in a folder."""
    command = [sys.executable, "-m", "workflow.run", f"--snakemake={SNAKEMAKE}"]
    command += ["--configuration=workflow/demo.yaml", "--cores=2", *flags]
    with open(folder.with_suffix(".log"), "a") as log:
        return subprocess.Popen(
            [*command, f"--output_dir={folder}"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def kill(process):
    """SIGKILL to the launcher, Snakemake and all local steps at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def rows(folder):
    return json.loads((folder / "table" / "table.json").read_text())["rows"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder of a demo that was left alone."""
    folder = tmp_path_factory.mktemp("whole") / "demo"
    assert launch(folder).wait() == 0
    return folder


def finished_files(folder):
    """Path to time of change of the files that steps write last."""
    found = {}
    for root, _, names in os.walk(folder):  # Steps remove files and folders meanwhile.
        for name in {n for pattern in FINAL for n in fnmatch.filter(names, pattern)}:
            path = os.path.join(root, name)
            with contextlib.suppress(FileNotFoundError):
                found[path] = os.stat(path).st_mtime_ns
    return found


def test_killed_at_any_moments_it_ends_as_if_not_and_repeats_nothing(
    whole, draw, tmp_path
):
    killed, finished = tmp_path / "demo", {}
    for number in sorted(draw.sample(range(len(finished_files(whole)) - 1), KILLS)):
        process = launch(killed)
        while process.poll() is None and len(finished_files(killed)) < number:
            time.sleep(0.2)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, LONGEST_WAIT))
        assert process.poll() is None, "it ended before this kill; try another seed"
        kill(process)
        # As each was when it was first seen.
        finished = {**finished_files(killed), **finished}
    assert launch(killed).wait() == 0
    after = finished_files(killed)
    assert {path: after.get(path) for path in finished} == finished
    assert rows(killed) == rows(whole)


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
        working = squeue("Comment", "TimeUsed", states="running")
        for job, rule_of_job, seconds in working:
            if rule in rule_of_job and in_seconds(seconds) > WORKING_SECONDS:
                return job
        time.sleep(1)
    raise AssertionError(f"the workflow ended before {rule} worked for a while")


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("slurmctld") or not shutil.which("munged"),
    reason="needs root, and Debian's slurm-wlm and munge",
)
def test_on_slurm_a_cancelled_job_is_repeated_and_a_killed_launcher_goes_on(
    whole, tmp_path
):
    folder, profile = tmp_path / "demo", "--profile=workflow/profiles/slurm"
    with slurm_node.running(tmp_path / "slurm"):
        process = launch(folder, profile)
        cancelled = wait_for_training(process, "pggan_train")
        subprocess.run(["scancel", cancelled], check=True)
        wait_for_training(process, "refiner_train")  # It outlives the launcher.
        kill(process)
        assert launch(folder, profile).wait() == 0
        jobs = squeue("State", "Comment", states="all")
    (rule,) = [comment for job, _, comment in jobs if job == cancelled]
    assert "COMPLETED" in [state for _, state, comment in jobs if comment == rule]
    assert rows(folder) == rows(whole)
