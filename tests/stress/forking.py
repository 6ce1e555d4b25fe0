"""Starts binaries by fork, from a process that has imported them all, and kills some.

So a trial takes the time of its work, without the seconds of TensorFlow's import. A
program of its own, to which `programs.py` speaks: it reads lines of JSON and answers
each with the child's process id and then with how it ended. What a child does to its
files is an event; it can be killed by its own hand before any of them.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
import warnings

# Of the file system of TensorFlow, by the position of the path among the arguments.
GFILE = ("RenameFile", "DeleteFile", "DeleteRecursively", "CreateDir")
GFILE += ("RecursivelyCreateDir", "CopyFile")
PYTHON = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR


class Events:
    """Counts the changes that this process makes to files in its folder.

    Args:
      path: of the file to log them to, a line each, so that they survive a kill.
      last: number of the event before which the process is killed; None for none.
      fatal: `remove` to remove the folder of its output then, and go on.
    """

    def __init__(self, path, last, fatal):
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._last, self._folder, self._owner = last, os.getcwd(), os.getpid()
        self._number, self._fatal = 0, fatal

    def is_fatal(self, name, path):
        """Notes an event; whether the process has to die of it."""
        path = os.path.abspath(os.fsdecode(path))
        if os.getpid() != self._owner or not path.startswith(self._folder + "/out"):
            return False
        os.write(self._log, f"{name} {path[len(self._folder) + 1 :]}\n".encode())
        self._number += 1
        if self._number == self._last and self._fatal == "remove":
            subprocess.run(["rm", "-rf", f"{self._folder}/out"], check=True)
            return False
        return self._number == self._last

    def before(self, name, path):
        if self.is_fatal(name, path):
            die()

    def watch(self):
        sys.addaudithook(self._hear)
        self._watch_gfile()
        self._watch_checkpoints()

    def _hear(self, event, arguments):
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            path, mode, flags = arguments
            if (mode and set(mode) & set("wax+")) or (not mode and flags & WRITING):
                self.before("open", path)
        elif event in PYTHON:
            self.before(event, arguments[0])

    def _watch_gfile(self):
        from tensorflow.python.lib.io import _pywrap_file_io, file_io

        def watched(name, function):
            def call(path, *arguments, **options):
                self.before(name, path)
                return function(path, *arguments, **options)

            return call

        for name in GFILE:
            function = getattr(_pywrap_file_io, name)
            setattr(file_io._pywrap_file_io, name, watched(name, function))
        events, original = self, _pywrap_file_io.WritableFile

        class TornFile:
            """A file of which a fatal write leaves the first half."""

            def __init__(self, path, mode):
                events.before("create", path)
                self._path, self._file = path, original(path, mode)

            def append(self, content):
                if events.is_fatal("write", self._path):
                    self._file.append(content[: len(content) // 2])
                    self._file.flush()
                    die()
                self._file.append(content)

            def __getattr__(self, name):
                return getattr(self._file, name)

        _pywrap_file_io.WritableFile = TornFile

    def _watch_checkpoints(self):
        """Between a checkpoint's files: its parts, their merging, TensorFlow's list."""
        from tensorflow.python.ops import gen_io_ops, io_ops

        def watched(function):
            def call(*arguments, **options):
                self.before(function.__name__, "out/checkpoint")
                return function(*arguments, **options)

            return call

        io_ops.save_v2 = gen_io_ops.save_v2 = watched(gen_io_ops.save_v2)
        gen_io_ops.merge_v2_checkpoints = watched(gen_io_ops.merge_v2_checkpoints)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def work(request):
    """What a child does, from its first line to its exit code."""
    os.setsid()
    os.chdir(request["folder"])
    output = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(file, number)
    # The test may run under nohup, or in the background of a script.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["prelude"]:
        exec(request["prelude"], {})
    if request["events"]:
        Events(*(request[n] for n in ("events", "last_event", "fatal"))).watch()
    warnings.simplefilter("ignore", RuntimeWarning)  # runpy: imported before it is run.
    sys.argv = [request["binary"], *request["arguments"]]
    try:
        runpy.run_module(request["binary"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 99
    return 0


def leave(code):
    """Ends the child as Python ends, but for the parent's own work."""
    import atexit

    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def main(names):
    from flags import binary

    binary.set_process_up()
    for name in names:
        importlib.import_module(name)
    threads = len(os.listdir("/proc/self/task"))
    print(json.dumps({"threads": threads}), flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            leave(work(json.loads(line)))
        print(json.dumps({"pid": child}), flush=True)
        _, status, usage = os.wait4(child, 0)
        code = os.waitstatus_to_exitcode(status)
        end = {"code": code, "max_rss_mb": usage.ru_maxrss / 1024}
        print(json.dumps(end), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
