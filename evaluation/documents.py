"""Results as documents: of image quality, memorisation, and the Visual Turing Test.

Every function takes the content of the JSON file of the same name.
"""

import numpy as np

from evaluation.statistics import format_p
from evaluation.tables import Heading, Table, Text

PAPER = "Han et al. (2019)"
POOLED = "all readers"
TITLES = {"real": "Real or synthetic", "tumor": "Tumor or not"}
LETTERS = {"real": "RS", "tumor": "TN"}


def quality_document(content):
    """The mean over splits, and the standard deviation where there are several."""
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


def memorisation_document(content):
    """The verdict on each set and what it rests on."""
    header = ("", "Images", "Close", "Copies", "Sources", "Nearest", "1 %", "Median")
    table = Table([*header, "Verdict"])
    for name, row in content["sets"].items():
        share, low, high = (100 * row[key] for key in ("close_share", "low", "high"))
        distances = (row[key] for key in ("nearest", "percentile_1", "median"))
        close = (f"{row['close']}: {share:.2f} %", f"[{low:.2f}, {high:.2f}]")
        table.rows.append(
            [
                *(name, row["images"], close, row["copies"], row["sources"]),
                *(f"{distance:.4f}" for distance in distances),
                row["verdict"] or "the reference",
            ]
        )
    bounds = "; ".join(
        f"{name}: close below {values['close']:.4f}, copy below {values['copy']:.4f}"
        for name, values in content["limits"].items()
    )
    # Files of earlier versions do not have the number.
    total = content.get("training_images", "the")
    notes = (
        f"Distances (1 - correlation) to the nearest of {total} training images."
        f" {bounds}. Close: nearer than 99 % of held-out real images are; in brackets"
        " the 95 % Wilson interval, to be compared with theirs. Copy: as near as nine"
        " in ten training images are to the next. Sources: training images that close"
        " ones go back to. Rotated, stretched or partial copies are not found."
    )
    return [table, Text(notes)]


def turing_document(content):
    """Two tables, one per question, in the form of the paper's Table 2."""
    parts = []
    for question, title in TITLES.items():
        parts += [Heading(title), _question_table(content, question)]
        if content["agreement"]:
            agreement = content["agreement"][question]
            value = "none, all answers are the same"
            if agreement["kappa"] is not None:
                value = f"{agreement['kappa']:.3f}"
            words = f"Agreement of the readers: {agreement['method']}'s kappa {value}."
            parts.append(Text(words))
    notes = (
        f"{content['num_images']} images. In brackets: 95 % Wilson intervals. p: exact"
        " binomial test, two-sided. Readers saw the same images, so that the pooled"
        " interval is that of their mean accuracy on this number of images, and the"
        " pooled test counts images that most readers got right (ties left out)."
    )
    for name, answered in content["unfinished"].items():
        notes += f" Left out: {name}, {answered} images answered."
    return [*parts, Text(notes)]


def printed_rows(content):
    """By name, the scores of the readers, of all of them together, and the paper's."""
    pooled = {POOLED: content["pooled"]} if content["pooled"] else {}
    return {**content["readers"], **pooled, PAPER: content["paper"]}


def _question_table(content, question):
    yes, no = LETTERS[question]
    columns = [f"{a} as {b}" for a in (yes, no) for b in (yes, no)]
    table = Table(["Reader", "Accuracy (%)", "p against guessing", *columns])
    if question == "real":
        table.columns.append("Median time (s)")
    for name, row in printed_rows(content).items():
        scores = row[question]
        value, low, high = (100 * scores[key] for key in ("value", "low", "high"))
        accuracy = (f"{value:.1f}", f"[{low:.1f}, {high:.1f}]")
        cells = [_count(row, question, i, j) for i in (0, 1) for j in (0, 1)]
        if question == "real":
            seconds = row.get("median_seconds")
            cells.append("-" if seconds is None else f"{seconds:.1f}")
        table.rows.append([name, accuracy, format_p(scores["p_value"]), *cells])
    return table


def _count(row, question, i, j):
    """A cell of a matrix; wrong tumor answers by source, as in the paper."""
    count = str(row[question]["confusion"][i][j])
    if question == "real" or i == j:
        return count
    parts = [
        f"{letter}: {row['tumor_by_source'][source][i][j]}"
        for letter, source in (("R", "real"), ("S", "synthetic"))
        if row["tumor_by_source"][source][i][j]
    ]
    return f"{count} ({', '.join(parts)})" if parts else count
