"""Runs a binary: defines its flags, parses them, and reports errors to its user."""

import gc
import importlib
import os
import runpy
import sys

from absl import app, flags, logging

from dataset.errors import UserError
from flags import kinds

flags.disclaim_key_flags()
FLAGS = flags.FLAGS

# The flags that name shard sets, which may lie anywhere TensorFlow reads from.
SHARD_SETS = {"data_dir", "data_dirs", "real_dir", "real_dirs", "synthetic_dir"}
SHARD_SETS |= {"synthetic_dirs", "train_dirs", "validation_dirs", "held_out_dirs"}
SHARD_SETS |= {"reference_dir", "refined_from"}


def run(binary, *, define=None, writes_shard_set=False):
    """Calls `main(settings)` of a binary with its own flags as a dict of name to value.

    A binary calls this before it imports anything: help and errors of flags need no
    TensorFlow, which takes seconds, and it is set up before it is imported. `binary` is
    imported by its name then, and what follows the call is never reached.

    What a user can cause ends with one line and exit code 1; a traceback is a defect.

    Args:
      binary: its name, `pggan.train`.
      define: function that describes the flags; by default that of `definition`.
      writes_shard_set: whether `--output_dir` is one, and may lie elsewhere, too.
    """
    set_process_up()
    elsewhere = SHARD_SETS | ({"output_dir"} if writes_shard_set else set())
    holders = kinds.define((define or definition(binary))(), FLAGS)
    for holder in holders:  # What --help shows are the flags of the started program.
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[holder.name])

    def parsed_main(argv):
        if len(argv) > 1:
            _fail(
                binary, f"unexpected argument {argv[1]!r}; every flag begins with --."
            )
        settings = {holder.name: holder.value for holder in holders}
        paths = {n: settings[n] for n in settings if kinds.is_path(FLAGS[n])}
        try:
            _check_local(paths, elsewhere)
            importlib.import_module(binary).main(settings)
        except UserError as error:
            _fail(binary, str(error))
        except OSError as error:
            place = error.filename or "file system"
            _fail(binary, f"{place}: {error.strerror or error}.")
        except KeyboardInterrupt:
            _fail(binary, "interrupted.", code=130)

    logging.set_verbosity(logging.WARNING)
    app.run(parsed_main)


def run_console_script():
    """Runs the binary whose console script this is: pggan.train of `pggan-train`."""
    name = os.path.basename(sys.argv[0]).removesuffix(".exe")
    runpy.run_module(name.replace("-", ".", 1), run_name="__main__", alter_sys=True)


def set_process_up():
    """Sets up this process, and those that it starts, for TensorFlow."""
    # TensorFlow reports its factories and optional instruction sets at every import;
    # trainers print the devices that they use themselves. Set the variable to see all.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # OpenCV would make images of 2 ** 30 pixels, 8 GB, of the few bytes of a header.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**24))
    # TensorFlow asks for oneDNN by itself on some processors only; on others the
    # detector takes four times as long, and rounds otherwise.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Importing TensorFlow and building graphs makes very many objects that stay. To
    # search them for cycles after every 700th, Python's default, takes a sixth of a
    # short step.
    gc.set_threshold(100_000)


def parse(binary, arguments, complete=True):
    """The values of a binary's flags on a command line; nothing is run.

    Args:
      binary: its name, `pggan.train`.
      arguments: the words of the command line after its name.
      complete: whether required flags have to be there.

    Returns:
      A dict of name to value.

    Raises:
      UserError: an unknown flag, a value that is not allowed, a flag or flagfile that
        is missing.
    """
    values = flags.FlagValues()
    optional = {} if complete else {"required": False}
    holders = kinds.define(definition(binary)(), values, **optional)
    try:
        rest = values([binary, *arguments])
    except flags.Error as error:
        raise UserError(str(error)) from error
    if len(rest) > 1:
        raise UserError(f"unexpected argument {rest[1]!r}")
    return {holder.name: holder.value for holder in holders}


def definition(binary):
    """The function that describes a binary's flags: `flags.pggan.define_train`."""
    package, _, name = binary.partition(".")
    return getattr(importlib.import_module(f"flags.{package}"), f"define_{name}")


def _check_local(paths, elsewhere):
    """Refuses what is on another machine and no shard set.

    A training locks its folder, results are appended to and replaced whole: that takes
    a file system. Without this, `s3://bucket` makes a local folder of the name `s3:`.
    """
    for name in paths.keys() - elsewhere:
        value = paths[name]
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and "://" in text:
                raise UserError(
                    f"--{name}={text}: expected a path on this machine; only shard sets"
                    " may lie elsewhere (docs/shards.md)."
                )


def _one_line(message):
    """A message as a terminal may show it, though a file's content may be in it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)


def _close_bars():
    """Ends the lines of progress bars, so that what is printed next has its own."""
    if tqdm := sys.modules.get("tqdm"):
        for bar in list(getattr(tqdm.tqdm, "_instances", ())):
            bar.close()


def _fail(binary, message, code=1):
    _close_bars()
    sys.stdout.flush()  # In a log, what was printed before stands before.
    print(f"{binary}: error: {_one_line(message)}", file=sys.stderr)
    sys.exit(code)
