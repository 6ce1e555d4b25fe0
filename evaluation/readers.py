"""Readers' names, as the local pages take them."""

import flask

LONGEST_NAME = 40


def reader_name(text):
    """A reader's name without spaces around it; 400 if it is none."""
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        flask.abort(
            400, f"The name: expected 1 to {LONGEST_NAME} printable characters."
        )
    return name
