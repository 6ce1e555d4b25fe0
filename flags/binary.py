"""Runs a binary: defines its flags, parses them, and reports errors to its user."""

import inspect
import os
import sys

from absl import app, flags, logging

flags.disclaim_key_flags()
FLAGS = flags.FLAGS


def run(main, define, user_error):
    """Calls `main(settings)` with the binary's own flags as a dict of name to value.

    What a user can cause ends with one line and exit code 1; a traceback is a defect.

    Args:
      main: function of one dict.
      define: function that defines the flags and returns their `FlagHolder`s.
      user_error: exception type whose message is for the user.
    """
    holders = define()
    for holder in holders:  # A console script is not the module that defined them.
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[holder.name])
    sys.modules["__main__"].__doc__ = inspect.getmodule(main).__doc__

    def parsed_main(argv):
        if len(argv) > 1:
            _fail(f"unexpected argument {argv[1]!r}; every flag begins with --.")
        try:
            main({holder.name: holder.value for holder in holders})
        except user_error as error:
            _fail(str(error))
        except OSError as error:
            _fail(f"{error.filename or 'file system'}: {error.strerror or error}.")
        except KeyboardInterrupt:
            _fail("interrupted.", code=130)

    logging.set_verbosity(logging.WARNING)
    app.run(parsed_main)


def _fail(message, code=1):
    script = sys.argv[0]
    name = os.path.basename(script)
    if name.endswith(".py"):
        name = f"{os.path.basename(os.path.dirname(script))}.{name[:-3]}"
    print(f"{name}: error: {message}", file=sys.stderr)
    sys.exit(code)
