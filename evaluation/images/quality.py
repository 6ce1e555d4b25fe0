"""The quality of synthetic images: every measure of every set, and its files."""

import os

import numpy as np
import tqdm

from dataset.errors import UserError
from dataset.folders import check_new, write_json, write_text
from dataset.image_sets import common_size, open_image_set, open_named_sets
from dataset.shards import PROJECT_VERSION
from evaluation.images.comparisons import plan_comparisons
from evaluation.images.measures import MEASURES, OF_FEATURES, SampleReader, extractor_of
from evaluation.images.memorisation_report import write_memorisation
from evaluation.tables import Table, Text, to_markdown


def write_quality(*, output_dir, overwrite, **settings):
    """Writes `quality.*`, and `memorisation.*` if it is asked for; returns the texts.

    Args:
      output_dir, overwrite, **settings: the flags of the same names.

    Raises:
      UserError: sets cannot be compared, or the folder has results.
    """
    output = os.path.join(output_dir, "quality")
    check_new(output + ".json", f"--output_dir={output_dir}", overwrite)
    for name in settings["measures"] or [""]:
        if name not in MEASURES:
            expected = ", ".join(MEASURES)
            raise UserError(f"--measures: {name!r}, expected some of {expected}.")
    real = open_image_set("real", settings["real_dirs"], "real_dirs")
    synthetic = open_named_sets(settings["synthetic_dirs"], "synthetic_dirs")
    every = [real, *synthetic]
    if held_out_dirs := settings["held_out_dirs"]:
        every.append(open_image_set("held_out", held_out_dirs, "held_out_dirs"))
    size = common_size(every)
    origin = {
        "project_version": PROJECT_VERSION,
        "settings": settings,
        "inputs": {path: d for images in every for path, d in images.digests.items()},
        "image_size": size,
    }
    rows, facts = measure(real, synthetic, size, settings)
    results = [{"name": name, "values": values} for name, values in rows.items()]
    content = {**origin, **facts, "rows": results}
    os.makedirs(output_dir, exist_ok=True)
    markdown = to_markdown(document(content))
    write_text(output + ".md", markdown)
    write_text(output + ".csv", values_table(results).to_csv())
    if held_out_dirs:
        markdown += "\n" + write_memorisation(
            real, every[-1], synthetic, output_dir, origin
        )
    write_json(output + ".json", content)
    return markdown


def measure(real, synthetic, size, settings):
    """Every measure of the floors and of every set, once per split.

    Args:
      real: `ImageSet`.
      synthetic: list of `ImageSet`s.
      size: to which images are zero-padded.
      settings: the flags.

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
    needs_features = OF_FEATURES & set(settings["measures"])
    extractor = extractor_of(settings) if needs_features else None
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


def document(content):
    """The mean over splits, and the standard deviation where there are several.

    Args:
      content: of `quality.json`.
    """
    rows = content["rows"]
    columns = list(rows[0]["values"])
    table = Table(["", *columns])
    for row in rows:
        cells = [_mean_and_spread(row["values"][column]) for column in columns]
        table.rows.append([row["name"], *cells])
    splits = len(rows[0]["values"][columns[0]])
    notes = (
        f"Mean and standard deviation over {splits} random splits of the real images"
        " into halves. Either side of a comparison has"
        f" {content['images_per_comparison']} images of {content['image_size']} px, of"
        " the same classes. SWD: sliced Wasserstein distance times 1,000. MS-SSIM:"
        " likeness of a set's images to each other."
    )
    if content["features"]:
        notes += (
            " KID (times 1,000), FID, precision and recall on"
            f" {content['features']['description']}."
        )
    return [table, Text(notes)]


def _mean_and_spread(values):
    """`12.3` and, of several values, `± 0.4`."""
    mean = np.mean(values)
    digits = 1 if abs(mean) >= 100 else 2 if abs(mean) >= 1 else 4
    spread = (f"± {np.std(values, ddof=1):.{digits}f}",) if len(values) > 1 else ()
    return (f"{mean:.{digits}f}", *spread)


def values_table(rows):
    """A line per row: each column's mean and standard deviation."""
    columns = list(rows[0]["values"])
    table = Table(["name", *(f"{c}{end}" for c in columns for end in ("", " sd"))])
    for row in rows:
        cells = []
        for column in columns:
            values = row["values"][column]
            spread = np.std(values, ddof=1) if len(values) > 1 else None
            cells += [np.mean(values), spread]
        table.rows.append([row["name"], *cells])
    return table
