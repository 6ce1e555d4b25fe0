"""What Snakemake means to do: the steps of a plan, each after those it depends on."""

import collections
import dataclasses
import graphlib
import itertools
import json
import pathlib
import shlex

ROOT = pathlib.Path(__file__).parents[1]
START_OVER = "${START_OVER:-}"


@dataclasses.dataclass
class Step:
    """A step of a plan.

    Attributes:
      rule: name of its rule.
      input, output: lists of paths, in the output folder unless absolute.
      command: its own command line, a list of words.
      priority: steps of higher priority come first, of those that can begin.
      settings: the values of its binary's flags, once they are known.
    """

    rule: str
    input: list
    output: list
    command: list
    priority: int = 0
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
    """The steps of a plan, each after those that it depends on.

    Args:
      text: JSON, as `plan.smk` prints it.
      start_over: what the shell would put in place of $START_OVER.

    Raises:
      ValueError: a command line cannot be split into words.
    """
    steps = [Step(**step) for step in json.loads(text)]
    for step in steps:
        words = shlex.split(step.command.replace(START_OVER, start_over))
        step.command = list(itertools.takewhile("&&".__ne__, words))
    writer = {path: n for n, step in enumerate(steps) for path in step.output}
    before = {
        n: {writer[path] for path in step.input if path in writer}
        for n, step in enumerate(steps)
    }
    return [steps[n] for n in graphlib.TopologicalSorter(before).static_order()]


def counts(steps):
    """A line for each rule of the plan: how many steps it has."""
    numbers = collections.Counter(step.rule for step in steps)
    return "\n".join(f"{rule:20}{number:5}" for rule, number in numbers.items())
