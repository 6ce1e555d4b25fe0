"""Kills a workflow at random moments and compares its end with an uninterrupted one.

    make benchmark-killed

Every kill is a SIGKILL to the launcher, Snakemake and all steps at once, at a moment
that is drawn: when so many steps of all are finished, and some seconds later. In the
end the table has to be the same, bit for bit, and whatever was finished at a kill
untouched.
"""

import argparse
import contextlib
import fnmatch
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

LONGEST_WAIT = 30  # Seconds; a training takes one or two minutes.
FINAL = [f"{name}.json" for name in ("manifest", "finished", "report", "phantom")]
FINAL += [f"{name}.json" for name in ("clusters", "selection", "table", "quality")]
FINAL += ["tsne.json", "predictions.csv", "validation.csv", "saved_model.pb"]
FINAL += ["report.html", "verified", "verified-*[0-9]"]  # Not their logs.


def command(args, output_dir):
    return [
        *(sys.executable, "-m", "workflow.run"),
        *(f"--{flag}={getattr(args, flag)}" for flag in ("configuration", "snakemake")),
        f"--output_dir={output_dir}",
        "--cores=2",
    ]


def finished_files(folder):
    """Path to time of change of the files that steps write last."""
    found = {}
    for root, _, names in os.walk(folder):  # Steps remove files and folders meanwhile.
        for name in {n for pattern in FINAL for n in fnmatch.filter(names, pattern)}:
            path = os.path.join(root, name)
            with contextlib.suppress(FileNotFoundError):
                found[path] = os.stat(path).st_mtime_ns
    return found


def kill_once(args, folder, number, seconds):
    """Kills the workflow some seconds after so many steps are finished.

    Returns:
      `finished_files`, and whether the workflow was still running.
    """
    with open(folder.with_suffix(".log"), "a") as log:
        process = subprocess.Popen(
            command(args, folder), stdout=log, stderr=log, start_new_session=True
        )
        while process.poll() is None and len(finished_files(folder)) < number:
            time.sleep(0.2)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return finished_files(folder), True
        return finished_files(folder), False


def rows(folder):
    return json.loads((folder / "table" / "table.json").read_text())["rows"]


def main(args):
    whole, killed = (args.output_dir / name for name in ("whole", "killed"))
    args.output_dir.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    subprocess.run(command(args, whole), check=True, stdout=subprocess.DEVNULL)
    print(f"uninterrupted: {time.monotonic() - began:.0f} s", flush=True)
    seed = random.SystemRandom().randrange(10**6)
    draw = random.Random(seed)
    num_files = len(finished_files(whole))
    print(f"seed of the moments: {seed}; {num_files} files that steps write last")
    finished = {}
    moments = sorted(draw.sample(range(num_files - 1), args.kills))
    for kill, number in enumerate(moments, 1):
        wait = draw.uniform(0, LONGEST_WAIT)
        now, running = kill_once(args, killed, number, wait)
        if not running:
            raise SystemExit("the workflow ended before this kill; try again")
        finished = {**now, **finished}  # As each was when it was first seen.
        print(f"kill {kill}: {len(now)} finished, {wait:.0f} s after the {number}th")
        sys.stdout.flush()
    subprocess.run(command(args, killed), check=True, stdout=subprocess.DEVNULL)
    after = finished_files(killed)
    redone = [path for path, at in finished.items() if after.get(path) != at]
    same = rows(whole) == rows(killed)
    print(f"done again though finished: {redone or 'nothing'}")
    print(f"tables: {'the same' if same else 'DIFFERENT'}")
    raise SystemExit(0 if same and not redone else 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--configuration", default="workflow/demo.yaml")
    parser.add_argument("--snakemake", default=".venv-workflow/bin/snakemake")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--kills", type=int, default=5)
    main(parser.parse_args())
