"""Checks the steps of a plan and runs none: programs and flags, then the rest."""

import shutil

from absl import flags

from workflow import rehearsal


def check(steps, parse, output_dir, num_workers):
    """Checks the steps of a plan: programs, flags, files, sizes, room on the disk.

    Args:
      steps: `plan.Step`s, in order; they get their `settings`.
      parse: `parse(binary, arguments)` gives a dict of flags, or raises `flags.Error`.
      output_dir: the experiment's folder.
      num_workers: how many trainings may be asked at once.

    Returns:
      Two lists of texts: what is wrong, and what else a person should know.
    """
    wrong = [text for step in steps for text in _check_command(step, parse)]
    if wrong:
        return sorted(set(wrong)), []
    return rehearsal.rehearse(steps, output_dir, num_workers)


def _check_command(step, parse):
    """What is wrong with a step's program or flags: a list of at most one text."""
    if not shutil.which(step.command[0]):
        return [f"{step.command[0]}: no such program."]
    if step.binary:
        try:
            step.settings = parse(step.binary, step.command[3:])
        except flags.Error as error:
            flagfiles = [w for w in step.command if w.startswith("--flagfile=")]
            return [" ".join([step.binary, *flagfiles]) + f": {error}"]
    return []
