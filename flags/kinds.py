"""Kinds of flags: each function describes one flag, which `define` gives its name.

A binary's flags are a dict of name to kind, `dict(seed=integer(0, "Of all draws."))`.
"""

import functools

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


def path(help, *, required=True):
    """A file or folder."""
    return _kind(flags.DEFINE_string, None, help, required=required)


def paths(help, *, required=True):
    """Files or folders, by commas; where they may be missing, none."""
    return _kind(flags.DEFINE_list, None if required else [], help, required=required)


def rows(help, *, required=True):
    """NAME=VALUE; the flag is given once for each."""
    default = None if required else []
    return _kind(flags.DEFINE_multi_string, default, help, required=required)


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
    parser, serializer = _IntegersParser(length), flags.ListSerializer(",")

    def define_integers(name, **more):
        return flags.DEFINE(parser, name, serializer=serializer, **more)

    return _kind(define_integers, default, help)


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


def _kind(function, default, help, **more):
    return functools.partial(function, default=default, help=help, **more)
