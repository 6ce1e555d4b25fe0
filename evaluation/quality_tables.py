"""Measures of quality as text: Markdown for people, CSV for programs."""

import csv
import io

import numpy as np


def to_markdown(rows, facts):
    """The mean over splits, and the standard deviation where there are several.

    Args:
      rows: by name, by column, a list of one value per split.
      facts: dict of `image_size`, `images_per_comparison` and `features`.
    """
    columns = list(next(iter(rows.values())))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    for name, values in rows.items():
        cells = [_mean_and_spread(values[column]) for column in columns]
        lines.append([name.replace("|", r"\|"), *cells])
    table = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    splits = len(next(iter(rows.values()))[columns[0]])
    notes = (
        f"\nMean and standard deviation over {splits} divisions of the real images into"
        f" halves. Either side of a comparison has {facts['images_per_comparison']}"
        f" images of {facts['image_size']} px, of the same classes. SWD: sliced"
        " Wasserstein distance times 1,000. MS-SSIM: likeness of a set's images to each"
        " other."
    )
    if facts["features"]:
        notes += (
            f" KID (times 1,000), FID, precision and recall on"
            f" {facts['features']['description']}."
        )
    return table + notes + "\n"


def _mean_and_spread(values):
    mean = np.mean(values)
    digits = 1 if abs(mean) >= 100 else 2 if abs(mean) >= 1 else 4
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{mean:.{digits}f}{spread}"


def to_csv(rows):
    """One line per row of the table: each column's mean and standard deviation."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = list(next(iter(rows.values())))
    writer.writerow(["name", *(f"{c}{end}" for c in columns for end in ("", " sd"))])
    for name, values in rows.items():
        cells = []
        for column in columns:
            runs = values[column]
            cells += [np.mean(runs), np.std(runs, ddof=1) if len(runs) > 1 else ""]
        writer.writerow([name, *cells])
    return text.getvalue()
