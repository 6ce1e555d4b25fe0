"""A journal of answers: what it has said to have is there, whatever happens next.

One JSON object a line, only ever added to. So two answers cannot overwrite each other,
nothing that was answered is lost by answering again, and a program that is killed while
it writes loses that line alone, which it had not confirmed.
"""

import datetime
import fcntl
import json
import os
import threading

from dataset.errors import UserError
from dataset.file_systems import disk_errors


class Journal:
    """A journal that this program alone writes to, from any thread.

    Attributes:
      path: of its file.
      entries: list of dicts, the oldest first.

    Raises:
      UserError: another program has it open, or a line is no JSON object.
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        self._lock = threading.Lock()
        with disk_errors(path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"{path}: another program has it open; end that one first."
                ) from error
            content = read_all(self._file)
            self._size = content.rfind(b"\n") + 1
            os.ftruncate(self._file, self._size)  # A line that was never confirmed.
            sync_folder(path)
        self.entries = parse_entries(content[: self._size], path)

    def append(self, entry):
        """Adds a dict with the time (`time`, UTC) and returns once it is on disk.

        Raises:
          UserError: it could not be written; the journal is as before.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        entry = {"time": now.isoformat(timespec="milliseconds"), **entry}
        line = json.dumps(entry).encode() + b"\n"
        with self._lock, disk_errors(self.path):
            try:
                written = os.write(self._file, line)
                if written < len(line):  # The disk is full: this says so.
                    os.write(self._file, line[written:])
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, self._size)
                raise
            self._size += len(line)
            self.entries.append(entry)
        return entry

    def close(self):
        os.close(self._file)


def read_entries(path):
    """The entries of a journal that another program may be writing to.

    Raises:
      UserError: there is no such file, or a line is no JSON object.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from error
    return parse_entries(content[: content.rfind(b"\n") + 1], path)


def parse_entries(content, path):
    """Complete lines of JSON, bytes, as a list of dicts; `path` is for the error."""
    entries = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            raise UserError(
                f"{path}, line {number}: no JSON object; mend or remove this line."
            )
        entries.append(entry)
    return entries


def read_all(file):
    """All bytes of an open file, from its beginning."""
    return os.pread(file, os.fstat(file).st_size, 0)


def sync_folder(path):
    """Has the name of a new file on disk, too."""
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
