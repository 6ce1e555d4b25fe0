"""Measures how far synthetic images are from real ones, and real ones from each other.

    python -m evaluation.quality --real_dirs=real/train/tumor
     --synthetic_dirs=pggan=pggan/tumor --output_dir=quality

The first rows compare real images with real images: the floors. A set that comes near
them cannot be told from real images by that measure.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.quality")

import os

import numpy as np
import tqdm

from dataset.errors import UserError
from dataset.folders import check_new
from dataset.image_sets import common_size, open_image_set, open_named_sets
from dataset.shards import PROJECT_VERSION
from evaluation.distances import MEASURES, OF_FEATURES
from evaluation.documents import quality_document
from evaluation.memorisation import write_memorisation
from evaluation.samples import SampleReader, plan_comparisons
from evaluation.tables import Table, write_results
from features.extraction import build_extractor


def write_quality(*, output_dir, overwrite, **settings):
    """Writes `quality.*`, and `memorisation.*` if it is asked for; returns the texts.

    The arguments are the flags.

    Raises:
      UserError: sets cannot be compared, or the folder has results.
    """
    path = os.path.join(output_dir, "quality")
    check_new(path + ".json", f"--output_dir={output_dir}", overwrite)
    for name in settings["measures"] or [""]:
        if name not in MEASURES:
            expected = ", ".join(MEASURES)
            raise UserError(f"--measures: {name!r}, expected some of {expected}.")
    real = open_image_set("real", settings["real_dirs"], "real_dirs")
    synthetic = open_named_sets(settings["synthetic_dirs"], "synthetic_dirs")
    every = [real, *synthetic]
    if held_out_dirs := settings["held_out_dirs"]:
        every.append(open_image_set("held_out", held_out_dirs, "held_out_dirs"))
    origin = {
        "project_version": PROJECT_VERSION,
        "settings": settings,
        "inputs": {path: d for images in every for path, d in images.digests.items()},
        "image_size": common_size(every),
    }
    rows, facts = measure_rows(real, synthetic, origin["image_size"], settings)
    rows = [{"name": name, "values": values} for name, values in rows.items()]
    os.makedirs(output_dir, exist_ok=True)
    memorisation = ""
    if held_out_dirs:
        memorisation = "\n" + write_memorisation(
            real, every[-1], synthetic, output_dir, origin
        )
    content = {**origin, **facts, "rows": rows}
    return write_results(path, content, quality_document, values_table(rows)) + (
        memorisation
    )


def measure_rows(real, synthetic, size, settings):
    """Every measure of the floors and of every set, once per split.

    Returns:
      By name of the row, by column, a list of one value per split; and a dict of
      what was compared.
    """
    seed = settings["seed"]
    comparisons = plan_comparisons(
        real,
        synthetic,
        num_splits=settings["num_splits"],
        num_images=settings["num_images"],
        seed=seed,
    )
    extractor = None
    if OF_FEATURES & set(settings["measures"]):
        extractor = build_extractor(
            settings["backbone"],
            settings["weights"],
            image_size=settings["feature_size"],
            seed=seed,
        )
    reader = SampleReader(size, extractor, real)
    rows = {}
    for comparison in tqdm.tqdm(comparisons, "evaluation.quality", unit="comparison"):
        reference = reader.read(real, comparison.reference)
        sample = reader.read(comparison.images, comparison.positions)
        row = rows.setdefault(comparison.name, {})
        for name in settings["measures"]:
            columns = MEASURES[name](reference, sample, seed + comparison.split)
            for column, value in columns.items():
                row.setdefault(column, []).append(float(value))
    facts = {
        "images_per_comparison": len(comparisons[0].reference),
        "features": extractor and extractor.facts,
    }
    return rows, facts


def values_table(rows):
    """A line per row: each column's mean and standard deviation."""
    columns = list(rows[0]["values"])
    table = Table(["name", *(f"{c}{end}" for c in columns for end in ("", " sd"))])
    for row in rows:
        cells = []
        for values in row["values"].values():
            spread = np.std(values, ddof=1) if len(values) > 1 else None
            cells += [np.mean(values), spread]
        table.rows.append([row["name"], *cells])
    return table


def main(settings):
    print(write_quality(**settings))
    folder, number = settings["output_dir"], len(settings["synthetic_dirs"])
    print(f"{folder}: sets measured: {number}; look at {folder}/quality.md.")
