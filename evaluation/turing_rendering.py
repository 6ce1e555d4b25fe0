"""The table of a Visual Turing Test as text: Markdown for people, CSV for programs."""

import csv
import io

from evaluation.turing_statistics import QUESTIONS

TITLES = {"real": "Real or synthetic", "tumor": "Tumor or not"}
LETTERS = {"real": "RS", "tumor": "TN"}


def to_markdown(rows, agreement, num_images, unfinished):
    """Two tables, one per question, in the paper's form.

    Args:
      rows: by name of the row, what `turing_statistics.score_reader` gives.
      agreement: as `turing_statistics.agreement`.
      num_images: of the test.
      unfinished: by reader who is left out, number of images answered.
    """
    text = ""
    for question in QUESTIONS:
        yes, no = LETTERS[question]
        columns = [f"{a} as {b}" for a in (yes, no) for b in (yes, no)]
        header = ["Reader", "Accuracy (%)", "p against guessing", *columns]
        if question == "real":
            header.append("Median time (s)")
        text += f"## {TITLES[question]}\n\n" + _line(header)
        text += _line(["---"] * len(header))
        for name, row in rows.items():
            scores = row[question]
            value, low, high = (100 * scores[key] for key in ("value", "low", "high"))
            cells = [
                name.replace("|", r"\|"),
                f"{value:.1f} [{low:.1f}, {high:.1f}]",
            ]
            cells.append(_p_value(scores["p_value"]))
            cells += [_count(row, question, i, j) for i in (0, 1) for j in (0, 1)]
            if question == "real":
                seconds = row.get("median_seconds")
                cells.append("-" if seconds is None else f"{seconds:.1f}")
            text += _line(cells)
        if agreement:
            text += "\n" + _agreement_line(agreement[question])
        text += "\n"
    return text + _notes(num_images, unfinished)


def _line(cells):
    return "| " + " | ".join(cells) + " |\n"


def _p_value(value):
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _count(row, question, i, j):
    """A cell of a matrix; wrong tumor answers divided by source, as the paper does."""
    count = str(row[question]["confusion"][i][j])
    if question == "real" or i == j:
        return count
    parts = [
        f"{letter}: {row['tumor_by_source'][source][i][j]}"
        for letter, source in (("R", "real"), ("S", "synthetic"))
        if row["tumor_by_source"][source][i][j]
    ]
    return f"{count} ({', '.join(parts)})" if parts else count


def _agreement_line(agreement):
    kappa = agreement["kappa"]
    value = "none, all answers are the same" if kappa is None else f"{kappa:.3f}"
    return f"Agreement of the readers: {agreement['method']}'s kappa {value}.\n"


def _notes(num_images, unfinished):
    notes = (
        f"{num_images} images. In brackets: 95 % Wilson intervals. p: exact binomial"
        " test, two-sided. Readers saw the same images, so that the pooled interval is"
        " that of their mean accuracy on this number of images, and the pooled test"
        " counts images that most readers got right (ties left out)."
    )
    for name, answered in unfinished.items():
        notes += f" Left out: {name}, {answered} images answered."
    return notes + "\n"


def to_csv(rows):
    """A line per row and question; accuracy as fractions from 0 to 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    cells = ["yes_as_yes", "yes_as_no", "no_as_yes", "no_as_no"]
    writer.writerow(
        ["reader", "question", "images", "accuracy", "low", "high", "p_value", *cells]
    )
    for name, row in rows.items():
        for question in QUESTIONS:
            scores = row[question]
            values = [scores[k] for k in ("images", "value", "low", "high", "p_value")]
            matrix = scores["confusion"]
            writer.writerow([name, question, *values, *matrix[0], *matrix[1]])
    return text.getvalue()
