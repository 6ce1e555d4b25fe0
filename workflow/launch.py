"""How Snakemake is started, which lives in an environment of its own."""

import os
import pathlib
import subprocess
import sys

from dataset.errors import UserError

SNAKEFILE = pathlib.Path(__file__).with_name("Snakefile")
OWN = SNAKEFILE.parents[1] / ".venv-workflow" / "bin" / "snakemake"  # The Makefile's.


def command_line(snakemake, configuration, output_dir, cores):
    """The command line; all paths in it are independent of the working directory."""
    snakemake = snakemake or (str(OWN) if OWN.exists() else "snakemake")
    if os.sep in snakemake:
        snakemake = os.path.abspath(snakemake)
    return [
        snakemake,
        *("all", "complete"),
        f"--snakefile={SNAKEFILE}",
        f"--directory={os.path.abspath(output_dir)}",
        f"--configfile={os.path.abspath(configuration)}",
        f"--cores={cores}",
        # The lock is ours, so that no killed run leaves a stale one.
        "--nolock",
        # A file that a step has written is complete: steps write it last, and rename
        # it. What else lies in its folder is how the step continues.
        "--ignore-incomplete",
        "--keep-incomplete",
        # Not on a change of the code: only the user knows whether it matters.
        *("--rerun-triggers", "mtime", "input", "params"),
    ]


def environment():
    """That of the steps: this Python, which finds this project."""
    path = [str(SNAKEFILE.parents[1]), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PROJECT_PYTHON": sys.executable,
    }


def start(command, **options):
    """Starts Snakemake; `options` are those of `subprocess.Popen`."""
    try:
        return subprocess.Popen(command, env=environment(), **options)
    except FileNotFoundError as error:
        raise UserError(
            f"--snakemake={command[0]}: no such command; `pip install -r"
            " workflow/requirements.lock` in an environment of its own brings it."
        ) from error
