"""A figure of kept and discarded images, as figure 5 of Han et al. (2019)."""

import io

import numpy as np
from matplotlib.figure import Figure

from dataset.shards import write_bytes
from pages.pictures import read_image

COLUMNS, ROWS = 4, 3


def write_figure(path, shard_set, kept, seed):
    """Draws some of either kind, chosen at random by the seed.

    Args:
      path: of the PNG file.
      shard_set: the `ShardSet` before discarding.
      kept: positions in it of the images that stay.
      seed: of the choice.
    """
    discarded = np.setdiff1d(np.arange(len(shard_set)), kept)
    panels = {"(a) kept": np.asarray(kept), "(b) discarded": discarded}
    rng = np.random.default_rng(seed)
    figure = Figure(figsize=(10, 3.9), dpi=150, layout="constrained")
    halves = figure.subfigures(1, 2, wspace=0.04)
    for half, (title, positions) in zip(halves, panels.items()):
        half.suptitle(f"{title}: {len(positions)} images", y=-0.01, va="top")
        count = min(ROWS * COLUMNS, len(positions))
        chosen = np.sort(rng.choice(positions, count, replace=False))
        for number, axes in enumerate(half.subplots(ROWS, COLUMNS).flat):
            axes.set(xticks=[], yticks=[])
            axes.set_visible(number < count)
            if number < count:
                image = read_image(shard_set, int(chosen[number]))
                axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    content = io.BytesIO()
    figure.savefig(content, format="png", bbox_inches="tight")
    write_bytes(path, content.getvalue())
