"""Flags of every local page."""

from flags.kinds import integer


def define_port():
    """The flag of a local page."""
    return dict(
        port=integer(
            0,
            "Port of the page on this computer, 127.0.0.1; 0 for any that is free. From"
            " another computer: ssh -L PORT:127.0.0.1:PORT, with the same number"
            " twice.",
            most=65535,
        )
    )
