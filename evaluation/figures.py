"""What the figures share: colours that colour-blind readers can tell apart, files."""

import io

import matplotlib
from matplotlib.figure import Figure

from dataset.folders import write_bytes

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color/
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "black": "#000000",
}
LINE_COLOURS = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple")]
STYLE = {
    "font.family": "DejaVu Sans",  # Comes with matplotlib: the same everywhere.
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # Text stays text.
    "svg.hashsalt": "figure",  # The same figure is the same file.
}
MOST_COLUMNS = 4


def draw(width, height, paint):
    """A matplotlib `Figure` of so many inches in the project's style.

    It needs no screen; `paint` is called with the figure, and draws.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        return figure


def draw_panels(names, panel_width, panel_height, paint, *, least, margin, **shared):
    """A figure of a panel per name, at most four in a row.

    Args:
      names: of the panels.
      panel_width, panel_height: in inches.
      paint: function that is called with the figure and its panels, and draws.
      least, margin: least width of the figure, and its height beside the panels'.
      **shared: `sharex` and `sharey` of matplotlib's `subplots`.
    """
    columns = min(MOST_COLUMNS, len(names))
    lines = -(-len(names) // columns)

    def paint_panels(figure):
        panels = figure.subplots(lines, columns, squeeze=False, **shared).ravel()
        for panel in panels[len(names) :]:
            panel.set_visible(False)
        paint(figure, panels[: len(names)])

    width = max(panel_width * columns, least)
    return draw(width, panel_height * lines + margin, paint_panels)


def encode_figure(figure, extension):
    """The bytes of a figure as `png` (200 dpi) or `svg`."""
    content = io.BytesIO()
    metadata = {"Date": None} if extension == "svg" else None
    with matplotlib.rc_context(STYLE):
        figure.savefig(content, format=extension, dpi=200, metadata=metadata)
    return content.getvalue()


def write_figure(figure, path):
    """Writes a figure, whole or not at all, as `path`.png and `path`.svg."""
    for extension in ("png", "svg"):
        write_bytes(f"{path}.{extension}", encode_figure(figure, extension))
