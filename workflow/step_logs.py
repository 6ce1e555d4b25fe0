"""What the logs of the steps tell: which are at work, how far they are, their results.

`begin_step.sh` marks in a step's log where each try begins and ends. Each log has one
writer, so this works as well where steps run on other machines and share a file system.
"""

import contextlib
import dataclasses
import datetime
import os
import re

BEGUN = re.compile(r"== (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (.+) -> (\S+)")
ENDED = re.compile(r"== ended with (\d+) after (\d+) s")
# tqdm's: `unit.train:  45%|####5     | 270/600 [00:12<00:15, 21.6img/s]`.
BAR = re.compile(r"(\d+)%\|.*\| *([^ /]+)/([^ /]+) \[[^<]+<([^,\]]+)")
# What is no result: the shell's trace of a command, rows of a table, messages of
# TensorFlow and Python's loggers.
NO_RESULT = re.compile(r"   |\||\d{4}-\d\d-\d\d |[IWEF]\d{4} |(WARNING|INFO):|\W*$")


@dataclasses.dataclass
class Step:
    """One try of a step.

    Attributes:
      log: path of its log.
      title: what the step is.
      output: the file that it writes last.
      began: when, in seconds since 1970.
      bar: the latest state of its progress bar, the groups of `BAR`; None without one.
      last_line: the last line that it printed, other than a bar.
      code: its exit code; None while it is at work.
      seconds: how long it took.
    """

    log: str
    title: str
    output: str
    began: float
    bar: tuple | None = None
    last_line: str = ""
    code: int | None = None
    seconds: int | None = None

    @property
    def result(self):
        """The last line that it printed, without names of files that it has written."""
        place, colon, rest = self.last_line.partition(": ")
        own = colon and f"{self.output}/".startswith(f"{place}/")
        text, _, _ = (rest if own else self.last_line).partition("; look at ")
        return text.removesuffix(".")

    def read_line(self, line):
        """Takes a line of the log, or of a bar that overwrites itself, into account."""
        if ended := ENDED.fullmatch(line):
            self.code, self.seconds = int(ended[1]), int(ended[2])
        elif bar := BAR.search(line):
            self.bar = bar.groups()
        elif not NO_RESULT.match(line):
            self.last_line = line.strip()


class Log:
    """A step's log, of which only what is written from now on counts."""

    def __init__(self, path, offset):
        self.path = path
        self.step = None  # The latest try.
        self._offset = offset
        self._rest = b""  # A line that is not complete.

    def read(self):
        """Reads what is new; returns the tries that have ended since, in order."""
        new = b""
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            file.seek(self._offset)
            new = file.read()
        self._offset += len(new)
        *lines, self._rest = re.split(rb"[\r\n]", self._rest + new)
        ended = []
        for line in lines:
            self._read_line(line.decode(errors="replace"))
            if self.step and ENDED.fullmatch(line.decode(errors="replace")):
                ended.append(self.step)
        # tqdm writes a carriage return before the bar, and nothing after it.
        if self.step and BAR.search(rest := self._rest.decode(errors="replace")):
            self.step.read_line(rest)
        return ended

    def _read_line(self, line):
        if begun := BEGUN.fullmatch(line):
            time = datetime.datetime.fromisoformat(begun[1]).timestamp()
            self.step = Step(self.path, begun[2], begun[3], time)
        elif self.step:
            self.step.read_line(line)


class Logs:
    """The logs of all steps in a folder; what they hold already does not count."""

    def __init__(self, folder):
        self._folder = folder
        self._logs = {path: Log(path, os.path.getsize(path)) for path in self._find()}

    def read(self):
        """Reads what is new; returns the `Step`s that have ended since, in order."""
        for path in self._find():
            self._logs.setdefault(path, Log(path, 0))
        ended = [step for log in self._logs.values() for step in log.read()]
        return sorted(ended, key=lambda step: step.began + step.seconds)

    @property
    def at_work(self):
        """The steps that have begun and not ended, the longest at work first."""
        steps = [log.step for log in self._logs.values() if log.step]
        return sorted((s for s in steps if s.code is None), key=lambda s: s.began)

    @property
    def failed(self):
        """The steps whose latest try failed."""
        return [log.step for log in self._logs.values() if log.step and log.step.code]

    def _find(self):
        for root, _, names in os.walk(self._folder):
            yield from (os.path.join(root, n) for n in names if n.endswith(".log"))


def tail(path, num_lines=20):
    """The last lines that a step's latest try wrote; of a bar, its last state."""
    lines = []
    with open(path, errors="replace", newline="\n") as file:
        for line in file:
            line = line.rstrip().rpartition("\r")[2]
            if BEGUN.fullmatch(line):
                lines = []
            elif line and not ENDED.fullmatch(line):
                lines.append(line)
    return lines[-num_lines:]
