"""Where files lie: on this machine, or behind a scheme, such as `s3://bucket/set`.

TensorFlow reads and writes both through `tf.io.gfile`. What fails there becomes one
line that names the path.
"""

import contextlib
import importlib
import importlib.metadata
import os
import re
import sys

import tensorflow as tf

from dataset.errors import UserError

# The package that brings s3:// and others to TensorFlow, and its last release whose
# processes end as they should: since 0.35 each that used s3:// aborts at its very end,
# exit code 134 (https://github.com/tensorflow/io/issues/2039).
PLUGIN, PLUGIN_RELEASE = "tensorflow-io", "0.34"


def load_file_system(path: str) -> None:
    """Makes TensorFlow know the file system that `path` names.

    Raises:
      UserError: it is not installed.
    """
    scheme, separator, _ = path.partition("://")
    if not separator or scheme in tf.io.gfile.get_registered_schemes():
        return
    if sys.version_info >= (3, 12):
        raise UserError(
            f"{path}: {scheme}:// needs the faithful lane, Python 3.10 or 3.11"
            " (docs/install.md): its plug-in ends with TensorFlow 2.15."
        )
    plugin = f'pip install "{PLUGIN}=={PLUGIN_RELEASE}.*"'
    try:
        version = importlib.metadata.version(PLUGIN)
    except importlib.metadata.PackageNotFoundError as error:
        raise UserError(
            f"{path}: the file system {scheme}:// is not installed; {plugin}, which"
            " brings s3:// and others."
        ) from error
    if not version.startswith(PLUGIN_RELEASE + "."):
        raise UserError(
            f"{path}: {PLUGIN} {version} crashes at the end of every program that used"
            f" {scheme}://; {plugin}"
        )
    # Its own way of trying again leaves a store that cannot be reached unmentioned for
    # minutes; this one, the default of AWS's later programs, gives up after seconds.
    os.environ.setdefault("AWS_RETRY_MODE", "standard")
    importlib.import_module(PLUGIN.replace("-", "_"))  # Optional, so not at the top.
    if scheme not in tf.io.gfile.get_registered_schemes():
        raise UserError(
            f"{path}: {scheme}:// is no file system of TensorFlow or {PLUGIN}."
        )


def read_bytes(path: str) -> bytes:
    """The content of a file.

    Raises:
      UserError: it cannot be read, for another reason than that there is none.
      tf.errors.NotFoundError: there is none.
    """
    # Not in one piece: that asks for the size first, and of a store that cannot be
    # reached S3's file system says then that there is no such file.
    with read_errors(path), tf.io.gfile.GFile(path, "rb") as file:
        blocks = iter(lambda: file.read(2**24), b"")
        return b"".join(blocks)


def read_errors(
    path: str, *, absence: bool = False
) -> contextlib.AbstractContextManager[None]:
    """Turns the errors of reading `path` into `UserError`s, its `absence` if asked."""
    passed = () if absence else (tf.errors.NotFoundError,)
    return _told(f"{path}: cannot be read", passed)


def disk_errors(path: str) -> contextlib.AbstractContextManager[None]:
    """Turns the errors of writing `path`, such as a full disk, into `UserError`s."""
    return _told(f"{path}: cannot be written")


@contextlib.contextmanager
def _told(what, passed=()):
    try:
        yield
    except passed:
        raise
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"{what}: {_reason(error)}.") from error


def _reason(error):
    """What went wrong, on one line."""
    if not isinstance(error, tf.errors.OpError):
        return error.strerror or str(error)
    message = error.message.rpartition("; ")[2]  # Before it: the path again.
    message = " ".join(message.split()).strip(": .")
    if message in ("", "No response body"):  # S3's file system on a bare HTTP code.
        words = re.findall("[A-Z][a-z]+", type(error).__name__.removesuffix("Error"))
        message = " ".join(words).lower()  # permission denied
    return message
