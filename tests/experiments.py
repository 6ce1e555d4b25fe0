"""The workflow with stand-ins for the binaries: real runs, and plans without a run."""

import atexit
import collections
import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest

from workflow import launch, plan

ROOT = pathlib.Path(__file__).parents[1]
SNAKEMAKE = os.environ.get("SNAKEMAKE", str(ROOT / ".venv-workflow/bin/snakemake"))
DEMO = (ROOT / "workflow" / "demo.yaml").read_text()

PATHS = re.compile(r"--(?:\w+_(?:dirs?|csv|of|from|json)|candidates)=(.+)")

needs_snakemake = pytest.mark.skipif(
    not shutil.which(SNAKEMAKE), reason="no Snakemake in .venv-workflow"
)

LAUNCH = """
    import signal, sys
    from flags import binary
    interpreter, sys.executable = sys.executable, sys.argv.pop(1)
    # The tests may run under nohup, or in the background of a script.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    binary.run("workflow.run")
"""


@functools.cache
def stand_in():
    """Path of a program that stands for Python, until this process ends."""
    folder = tempfile.TemporaryDirectory(prefix="stand-in-")
    stand_in.folder = folder  # It goes with the function.
    path = pathlib.Path(folder.name) / "python"
    source = pathlib.Path(__file__).with_name("stand_in_step.py").read_text()
    path.write_text(f"#!{sys.executable} -S\n{source}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def changed(text, *replacements):
    """A configuration with each (old, new) replaced, of which old is there."""
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


class Experiment:
    """A configuration, the folder of its results, and what the stand-ins logged."""

    def __init__(self, folder, text=DEMO):
        self.started = []
        self.output = folder / "out"
        self.calls_path = folder / "calls"
        self.configuration = folder / "configuration.yaml"
        self.configuration.write_text(text)

    def configure(self, *replacements):
        text = changed(self.configuration.read_text(), *replacements)
        self.configuration.write_text(text)

    def start(self, *flags, **variables):
        command = [sys.executable, "-c", textwrap.dedent(LAUNCH), stand_in()]
        command += [f"--configuration={self.configuration}", *flags]
        command += [f"--output_dir={self.output}", f"--snakemake={SNAKEMAKE}"]
        environment = {**os.environ, "CALLS": str(self.calls_path), **variables}
        environment["PYTHONPATH"] = str(ROOT)
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=self.output.parent,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *flags, code=0, **variables):
        process = self.start(*flags, **variables)
        text, _ = process.communicate(timeout=300)
        assert process.returncode == code, text
        return text

    def lines(self, word):
        """What the stand-ins logged under `word`, in order."""
        if not self.calls_path.exists():
            return []
        lines = [line.split() for line in self.calls_path.read_text().splitlines()]
        return [line[1:] for line in lines if line[0] == word]

    def start_and_hang(self, where, **variables):
        """Starts the chain; returns its process, and that of the step it hangs in."""
        process = self.start(HANG=where, **variables)
        while not self.lines("hang"):
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.1)
        return process, int(self.lines("hang")[-1][0])

    def end(self):
        """Ends what a test has started and left."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def binaries(lines):
    return [line[0] for line in lines]


def count(lines):
    """How many steps there are of each binary.

    Without the check for leaks over all detectors, which the tests of folds look at.
    """
    leaks = {"dataset.verify", "--experiment_dir=."}
    return dict(collections.Counter(x[0] for x in lines if not leaks <= set(x)))


def named_paths(line):
    """Folders and files of the experiment that a command line's flags name."""
    matches = filter(None, map(PATHS.fullmatch, line))
    texts = [match[1].rpartition("=")[2] for match in matches]
    return [path for text in texts for path in text.split(",")]


def flag(line, name):
    """The value of a flag in a command line."""
    (value,) = [x for x in line if x.startswith(f"--{name}=")]
    return value.partition("=")[2]


@functools.cache
def _planner():
    python = pathlib.Path(SNAKEMAKE).with_name("python")
    planner = subprocess.Popen(
        [python, pathlib.Path(__file__).with_name("planner.py")],
        env={**launch.environment(), "PROJECT_PYTHON": stand_in()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(planner.communicate)
    return planner


def snakemake(folder, text, *config):
    """Snakemake's plan: its exit code, and the plan or what it says instead.

    Args:
      folder: a path; the results would be in `folder/out`.
      text: the configuration.
      *config: `key=value` for `--config`.
    """
    configuration, output = folder / "configuration.yaml", folder / "plan.txt"
    configuration.write_text(text)
    (folder / "out").mkdir(exist_ok=True)
    _, *arguments = launch.command_line(
        SNAKEMAKE, str(configuration), str(folder / "out"), 2
    )
    arguments += ["--d3dag", "--config", "dry_run=True", *config]
    planner = _planner()
    print(json.dumps([arguments, str(output)]), file=planner.stdin, flush=True)
    code = int(planner.stdout.readline())
    errors = output.with_suffix(".txt.err").read_text()
    return code, errors if code else output.read_text()


def planned(folder, *replacements, config=()):
    """The `plan.Step`s of a changed demo.yaml, each after those it depends on."""
    code, text = snakemake(folder, changed(DEMO, *replacements), *config)
    assert code == 0, text
    return plan.read_plan(text)


def lines_of(steps):
    """Binary and flags of each step."""
    return [step.command[2:] for step in steps]


def depending_on(steps, paths):
    """The steps that files reach, through others' outputs."""
    reached, found = set(map(str, paths)), []
    for step in steps:
        if reached & set(step.input):
            found.append(step)
            reached |= set(step.output)
    return found


def new_steps(before, after):
    """The steps of a plan that another has not, or otherwise, and what they reach."""
    known = {tuple(s.output): (s.command, sorted(s.input)) for s in before}
    own = [
        s for s in after if known.get(tuple(s.output)) != (s.command, sorted(s.input))
    ]
    paths = {path for step in own for path in step.output}
    reached = depending_on(after, paths)
    return [step for step in after if step in own or step in reached]
