"""Lists the files of a folder, for people: `slice_2` before `slice_10`."""

import os
import re

from dataset.errors import UserError


def list_files(folder, left_out=()):
    """The names of all files below a folder, with `/`, in their natural order.

    Links are followed, circles are not; hidden files and folders do not count.

    Args:
      folder: where to search.
      left_out: paths of files or folders to leave out; None is none.
    """
    ignored = {os.path.realpath(path) for path in left_out if path}
    seen, names = set(), []
    for parent, subfolders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen or real in ignored:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in files:
            path = os.path.join(parent, name)
            if not name.startswith(".") and os.path.realpath(path) not in ignored:
                names.append(os.path.relpath(path, folder).replace(os.sep, "/"))
    return sorted(names, key=natural)


def natural(name):
    """A key by which `slice_2` comes before `slice_10`."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdigit() else part for part in parts], name


def check_name(path):
    """Refuses a name that cannot be written down."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{path!r}: expected a name in UTF-8.") from error
