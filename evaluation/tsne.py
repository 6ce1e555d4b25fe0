"""Draws real and synthetic images as points, alike images near each other.

    python -m evaluation.tsne --real_dirs=real/train/tumor,real/train/non_tumor
     --synthetic_dirs=PGGAN=pggan/tumor,pggan/non_tumor --output_dir=tsne

Figure 7 of Han et al. (2019): a panel per set of synthetic images, each with the same
real ones, by t-SNE (van der Maaten and Hinton, 2008,
https://jmlr.org/papers/v9/vandermaaten08a.html) as scikit-learn approximates it
(Barnes-Hut, angle 0.5). It starts from the first two principal components, so that
coordinates depend less on chance; the learning rate is the larger of 50 and a 48th of
the number of images.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.tsne")

import dataclasses
import math
import os
import string

import numpy as np
import tqdm
from sklearn.manifold import TSNE

from dataset.errors import UserError
from dataset.folders import check_new, write_json, write_text
from dataset.image_sets import ImageSet, common_size, open_image_set, open_named_sets
from dataset.records import label_name
from dataset.shards import PROJECT_VERSION
from evaluation.figures import COLOURS, draw, write_figure
from evaluation.samples import SampleReader
from evaluation.tables import Table
from features.extraction import build_extractor

# Light for synthetic, of the same hue: classes by hue, origins by lightness and shape.
STYLES = {
    ("real", 1): {"color": COLOURS["vermilion"], "marker": "o"},
    ("real", 0): {"color": COLOURS["blue"], "marker": "o"},
    ("synthetic", 1): {"color": COLOURS["orange"], "marker": "^"},
    ("synthetic", 0): {"color": COLOURS["sky"], "marker": "^"},
}
MARKER_AREA = 9  # In square points.
CHUNKS = 20  # Of a set's points, between which those of the other are drawn.


@dataclasses.dataclass(frozen=True)
class Points:
    """Some images of a set, each a vector, and where they lie in a plane."""

    images: ImageSet
    positions: np.ndarray  # In it, int [points].
    vectors: np.ndarray  # float32 [points, values]
    coordinates: np.ndarray | None = None  # float32 [points, 2]; None before `embed`.

    @property
    def labels(self):
        return self.images.labels[self.positions]


def write_tsne(*, output_dir, overwrite, **settings):
    """Writes `tsne.png`, `.svg`, `.csv` (coordinates) and `.json`, from the flags.

    Raises:
      UserError: a set has too few images, or the folder has a figure.
    """
    path = os.path.join(output_dir, "tsne")
    check_new(path + ".json", f"--output_dir={output_dir}", overwrite)
    real = open_image_set("real", settings["real_dirs"], "real_dirs")
    synthetic = open_named_sets(settings["synthetic_dirs"], "synthetic_dirs")
    every = [real, *synthetic]
    size, extractor, seed = common_size(every), None, settings["seed"]
    if settings["space"] == "features":
        names = {"image_size": settings["feature_size"], "seed": seed}
        extractor = build_extractor(settings["backbone"], settings["weights"], **names)
    points = read_points(every, size, extractor, settings["num_images"], seed)
    options = ("joint", "perplexity", "num_iterations", "seed")
    panels, divergences = embed(points, **{name: settings[name] for name in options})
    os.makedirs(output_dir, exist_ok=True)
    write_figure(embedding_figure(panels, settings["joint"]), path)
    write_text(path + ".csv", points_table(panels).to_csv())
    content = {
        "project_version": PROJECT_VERSION,
        "settings": settings,
        "inputs": {path: d for images in every for path, d in images.digests.items()},
        "image_size": size,
        "features": extractor and extractor.facts,
        "divergences": divergences,
    }
    write_json(path + ".json", content)


def read_points(image_sets, size, extractor, num_images, seed):
    """The `Points` of each `ImageSet`, of which the first is the real one.

    Their vectors are features or, without an extractor, pixels in [0, 1].

    Raises:
      UserError: a set has fewer than `num_images` images of one of its classes.
    """
    real = image_sets[0]
    chosen = [
        choose_points(images, np.unique(real.labels), num_images, number)
        for number, images in enumerate(image_sets, start=seed)
    ]
    reader = SampleReader(size, extractor, real)
    points = []
    for images, positions in zip(image_sets, chosen):
        sample = reader.read(images, positions)
        vectors = sample.features
        if vectors is None:
            vectors = sample.images.reshape(len(positions), -1).astype(np.float32) / 255
        points.append(Points(images, positions, vectors.astype(np.float32)))
    return points


def choose_points(images, classes, num_images, seed):
    """Positions of `num_images` images of each class, chosen by the seed."""
    draws = np.random.default_rng([seed, 7])
    chosen = []
    for label in classes:
        positions = np.flatnonzero(images.labels == label)
        if len(positions) < num_images:
            raise UserError(
                f"--num_images={num_images}: {images.name} has {len(positions)}"
                f" {label_name(label)} images."
            )
        chosen.append(draws.choice(positions, num_images, replace=False))
    return np.concatenate(chosen)


def embed(points, *, joint, perplexity, num_iterations, seed):
    """Brings images to a plane.

    Args:
      points: list of `Points`: of the real images, then of each synthetic set.
      joint: whether all sets share one plane, in which the real images have the
        same coordinates in every panel, or each has its own with them, as in the paper.
      perplexity, num_iterations, seed: as the flags.

    Returns:
      A list of panels, each (real, synthetic) `Points` with coordinates, and the
      Kullback-Leibler divergence left of each plane.

    Raises:
      UserError: the perplexity is too large for so few images.
    """
    real, *synthetic = points
    planes = [[real, *synthetic]] if joint else [[real, one] for one in synthetic]
    panels, divergences = [], []
    for plane in tqdm.tqdm(planes, "evaluation.tsne", unit="plane"):
        vectors = np.concatenate([part.vectors for part in plane])
        if perplexity >= len(vectors):
            raise UserError(
                f"--perplexity={perplexity:g}: expected less than the {len(vectors)}"
                " images of a plane."
            )
        model = TSNE(
            perplexity=perplexity,
            max_iter=num_iterations,
            n_iter_without_progress=num_iterations,  # All of them, as in the paper.
            init="pca",
            random_state=seed,
        )
        coordinates = model.fit_transform(vectors)
        divergences.append(float(model.kl_divergence_))
        ends = np.cumsum([len(part.positions) for part in plane])[:-1]
        first, *others = (
            dataclasses.replace(part, coordinates=own)
            for part, own in zip(plane, np.split(coordinates, ends))
        )
        panels += [(first, other) for other in others]
    return panels, divergences


def points_table(panels):
    """One line per point: its panel, image and coordinates."""
    table = Table(["panel", "set", "id", "patient", "label", "x", "y"])
    for panel in panels:
        for points in panel:
            images = points.images
            for n, (x, y) in zip(points.positions, points.coordinates):
                image = (images.name, images.ids[n], images.patients[n])
                cells = (images.labels[n], f"{x:.4f}", f"{y:.4f}")
                table.rows.append([panel[1].images.name, *image, *cells])
    return table


def embedding_figure(panels, joint):
    """A matplotlib figure of panels, two in a row.

    Points are drawn in random order, so that no category hides another. A plane has no
    units and no directions, so axes have no numbers. Panels of one plane, `joint`, show
    the same part of it.
    """
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    labels = np.unique(panels[0][0].labels)
    shown = {key: style for key, style in STYLES.items() if key[1] in labels}

    def paint(figure):
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, letter, panel in zip(axes, string.ascii_lowercase, panels):
            axis.set_axis_on()
            _paint_panel(axis, panel)
            _show(axis, panels if joint else [panel])
            name = panel[1].images.name
            axis.set_title(f"({letter}) Real images vs {name}", fontsize=9)
        handles = [
            axes[0].scatter([], [], s=3 * MARKER_AREA, linewidths=0, **style)
            for style in shown.values()
        ]
        names = [f"{o}, {label_name(n).replace('_', '-')}" for o, n in shown]
        figure.legend(
            handles, names, loc="outside lower center", ncols=4, frameon=False
        )

    return draw(3.6 * columns, 3.6 * rows + 0.4, paint)


def _paint_panel(axis, panel):
    draws = np.random.default_rng(0)
    chunks = []
    for origin, points in zip(("real", "synthetic"), panel):
        number = min(CHUNKS, len(points.positions))
        order = np.array_split(draws.permutation(len(points.positions)), number)
        chunks += [(origin, points.labels[n], points.coordinates[n]) for n in order]
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
    points = np.concatenate([side.coordinates for panel in panels for side in panel])
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


def main(settings):
    write_tsne(**settings)
    print(f"{os.path.join(settings['output_dir'], 'tsne')}.png, .svg, .csv, .json")
