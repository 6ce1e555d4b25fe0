"""Kinds of flags: each function describes one flag, which `define` gives its name.

A binary's flags are a dict of name to kind, `dict(seed=integer(0, "Of all draws."))`.
"""

import functools
import os

from absl import flags

flags.disclaim_key_flags()  # They belong to the binary that is run, not to this module.


def define(kinds, flag_values, **changes):
    """Defines flags; returns their `FlagHolder`s.

    Args:
      kinds: dict of name to kind.
      flag_values: where they are defined.
      **changes: arguments of absl's `DEFINE_*` in place of the kinds' own.
    """
    more = {"flag_values": flag_values, **changes}
    return [kind(name, **more) for name, kind in kinds.items()]


def path(help, *, default=None, required=True):
    """A file or folder; of what is no path, the flag's help says what it may be."""
    serializer = flags.ArgumentSerializer()
    return _parsed(_PathParser(), serializer, default, help, required=required)


def paths(help, *, required=True):
    """Files or folders, by commas; where they may be missing, none."""
    default, serializer = None if required else [], flags.ListSerializer(",")
    return _parsed(_PathsParser(), serializer, default, help, required=required)


def is_path(flag):
    """Whether an absl `Flag` is of a kind whose values are, or hold, paths."""
    return isinstance(flag.parser, (_PathParser, _PathsParser))


class _PathParser(flags.ArgumentParser):
    """Puts the home folder for `~`, as shells do not behind `--flag=`."""

    def parse(self, argument):
        return os.path.expanduser(argument)


class _PathsParser(flags.ListParser):
    def parse(self, argument):
        return [os.path.expanduser(path) for path in super().parse(argument)]


def rows(help, *, required=True):
    """NAME=VALUE, of which VALUE may be paths; the flag is given once for each."""
    default = None if required else []

    def define_rows(name, **more):
        serializer = flags.ArgumentSerializer()
        return flags.DEFINE_multi(_RowParser(), serializer, name, **more)

    return _kind(define_rows, default, help, required=required)


class _RowParser(_PathParser):
    def parse(self, argument):
        name, equals, value = argument.partition("=")
        return name + equals + ",".join(map(os.path.expanduser, value.split(",")))


def text(default, help):
    return _kind(flags.DEFINE_string, default, help)


def items(default, help):
    """Texts by commas."""
    return _kind(flags.DEFINE_list, default, help)


def switch(help, default=False):
    return _kind(flags.DEFINE_bool, default, help)


def overwrite(what):
    """The flag of a binary that does not replace what is there without it."""
    return switch(f"Replace {what}.")


def choice(choices, help, **default):
    """One of `choices`, by default the first."""
    default = default.get("default", choices[0])
    return _kind(flags.DEFINE_enum, default, help, enum_values=choices)


def integer(default, help, least=0, most=None):
    return _kind(
        flags.DEFINE_integer, default, help, lower_bound=least, upper_bound=most
    )


def count(default, help):
    """A number of things, of which there is one at least."""
    return integer(default, help, least=1)


def number(default, help, least=0.0, most=None):
    return _kind(flags.DEFINE_float, default, help, lower_bound=least, upper_bound=most)


def fraction(default, help, most=1.0):
    return number(default, help, most=most)


def percentage(default, help, most=100.0):
    return number(default, help, most=most)


def integers(length, default, help):
    """So many positive integers, by commas; a list."""
    return _parsed(_IntegersParser(length), flags.ListSerializer(","), default, help)


class _IntegersParser(flags.ListParser):
    def __init__(self, length):
        super().__init__()
        self.length = length

    def parse(self, argument):
        numbers = super().parse(argument)
        good = all(str(number).isdecimal() and int(number) for number in numbers)
        if len(numbers) != self.length or not good:
            raise ValueError(f"expected {self.length} positive integers, by commas.")
        return [int(number) for number in numbers]


def _parsed(parser, serializer, default, help, **more):
    """A kind of flag whose text `parser` makes a value, and `serializer` a text."""

    def define_parsed(name, **others):
        return flags.DEFINE(parser, name, serializer=serializer, **others)

    return _kind(define_parsed, default, help, **more)


def _kind(function, default, help, **more):
    return functools.partial(function, default=default, help=help, **more)
