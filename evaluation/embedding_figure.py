"""Figure 7 of Han et al. (2019): panels of points in one style, with one legend."""

import math
import string

import numpy as np

from dataset.shards import label_name
from evaluation.figures import COLOURS, draw

# Light for synthetic, of the same hue: classes by hue, origins by lightness and shape.
STYLES = {
    ("real", 1): {"color": COLOURS["vermilion"], "marker": "o"},
    ("real", 0): {"color": COLOURS["blue"], "marker": "o"},
    ("synthetic", 1): {"color": COLOURS["orange"], "marker": "^"},
    ("synthetic", 0): {"color": COLOURS["sky"], "marker": "^"},
}
MARKER_AREA = 9  # In square points.
CHUNKS = 20  # Of a set's points, between which those of the other are drawn.


def embedding_figure(panels):
    """A matplotlib figure of `evaluation.embedding.Panel`s, two in a row.

    Points are drawn in random order, so that no category hides another. A plane has no
    units and no directions, so axes have no numbers. Panels of one plane show the same
    part of it.
    """
    columns = min(2, len(panels))
    one_plane = all(p.real_places is panels[0].real_places for p in panels)
    rows = math.ceil(len(panels) / columns)
    labels = np.unique(panels[0].real.labels)

    def paint(figure):
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, letter, panel in zip(axes, string.ascii_lowercase, panels):
            axis.set_axis_on()
            _paint_panel(axis, panel)
            _show(axis, panels if one_plane else [panel])
            axis.set_title(f"({letter}) Real images vs {panel.name}", fontsize=9)
        handles = [
            axes[0].scatter([], [], s=3 * MARKER_AREA, linewidths=0, **STYLES[key])
            for key in STYLES
            if key[1] in labels
        ]
        names = [_name(*key) for key in STYLES if key[1] in labels]
        figure.legend(
            handles, names, loc="outside lower center", ncols=4, frameon=False
        )

    return draw(3.6 * columns, 3.6 * rows + 0.4, paint)


def _paint_panel(axis, panel):
    draws = np.random.default_rng(0)
    chunks = []
    for origin, (side, places) in zip(("real", "synthetic"), panel.sides):
        order = np.array_split(draws.permutation(len(places)), CHUNKS)
        chunks += [(origin, side.labels[part], places[part]) for part in order]
    for n in draws.permutation(len(chunks)):
        origin, labels, places = chunks[n]
        styles = [STYLES[origin, label] for label in labels.tolist()]
        axis.scatter(
            *places.T,
            c=[style["color"] for style in styles],
            marker=styles[0]["marker"],
            s=MARKER_AREA,
            linewidths=0,
            alpha=0.75,
        )


def _show(axis, panels):
    """Makes the axis a square that holds all points of some panels."""
    places = np.concatenate([p for panel in panels for _, p in panel.sides])
    low, high = places.min(axis=0), places.max(axis=0)
    reach = 0.53 * (high - low).max()
    for middle, set_limits in zip((low + high) / 2, (axis.set_xlim, axis.set_ylim)):
        set_limits(middle - reach, middle + reach)
    axis.set_aspect("equal")
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(True)
        spine.set_color("0.8")


def _name(origin, label):
    return f"{origin}, {label_name(label).replace('_', '-')}"
