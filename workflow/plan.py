"""What Snakemake means to do: the steps of a plan, each after those it depends on."""

import dataclasses
import graphlib
import itertools
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).parents[1]
RULE = re.compile(r"^(?:rule|checkpoint) (\w+):$")
FILES = re.compile(r"^ {4}(input|output): (.+)$")
# What stands before a step's own command in a rule's, see `begin` in the Snakefile.
COMMAND = re.compile(r"set -x; (.+)$")
START_OVER = "${START_OVER:-}"


@dataclasses.dataclass
class Step:
    """A step of a plan.

    Attributes:
      rule: name of its rule.
      input, output: lists of paths, in the output folder unless absolute.
      command: its own command line, a list of words; empty if it has none.
      settings: the values of its binary's flags, once they are known.
    """

    rule: str
    input: list = dataclasses.field(default_factory=list)
    output: list = dataclasses.field(default_factory=list)
    command: list = dataclasses.field(default_factory=list)
    settings: dict | None = None

    @property
    def binary(self):
        """The binary of this project that it calls, `pggan.train`; None for others."""
        if self.command[1:2] != ["-m"]:
            return None
        path = ROOT / self.command[2].replace(".", "/")
        return self.command[2] if path.with_suffix(".py").exists() else None

    @property
    def name(self):
        """How messages name it."""
        return " ".join([self.binary or self.rule, *self.output])


def read_plan(text, start_over=""):
    """The steps that have a command, each after those that it depends on.

    Args:
      text: what Snakemake prints for `--dry-run --printshellcmds`.
      start_over: what the shell would put in place of $START_OVER.
    """
    steps = []
    for line in text.splitlines():
        if match := RULE.match(line):
            steps.append(Step(match[1]))
        elif match := FILES.match(line):
            setattr(steps[-1], match[1], match[2].split(", "))
        elif match := COMMAND.search(line):
            words = shlex.split(match[1].replace(START_OVER, start_over))
            steps[-1].command = list(itertools.takewhile("&&".__ne__, words))
    steps = [step for step in steps if step.command]
    writer = {path: n for n, step in enumerate(steps) for path in step.output}
    before = {
        n: {writer[path] for path in step.input if path in writer}
        for n, step in enumerate(steps)
    }
    return [steps[n] for n in graphlib.TopologicalSorter(before).static_order()]


def job_counts(text):
    """The part of the same text that counts the steps of every rule."""
    counts = re.search(r"^Job stats:\n(.+?)\n\n", text, re.DOTALL | re.MULTILINE)
    return counts[1] if counts else ""
