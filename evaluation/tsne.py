"""Draws real and synthetic images as points that are near where images are alike.

    python -m evaluation.tsne --real_dirs=real/train/tumor,real/train/non_tumor
     --synthetic_dirs=PGGAN=pggan/tumor,pggan/non_tumor --output_dir=tsne

Figure 7 of Han et al. (2019): a panel per set of synthetic images, each with the same
real ones, by t-SNE (van der Maaten and Hinton, 2008).
"""

import csv
import io
import os

import numpy as np

from dataset.shards import PROJECT_VERSION, UserError, write_json, write_text
from evaluation.embedding import Points, choose_points, embed
from evaluation.embedding_figure import embedding_figure
from evaluation.figures import write_figure
from evaluation.image_sets import common_size, open_image_set, open_named_sets
from evaluation.samples import SampleReader, extractor_of
from flags import binary
from flags import evaluation as evaluation_flags


def write_tsne(*, output_dir, overwrite, **settings):
    """Writes `tsne.png`, `.svg`, `.csv` (coordinates) and `.json`.

    Args:
      output_dir, overwrite, **settings: the flags of the same names.

    Raises:
      UserError: a set has too few images, or a figure stands there.
    """
    output = os.path.join(output_dir, "tsne")
    if os.path.exists(output + ".json") and not overwrite:
        raise UserError(
            f"--output_dir={output_dir}: has a figure already; give another folder or"
            " --overwrite."
        )
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
    write_text(output + ".csv", to_csv(panels))
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


def to_csv(panels):
    """One line per point: its panel, image, and place."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "set", "id", "patient", "label", "x", "y"])
    for panel in panels:
        for points, places in panel.sides:
            images = points.images
            for n, (x, y) in zip(points.positions, places):
                origin = (images.name, images.ids[n], images.patients[n])
                row = (panel.name, *origin, images.labels[n], f"{x:.4f}", f"{y:.4f}")
                writer.writerow(row)
    return text.getvalue()


def main(settings):
    write_tsne(**settings)
    print(f"{os.path.join(settings['output_dir'], 'tsne')}.png, .svg, .csv, .json")


def run():
    binary.run(main, evaluation_flags.define_tsne, UserError)


if __name__ == "__main__":
    run()
