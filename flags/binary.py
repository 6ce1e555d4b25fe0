"""Runs a binary: defines its flags, parses them, and reports errors to its user."""

import importlib
import inspect
import os
import pkgutil
import sys

from absl import app, flags, logging

flags.disclaim_key_flags()
FLAGS = flags.FLAGS

# The flags that name shard sets, which may lie anywhere TensorFlow reads from.
SHARD_SETS = {"data_dir", "data_dirs", "real_dir", "real_dirs", "synthetic_dir"}
SHARD_SETS |= {"synthetic_dirs", "train_dirs", "validation_dirs", "held_out_dirs"}
SHARD_SETS |= {"reference_dir", "refined_from"}
NO_PATHS = {"reviewer"}  # May be a link.


def run(main, define, user_error, *, writes_shard_set=False):
    """Calls `main(settings)` with the binary's own flags as a dict of name to value.

    What a user can cause ends with one line and exit code 1; a traceback is a defect.

    Args:
      main: function of one dict.
      define: function that defines the flags and returns their `FlagHolder`s.
      user_error: exception type, or a tuple of some, whose message is for the user.
      writes_shard_set: whether `--output_dir` is one, and may lie elsewhere, too.
    """
    elsewhere = SHARD_SETS | NO_PATHS | ({"output_dir"} if writes_shard_set else set())
    holders = define()
    for holder in holders:  # A console script is not the module that defined them.
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[holder.name])
    sys.modules["__main__"].__doc__ = inspect.getmodule(main).__doc__

    def parsed_main(argv):
        if len(argv) > 1:
            _fail(f"unexpected argument {argv[1]!r}; every flag begins with --.")
        settings = {holder.name: holder.value for holder in holders}
        for name in settings:  # Read once, here. `parse` may define others' now.
            delattr(FLAGS, name)
        _check_local(settings, elsewhere)
        try:
            main(settings)
        except user_error as error:
            _fail(str(error))
        except OSError as error:
            _fail(f"{error.filename or 'file system'}: {error.strerror or error}.")
        except KeyboardInterrupt:
            _fail("interrupted.", code=130)

    logging.set_verbosity(logging.WARNING)
    app.run(parsed_main)


def parse(binary, arguments, complete=True):
    """The values of a binary's flags on a command line; nothing is run.

    Args:
      binary: its name, `pggan.train`.
      arguments: the words of the command line after its name.
      complete: whether required flags have to be there.

    Returns:
      A dict of name to value.

    Raises:
      flags.Error: an unknown flag, a value that is not allowed, a flag or flagfile that
        is missing.
    """
    holders = definition(binary)()
    try:
        for holder in holders if not complete else ():
            FLAGS[holder.name].validators.clear()
        rest = FLAGS([binary, *arguments])
        if len(rest) > 1:
            raise flags.Error(f"unexpected argument {rest[1]!r}")
        return {holder.name: FLAGS[holder.name].value for holder in holders}
    finally:
        for holder in holders:
            delattr(FLAGS, holder.name)


def definition(binary):
    """The function that defines a binary's flags.

    `define_train` for `pggan.train`, in `flags.pggan` or, where that has none, in the
    one module of `flags` that has it.
    """
    package, _, name = binary.rpartition(".")
    modules = [info.name for info in pkgutil.iter_modules([os.path.dirname(__file__)])]
    for module in sorted(modules, key=lambda module: module != package):
        found = getattr(
            importlib.import_module(f"flags.{module}"), f"define_{name}", None
        )
        if found:
            return found
    raise LookupError(binary)


def _check_local(settings, elsewhere):
    """Ends the program if something other than a shard set is on another machine.

    A training locks its folder, results are appended to and replaced whole: that takes
    a file system. Without this, `s3://bucket` makes a local folder of the name `s3:`.
    """
    for name in settings.keys() - elsewhere:
        value = settings[name]
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and "://" in text:
                _fail(
                    f"--{name}={text}: wanted a path on this machine; only shard sets"
                    " may lie elsewhere (docs/shards.md)."
                )


def _fail(message, code=1):
    script = sys.argv[0]
    name = os.path.basename(script)
    if name.endswith(".py"):
        name = f"{os.path.basename(os.path.dirname(script))}.{name[:-3]}"
    sys.stdout.flush()  # In a log, what was printed before stands before.
    print(f"{name}: error: {message}", file=sys.stderr)
    sys.exit(code)
