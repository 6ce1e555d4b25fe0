"""What the figures share: colours that colour-blind readers can tell apart, files."""

import io
import os

import matplotlib
from matplotlib.figure import Figure

from dataset.file_systems import disk_errors

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
STYLE = {
    "font.family": "DejaVu Sans",  # Comes with matplotlib: the same everywhere.
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # Text stays text.
    "svg.hashsalt": "figure",  # The same figure is the same file.
}


def draw(width, height, paint):
    """A matplotlib `Figure` in the project's style; needs no screen.

    Args:
      width, height: in inches.
      paint: function that is called with the figure, and draws.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        return figure


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
        whole = f"{path}.{extension}"
        with disk_errors(whole):
            with open(whole + ".tmp", "wb") as file:
                file.write(encode_figure(figure, extension))
            os.replace(whole + ".tmp", whole)
