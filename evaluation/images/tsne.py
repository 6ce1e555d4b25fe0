"""Figure 7 of Han et al. (2019): t-SNE of real and synthetic images, and its files."""

import math
import os
import string

import numpy as np

from dataset.folders import check_new, write_json, write_text
from dataset.image_sets import common_size, open_image_set, open_named_sets
from dataset.records import label_name
from dataset.shards import PROJECT_VERSION
from evaluation.figures import COLOURS, draw, write_figure
from evaluation.images.embedding import Points, choose_points, embed
from evaluation.images.measures import SampleReader, extractor_of
from evaluation.tables import Table

# Light for synthetic, of the same hue: classes by hue, origins by lightness and shape.
STYLES = {
    ("real", 1): {"color": COLOURS["vermilion"], "marker": "o"},
    ("real", 0): {"color": COLOURS["blue"], "marker": "o"},
    ("synthetic", 1): {"color": COLOURS["orange"], "marker": "^"},
    ("synthetic", 0): {"color": COLOURS["sky"], "marker": "^"},
}
MARKER_AREA = 9  # In square points.
CHUNKS = 20  # Of a set's points, between which those of the other are drawn.


def write_tsne(*, output_dir, overwrite, **settings):
    """Writes `tsne.png`, `.svg`, `.csv` (coordinates) and `.json`.

    Args:
      output_dir, overwrite, **settings: the flags of the same names.

    Raises:
      UserError: a set has too few images, or the folder has a figure.
    """
    output = os.path.join(output_dir, "tsne")
    check_new(output + ".json", f"--output_dir={output_dir}", overwrite)
    real = open_image_set("real", settings["real_dirs"], "real_dirs")
    synthetic = open_named_sets(settings["synthetic_dirs"], "synthetic_dirs")
    every = [real, *synthetic]
    size = common_size(every)
    extractor = extractor_of(settings) if settings["space"] == "features" else None
    points = read_points(every, size, extractor, settings)
    options = ("joint", "perplexity", "num_iterations", "seed")
    panels, divergences = embed(points, **{name: settings[name] for name in options})
    os.makedirs(output_dir, exist_ok=True)
    write_figure(embedding_figure(panels), output)
    write_text(output + ".csv", points_table(panels).to_csv())
    content = {
        "project_version": PROJECT_VERSION,
        "settings": settings,
        "inputs": {path: d for images in every for path, d in images.digests.items()},
        "image_size": size,
        "features": extractor and extractor.facts,
        "divergences": divergences,
    }
    write_json(output + ".json", content)


def read_points(image_sets, size, extractor, settings):
    """The `Points` of each `ImageSet`, of which the first is the real one."""
    real = image_sets[0]
    classes = np.unique(real.labels)
    chosen = [
        choose_points(images, classes, settings["num_images"], seed)
        for seed, images in enumerate(image_sets, start=settings["seed"])
    ]
    reader = SampleReader(size, extractor, real)
    return [
        Points(images, positions, vectors_of(reader.read(images, positions)))
        for images, positions in zip(image_sets, chosen)
    ]


def vectors_of(sample):
    """The features of a `Sample`, or its pixels in [0, 1], float32 [images, values]."""
    if sample.features is not None:
        return sample.features.astype(np.float32)
    return sample.images.reshape(len(sample.images), -1).astype(np.float32) / 255


def points_table(panels):
    """One line per point: its panel, image and coordinates."""
    table = Table(["panel", "set", "id", "patient", "label", "x", "y"])
    for panel in panels:
        for points, coordinates in panel.sides:
            images = points.images
            for n, (x, y) in zip(points.positions, coordinates):
                image = (images.name, images.ids[n], images.patients[n])
                cells = (images.labels[n], f"{x:.4f}", f"{y:.4f}")
                table.rows.append([panel.name, *image, *cells])
    return table


def embedding_figure(panels):
    """A matplotlib figure of `Panel`s, two in a row.

    Points are drawn in random order, so that no category hides another. A plane has no
    units and no directions, so axes have no numbers. Panels of one plane show the same
    part of it.
    """
    columns = min(2, len(panels))
    one_plane = all(p.real_coordinates is panels[0].real_coordinates for p in panels)
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
    for origin, (side, coordinates) in zip(("real", "synthetic"), panel.sides):
        order = np.array_split(draws.permutation(len(coordinates)), CHUNKS)
        chunks += [(origin, side.labels[part], coordinates[part]) for part in order]
    for n in draws.permutation(len(chunks)):
        origin, labels, coordinates = chunks[n]
        styles = [STYLES[origin, label] for label in labels.tolist()]
        axis.scatter(
            *coordinates.T,
            c=[style["color"] for style in styles],
            marker=styles[0]["marker"],
            s=MARKER_AREA,
            linewidths=0,
            alpha=0.75,
        )


def _show(axis, panels):
    """Makes the axis a square that holds all points of some panels."""
    points = np.concatenate([p for panel in panels for _, p in panel.sides])
    low, high = points.min(axis=0), points.max(axis=0)
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
