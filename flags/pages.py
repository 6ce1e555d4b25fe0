"""Flags of every local page."""

from absl import flags

flags.disclaim_key_flags()


def define_port():
    """The flag of a local page."""
    return flags.DEFINE_integer(
        "port",
        0,
        "Port of the page on this computer, 127.0.0.1; 0 for any that is free. From"
        " another computer: ssh -L PORT:127.0.0.1:PORT, with the same number twice.",
        lower_bound=0,
        upper_bound=65535,
    )
