"""Contact sheets: what a cluster looks like, on one picture."""

import numpy as np

from pages.pictures import GAP, sheet
from training.pictures import write_png

COLUMNS, ROWS, TILE = 6, 3, 128
LINE = 96  # Grey of the line above the farthest images.


def write_cluster_sheet(path, read, members, distances):
    """The images nearest to a cluster's centre and, under a line, the farthest ones.

    Args:
      path: of the PNG file.
      read: function of an image's number to uint8 [size, size].
      members: int [images], numbers of the cluster's images.
      distances: float [images], theirs to the centre.
    """
    members = members[np.argsort(distances, kind="stable")]
    nearest = members[: COLUMNS * ROWS]
    farthest = members[len(nearest) :][-COLUMNS:][::-1]
    picture = _tiles(read, nearest, ROWS)
    if len(farthest):
        line = np.full([GAP, picture.shape[1]], LINE, np.uint8)
        gap = np.zeros_like(line)
        picture = np.concatenate([picture, gap, line, gap, _tiles(read, farthest, 1)])
    write_png(path, picture[..., None])


def write_reference_sheet(path, read, num_images, seed):
    """Some real images, chosen by the seed, in the order of their sets."""
    rng = np.random.default_rng(seed)
    count = min(num_images, COLUMNS * (ROWS + 1))
    chosen = np.sort(rng.choice(num_images, count, replace=False))
    write_png(path, _tiles(read, chosen, ROWS + 1)[..., None])


def _tiles(read, numbers, max_rows):
    rows = min(max_rows, -(-len(numbers) // COLUMNS))
    return sheet([read(number) for number in numbers], COLUMNS, rows, TILE)
