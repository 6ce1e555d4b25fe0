"""Pictures of predictions, of a volume or of images, for a practitioner."""

import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLUMNS = 8
TILE = 1.5  # inches
DPI = 100
NAME_LENGTH = 17  # characters that fit above an image


def volume_picture(images, numbers, probabilities, threshold, name, heat_maps=None):
    """The probability along the volume, and below it every suspicious slice.

    Args:
      images: uint8 [slices, size, size].
      numbers: int [slices], what the slices are called.
      probabilities: float [slices].
      threshold: probability from which on a slice is suspicious.
      name: name of the volume.
      heat_maps: function of indices into `images`, int [shown], to what is drawn beside
        these, float32 [shown, rows, columns] >= 0; None: nothing.

    Returns:
      uint8 [height, width, 3]. Where no slice is suspicious, the eight of highest
      probability are shown, and the title says so.
    """
    shown = np.flatnonzero(probabilities >= threshold)
    title = f"{name}: {len(shown)} of {len(images)} slices at {threshold:.2f} or above"
    if not len(shown):
        shown = np.sort(np.argsort(-probabilities, kind="stable")[:COLUMNS])
        title = f"{name}: no slice at {threshold:.2f} or above; the highest are shown"
    names = [f"slice {numbers[i]}: {probabilities[i]:.2f}" for i in shown]
    tiles = _tiles(images[shown], names, heat_maps and heat_maps(shown))
    rows = math.ceil(len(tiles) / COLUMNS)
    figure = _figure(2 + rows * 1.15)
    ratios = [1.6] + [1.15] * rows
    grid = figure.add_gridspec(rows + 1, COLUMNS, height_ratios=ratios)
    _draw_curve(figure.add_subplot(grid[0, :]), numbers, probabilities, threshold)
    _draw_tiles(figure, grid, tiles, first_row=1)
    return _pixels(figure, title)


def images_picture(images, names, probabilities, title, heat_maps=None):
    """Images with their names and probabilities.

    Args:
      images: a list of uint8 [size, size], one at least.
      names: of the images; of long ones the end is shown.
      probabilities: of the images.
      title: of the picture.
      heat_maps: of the images, float32 [rows, columns] >= 0 each, to draw beside them.

    Returns:
      uint8 [height, width, 3].
    """
    short = [n if len(n) <= NAME_LENGTH else "…" + n[1 - NAME_LENGTH :] for n in names]
    titles = [f"{name}\n{value:.2f}" for name, value in zip(short, probabilities)]
    tiles = _tiles(images, titles, heat_maps)
    rows = math.ceil(len(tiles) / COLUMNS)
    figure = _figure(0.3 + rows * 1.3)
    _draw_tiles(figure, figure.add_gridspec(rows, COLUMNS), tiles)
    return _pixels(figure, title)


def _tiles(images, titles, heat_maps):
    """Images with their titles, each followed by its heat map, if there are some."""
    if heat_maps is None:
        return [(image, title, None) for image, title in zip(images, titles)]
    tiles = []
    for image, title, heat_map in zip(images, titles, heat_maps):
        tiles += [(image, title, None), (image, "evidence", heat_map)]
    return tiles


def _draw_tiles(figure, grid, tiles, first_row=0):
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        _draw_image(figure.add_subplot(grid[first_row + row, column]), *tile)


def _figure(height):
    """An empty figure as high as so many images."""
    figure = Figure((COLUMNS * TILE, height * TILE), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    return figure


def _draw_image(axes, image, title, heat_map=None):
    """Draws an image and, over it, its heat map as a share of its highest value."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    if heat_map is not None:
        heat = heat_map / max(heat_map.max(), np.finfo(np.float32).tiny)
        axes.imshow(
            heat,
            cmap="inferno",
            vmin=0,
            vmax=1,
            alpha=0.6,
            interpolation="bilinear",
            extent=[-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5],
        )
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
