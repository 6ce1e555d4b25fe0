"""Checks the commands of a plan: programs, flagfiles, flags. Runs no step."""

import concurrent.futures
import pathlib
import re
import shlex
import shutil
import subprocess

ROOT = pathlib.Path(__file__).parents[1]
# What stands before a step's own command in a rule's, see `begin` in the Snakefile.
COMMAND = re.compile(r"set -x; export [^;]+; (.+)$", re.MULTILINE)
OPTIONAL = "${START_OVER:-}"
# Snakemake's word for what only a step before can tell, as the selected refining step.
UNKNOWN = "<TBD>"


def planned_commands(plan):
    """The commands of all steps that are known already, as lists of words.

    Args:
      plan: what Snakemake prints for `--dry-run --printshellcmds`.
    """
    lines = (line.partition(" && ")[0] for line in COMMAND.findall(plan))
    known = (line for line in lines if UNKNOWN not in line)
    return [shlex.split(line.replace(OPTIONAL, "")) for line in known]


def check(commands, num_workers=2):
    """Checks commands.

    Of commands that differ only in values of flags one is checked, by its own binary:
    unknown flags, values out of range, missing flags. Of other programs only whether
    they are there.

    Returns:
      The number of commands that were checked, and a sorted list of messages, one for
      each that is wrong.
    """
    kinds = {}
    for command in commands:
        names = tuple(
            word if word.startswith("--flagfile=") else word.partition("=")[0]
            for word in command
        )
        kinds.setdefault(names, command)
    with concurrent.futures.ThreadPoolExecutor(num_workers) as pool:
        messages = list(pool.map(check_command, kinds.values()))
    return len(kinds), sorted({message for message in messages if message})


def check_command(command):
    """What is wrong with a command; None if nothing is."""
    if not shutil.which(command[0]):
        return f"{command[0]}: no such program."
    if command[1:2] != ["-m"] or not is_own(command[2]):
        return None
    result = subprocess.run(
        [*command, "--only_check_args"],  # Every program with absl's flags has it.
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if not result.returncode:
        return None
    _, _, says = result.stderr.rpartition("FATAL Flags parsing error:")
    says = " ".join(says.partition("Pass --help")[0].split())
    flagfile = next((word for word in command if word.startswith("--flagfile=")), "")
    return f"{command[2]} {flagfile}: {says}"


def is_own(module):
    """Whether a module is a binary of this project."""
    return (ROOT / module.replace(".", "/")).with_suffix(".py").exists()
