"""Runs binaries of the project, kills them at a moment, and says what they left."""

import dataclasses
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

import project

KILL, REMOVE = "kill", "remove"  # What happens at an event.
SECONDS = 600  # At most, on a machine that has other work, too.


@dataclasses.dataclass(frozen=True)
class End:
    """How a program ended.

    Attributes:
      code: its exit code; -9 if it was killed.
      seconds: from its start.
      printed: on standard output and error.
      events: what it did to its files, a text each; see `forking.Events`.
      max_rss_mb: the most memory that it had.
    """

    code: int
    seconds: float
    printed: str
    events: list
    max_rss_mb: float


class Programs:
    """Starts binaries one after the other; see `forking`.

    Args:
      names: of the binaries.
    """

    def __init__(self, names):
        here = pathlib.Path(__file__).parent
        environment = {**os.environ, "PYTHONPATH": str(project.ROOT)}
        # Threads of a library that are there at a fork are not there after it.
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, str(here / "forking.py"), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment,
        )
        self.threads = self._answer()["threads"]

    def _answer(self):
        line = self._server.stdout.readline()
        assert line, "the process that starts the others has ended"
        return json.loads(line)

    def run(
        self,
        binary,
        arguments,
        folder,
        *,
        seconds=None,
        last_event=None,
        fatal=KILL,
        prelude="",
        meanwhile=None,
        logs=None,
    ):
        """Runs a binary in a folder, to its `End`.

        Args:
          binary: its name, `pggan.train`.
          arguments: list of its flags.
          folder: where it is started.
          seconds: after which it is killed; None for never.
          last_event: number of the change of its files before which it is killed.
          fatal: `KILL`, or `REMOVE`: the folder of its output is removed instead.
          prelude: source that is executed in the process first.
          meanwhile: function of the process id that is called once it runs.
          logs: folder for what it prints and does; by default where it is started.
        """
        logs = pathlib.Path(logs or folder)
        log, events = logs / "printed", logs / "events"
        log.write_text("")
        events.write_text("")
        request = {
            "binary": binary,
            "arguments": arguments,
            "folder": str(folder),
            "log": str(log),
            "events": str(events),
            "last_event": last_event,
            "fatal": fatal,
            "prelude": prelude,
        }
        began = time.monotonic()
        self._server.stdin.write(json.dumps(request) + "\n")
        pid = self._answer()["pid"]
        if meanwhile:
            meanwhile(pid)
        limit = SECONDS if seconds is None else seconds
        ready, _, _ = select.select([self._server.stdout], [], [], limit)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        end = self._answer()
        if not ready and seconds is None:
            raise AssertionError(f"{binary}: still at work after {SECONDS} s")
        took = time.monotonic() - began
        lines = events.read_text().splitlines()
        return End(end["code"], took, log.read_text(), lines, end["max_rss_mb"])

    def close(self):
        self._server.stdin.close()
        self._server.wait(60)
