"""Pictures of predictions, of a volume or of images, for a practitioner."""

import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLUMNS = 8
TILE = 1.5  # inches
DPI = 100
NAME_LENGTH = 17  # characters that fit above an image


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
    figure = _figure(2 + rows * 1.15)
    ratios = [1.6] + [1.15] * rows
    grid = figure.add_gridspec(rows + 1, COLUMNS, height_ratios=ratios)
    _draw_curve(figure.add_subplot(grid[0, :]), numbers, probabilities, threshold)
    for place, i in enumerate(shown):
        axes = figure.add_subplot(grid[1 + place // COLUMNS, place % COLUMNS])
        _draw_image(axes, images[i], f"slice {numbers[i]}: {probabilities[i]:.2f}")
    return _pixels(figure, title)


def images_picture(images, names, probabilities, title):
    """Images with their names and probabilities.

    Args:
      images: a list of uint8 [size, size], one at least.
      names: of the images; of long ones the end is shown.
      probabilities: of the images.
      title: of the picture.

    Returns:
      uint8 [height, width, 3].
    """
    rows = math.ceil(len(images) / COLUMNS)
    figure = _figure(0.3 + rows * 1.3)
    grid = figure.add_gridspec(rows, COLUMNS)
    for place, (image, name) in enumerate(zip(images, names)):
        axes = figure.add_subplot(grid[place // COLUMNS, place % COLUMNS])
        short = name if len(name) <= NAME_LENGTH else "…" + name[1 - NAME_LENGTH :]
        _draw_image(axes, image, f"{short}\n{probabilities[place]:.2f}")
    return _pixels(figure, title)


def _figure(height):
    """An empty figure as high as so many images."""
    figure = Figure((COLUMNS * TILE, height * TILE), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    return figure


def _draw_image(axes, image, title):
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    # Names of files are no formulas.
    axes.set_title(title, fontsize=9, parse_math=False)
    axes.set_axis_off()


def _pixels(figure, title):
    figure.suptitle(title, fontsize=11, parse_math=False)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def _draw_curve(axes, numbers, probabilities, threshold):
    order = np.argsort(numbers)
    axes.plot(numbers[order], probabilities[order], color="black", linewidth=1)
    axes.axhline(threshold, color="tab:red", linewidth=1, linestyle="--")
    axes.set(ylim=(-0.02, 1.02), xlabel="slice", ylabel="tumor probability")
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
