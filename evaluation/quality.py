"""Measures how far synthetic images are from real ones, and real ones from each other.

    python -m evaluation.quality --real_dirs=real/train/tumor
     --synthetic_dirs=pggan=pggan/tumor --output_dir=quality

The first rows compare real images with real images: the floors. A set that comes near
them cannot be told from real images by that measure.
"""

import os

import tqdm

from dataset.shards import PROJECT_VERSION, UserError, write_json, write_text
from evaluation import quality_tables
from evaluation.comparisons import plan_comparisons
from evaluation.image_sets import common_size, open_image_set, open_named_sets
from evaluation.measures import MEASURES, OF_FEATURES
from evaluation.memorisation_report import write_memorisation
from evaluation.samples import SampleReader, extractor_of
from flags import binary
from flags import evaluation as evaluation_flags


def write_quality(*, output_dir, overwrite, **settings):
    """Writes `quality.*`, and `memorisation.*` if it is asked for; returns the texts.

    Args:
      output_dir, overwrite, **settings: the flags of the same names.

    Raises:
      UserError: sets cannot be compared, or results stand there.
    """
    output = os.path.join(output_dir, "quality")
    check(settings, output, overwrite)
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
    os.makedirs(output_dir, exist_ok=True)
    markdown = quality_tables.to_markdown(rows, {**origin, **facts})
    write_text(output + ".md", markdown)
    write_text(output + ".csv", quality_tables.to_csv(rows))
    if settings["held_out_dirs"]:
        held_out = every[-1]
        markdown += "\n" + write_memorisation(
            real, held_out, synthetic, output_dir, origin
        )
    results = [{"name": name, "values": values} for name, values in rows.items()]
    write_json(output + ".json", {**origin, **facts, "rows": results})
    return markdown


def check(settings, output, overwrite):
    """Refuses what can be refused before anything is read."""
    if os.path.exists(output + ".json") and not overwrite:
        raise UserError(
            f"--output_dir={os.path.dirname(output)}: has results already; give"
            " another folder or --overwrite."
        )
    for name in settings["measures"] or [""]:
        if name not in MEASURES:
            wanted = ", ".join(MEASURES)
            raise UserError(f"--measures: {name!r}, wanted some of {wanted}.")


def measure(real, synthetic, size, settings):
    """Every measure of the floors and of every set, once per division.

    Args:
      real: `ImageSet`.
      synthetic: list of `ImageSet`s.
      size: to which images are zero-padded.
      settings: the flags.

    Returns:
      By name of the row, by column, a list of one value per division; and a dict of
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
    wants_features = OF_FEATURES & set(settings["measures"])
    extractor = extractor_of(settings) if wants_features else None
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


def main(settings):
    print(write_quality(**settings), end="")


def run():
    binary.run(main, evaluation_flags.define_quality, UserError)


if __name__ == "__main__":
    run()
