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
from evaluation.measures import MEASURES, Sample
from flags import binary
from flags import evaluation as evaluation_flags


def write_quality(real_dirs, synthetic_dirs, output_dir, *, overwrite, **settings):
    """Writes `quality.md`, `.csv` and `.json`; returns the first as text.

    Args:
      real_dirs: list of folders.
      synthetic_dirs: list of texts NAME=FOLDER,FOLDER...
      output_dir: folder to write to.
      overwrite: as the flag.

    Raises:
      UserError: sets cannot be compared, or results stand there.
    """
    output = os.path.join(output_dir, "quality")
    if os.path.exists(output + ".json") and not overwrite:
        raise UserError(
            f"--output_dir={output_dir}: has results already; give another folder or"
            " --overwrite."
        )
    for name in settings["measures"]:
        if name not in MEASURES:
            raise UserError(
                f"--measures: {name!r}, wanted some of {', '.join(MEASURES)}."
            )
    real = open_image_set("real", real_dirs, "real_dirs")
    synthetic = open_named_sets(synthetic_dirs, "synthetic_dirs")
    rows, facts = measure(real, synthetic, **settings)
    markdown = quality_tables.to_markdown(rows, facts)
    os.makedirs(output_dir, exist_ok=True)
    write_text(output + ".md", markdown)
    write_text(output + ".csv", quality_tables.to_csv(rows))
    content = {
        "project_version": PROJECT_VERSION,
        "settings": {
            "real_dirs": real_dirs,
            "synthetic_dirs": synthetic_dirs,
            **settings,
        },
        "inputs": {k: v for s in [real, *synthetic] for k, v in s.digests.items()},
        **facts,
        "rows": [{"name": name, "values": values} for name, values in rows.items()],
    }
    write_json(output + ".json", content)
    return markdown


def measure(real, synthetic, *, measures, num_splits, num_images, seed):
    """Every measure of the floors and of every set, once per division.

    Args:
      real: `ImageSet`.
      synthetic: list of `ImageSet`s.
      measures, num_splits, num_images, seed: as the flags.

    Returns:
      By name of the row, by column, a list of one value per division; and a dict of
      what the comparisons were of.
    """
    size = common_size([real, *synthetic])
    comparisons = plan_comparisons(
        real, synthetic, num_splits=num_splits, num_images=num_images, seed=seed
    )
    rows = {}
    for comparison in tqdm.tqdm(comparisons, "evaluation.quality", unit="comparison"):
        reference = Sample(real.read(comparison.reference, size))
        sample = Sample(comparison.images.read(comparison.positions, size))
        row = rows.setdefault(comparison.name, {})
        for name in measures:
            columns = MEASURES[name](reference, sample, seed + comparison.split)
            for column, value in columns.items():
                row.setdefault(column, []).append(float(value))
    facts = {
        "image_size": size,
        "images_per_comparison": len(comparisons[0].reference),
    }
    return rows, facts


def main(settings):
    print(write_quality(**settings))


def run():
    binary.run(main, evaluation_flags.define_quality, UserError)


if __name__ == "__main__":
    run()
