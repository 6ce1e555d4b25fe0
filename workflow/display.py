"""What the terminal shows: a line per finished step, and below the steps at work.

Without a terminal, as in a log, a line a minute says what is at work.
"""

import contextlib
import os
import re
import signal
import sys
import textwrap
import time

from rich import console as rich_console
from rich import live, progress_bar, table
from tqdm import tqdm

from workflow import step_logs

clock = tqdm.format_interval  # 03:12, 1:03:12.
TITLE_WIDTH = 53  # Most titles fit; a longer one moves the rest of its line.
LONGEST_RESULT = 120  # Characters.
SECONDS_BETWEEN = 60  # Lines that say what is at work, where there is no terminal.


def duration(seconds):
    """A duration as `41 s`, `2 min 41 s` or `3 h 2 min`."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def progress(step):
    """How far a step is, by its bar: its percentage and `270 of 600, 0:15 left`."""
    if step.bar is None:
        return None, ""
    percentage, done, total, left = step.bar
    left = "" if left == "?" else f", {left.removeprefix('0')} left"
    return int(percentage), f"{done} of {total}{left}"


def outcome(code):
    """How a step has ended that has not finished; of one that has, nothing."""
    if code - 128 in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        return "stopped"
    killed = (
        " (killed, as where memory runs out)" if code - 128 == signal.SIGKILL else ""
    )
    return f"exit code {code}{killed}" if code else ""


def ended_line(step):
    """A step that has ended: its title, its duration and its result."""
    result = step.result
    if len(result) > LONGEST_RESULT:
        # An error is cut; any other line of that length is the notes of a table.
        result = textwrap.shorten(result, LONGEST_RESULT) if step.code else ""
    result = ": ".join(filter(None, [outcome(step.code), result]))
    return f"{step.title:{TITLE_WIDTH}} {duration(step.seconds):>11}  {result}".rstrip()


def failure(step):
    """What is shown of a step that failed, as lines."""
    yield f"{step.title}: {outcome(step.code)}. The end of {step.log}:"
    for line in step_logs.tail(step.log):
        yield f"  {line}"


class Display:
    """Shows the steps that run in a folder, as far as their logs tell.

    Args:
      folder: of the logs.
      snakemake_log: path of Snakemake's own, which tells how many steps there are.
    """

    def __init__(self, folder, snakemake_log):
        self._logs = step_logs.Logs(folder)
        self._snakemake_log = snakemake_log
        self._began = self._shown = time.monotonic()
        self._live = None
        if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            console = rich_console.Console(highlight=False)
            self._live = live.Live(console=console, auto_refresh=False, transient=True)
        self._gone = False

    def __enter__(self):
        with self._unless_gone():
            if self._live:
                self._live.start()
        return self

    def __exit__(self, *_):
        self.update()
        with self._unless_gone():
            if self._live:
                self._live.stop()

    @contextlib.contextmanager
    def _unless_gone(self):
        """Steps do not end with the terminal, or with `head`, that has shown them."""
        try:
            yield
        except (OSError, ValueError):
            self._gone = True

    def update(self):
        """Shows what has changed; to be called about every second."""
        ended = self._logs.read()
        if self._gone:
            return
        with self._unless_gone():
            if self._live:
                # First, for a line above it draws what was last shown once more.
                self._live.update(self._area(), refresh=True)
            for step in ended:
                self._print(ended_line(step))
            if not self._live and time.monotonic() > self._shown + SECONDS_BETWEEN:
                self._print(self._at_work())

    def say(self, line):
        """Prints a line above what is at work."""
        with self._unless_gone():
            self._print(line)

    def failures(self):
        """Lines about every step whose last try failed."""
        return [line for step in self._logs.failed for line in failure(step)]

    def _print(self, line):
        self._shown = time.monotonic()
        line = f"[{clock(self._shown - self._began)}] {line}"
        if self._live:
            self._live.console.print(line, markup=False, soft_wrap=True)
        else:
            print(line, flush=True)

    def _at_work(self):
        """All that is at work, on a line."""
        shown = []
        for step in self._logs.at_work:
            percentage, text = progress(step)
            shown.append(step.title + (f" ({percentage} %, {text})" if text else ""))
        return f"at work, {self._finished()}: {'; '.join(shown) or 'no step'}"

    def _area(self):
        """The lower part of the terminal: a line per step at work."""
        grid = table.Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_column(width=16)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        for step in self._logs.at_work:
            percentage, text = progress(step)
            bar = progress_bar.ProgressBar(completed=percentage or 0)
            seconds = max(0, time.time() - step.began)
            text = text or f"for {duration(seconds)}"
            grid.add_row(f"  {step.title}", bar if step.bar else "", text)
        elapsed = clock(time.monotonic() - self._began)
        head = f"[{elapsed}] {self._finished()}"
        return rich_console.Group(head, grid)

    def _finished(self):
        """How many steps of all are finished, as Snakemake counts them."""
        try:
            with open(self._snakemake_log) as file:
                text = file.read()
        except OSError:
            return "planning"
        total = re.findall(r"^total\s+(\d+)", text, re.MULTILINE)
        counts = [f"0 of {number}" for number in total[:1]]
        counts += re.findall(r"^(\d+ of \d+) steps", text, re.MULTILINE)
        return f"{counts[-1]} steps finished" if counts else "planning"
