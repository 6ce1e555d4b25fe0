"""The picture of one volume's prediction, for a practitioner."""

import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLUMNS = 8
TILE = 1.5  # inches
DPI = 100


def volume_picture(images, numbers, probabilities, threshold, name):
    """The probability along the volume, and below it every suspicious slice.

    Args:
      images: uint8 [slices, size, size].
      numbers: int [slices], what the slices are called.
      probabilities: float [slices].
      threshold: probability from which on a slice is suspicious.
      name: name of the volume.

    Returns:
      uint8 [height, width, 3]. Where no slice is suspicious, the slices shown are the
      row of highest probabilities, and the title says so.
    """
    shown = np.flatnonzero(probabilities >= threshold)
    title = f"{name}: {len(shown)} of {len(images)} slices at {threshold:.2f} or above"
    if not len(shown):
        shown = np.sort(np.argsort(-probabilities, kind="stable")[:COLUMNS])
        title = f"{name}: no slice at {threshold:.2f} or above; the highest are shown"
    rows = math.ceil(len(shown) / COLUMNS)
    figure = Figure((COLUMNS * TILE, 2 * TILE + rows * TILE * 1.15), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    ratios = [1.6] + [1.15] * rows
    grid = figure.add_gridspec(rows + 1, COLUMNS, height_ratios=ratios)
    _draw_curve(figure.add_subplot(grid[0, :]), numbers, probabilities, threshold)
    for place, i in enumerate(shown):
        axes = figure.add_subplot(grid[1 + place // COLUMNS, place % COLUMNS])
        axes.imshow(images[i], cmap="gray", vmin=0, vmax=255)
        axes.set_title(f"slice {numbers[i]}: {probabilities[i]:.2f}", fontsize=9)
        axes.set_axis_off()
    figure.suptitle(title, fontsize=11)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _draw_curve(axes, numbers, probabilities, threshold):
    order = np.argsort(numbers)
    axes.plot(numbers[order], probabilities[order], color="black", linewidth=1)
    axes.axhline(threshold, color="tab:red", linewidth=1, linestyle="--")
    axes.set(ylim=(-0.02, 1.02), xlabel="slice", ylabel="tumor probability")
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
