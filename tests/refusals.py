"""What a refusal says, whatever its prose: the flag, the file, the value."""

import contextlib

import pytest

from dataset.errors import UserError


@contextlib.contextmanager
def refused(*parts, error=UserError):
    """Expects an error for the user whose message has all of `parts`.

    Args:
      *parts: `--flag=value`, a path, a number: their text stands in the message.
      error: the type of the error.
    """
    with pytest.raises(error) as caught:
        yield
    missing = [part for part in map(str, parts) if part not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"
