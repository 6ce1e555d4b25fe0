"""The table of a Visual Turing Test, the paper's Table 2, from readers' answers."""

import os

import numpy as np

from dataset.folders import check_new, write_json, write_text
from dataset.shards import PROJECT_VERSION
from evaluation.statistics import format_p
from evaluation.tables import Heading, Table, Text, to_markdown
from evaluation.turing.answers import read_answers
from evaluation.turing.scores import (
    PAPER_TABLE,
    QUESTIONS,
    agreement,
    pool,
    score,
    score_reader,
)

PAPER = "Han et al. (2019)"
POOLED = "all readers"
TITLES = {"real": "Real or synthetic", "tumor": "Tumor or not"}
LETTERS = {"real": "RS", "tumor": "TN"}


def write_table(test_dirs, output_dir, *, overwrite):
    """Writes `turing.md`, `turing.csv`, `turing.json`; returns the first as text.

    Raises:
      UserError: answers are wrong, nobody finished, or the folder has a table.
    """
    output = os.path.join(output_dir, "turing")
    check_new(output + ".json", f"--output_dir={output_dir}", overwrite)
    answers = read_answers(test_dirs)
    readers = list(answers.readers.values())
    rows = {
        name: {
            **score_reader(answers.truth, said),
            "median_seconds": float(np.median(said["seconds"])),
        }
        for name, said in answers.readers.items()
    }
    content = {
        "project_version": PROJECT_VERSION,
        "settings": {"test_dirs": test_dirs},
        "inputs": answers.inputs,
        "num_images": len(answers.truth["real"]),
        "readers": rows,
        "pooled": pool(answers.truth, readers) if len(readers) > 1 else None,
        "agreement": agreement(readers),
        "unfinished": answers.unfinished,
        "paper": {**PAPER_TABLE, **{q: score(PAPER_TABLE[q]) for q in QUESTIONS}},
    }
    markdown = to_markdown(document(content))
    os.makedirs(output_dir, exist_ok=True)
    write_text(output + ".md", markdown)
    write_text(output + ".csv", scores_table(content).to_csv())
    write_json(output + ".json", content)
    return markdown


def printed_rows(content):
    """By name, the scores of the readers, of all of them together, and the paper's."""
    pooled = {POOLED: content["pooled"]} if content["pooled"] else {}
    return {**content["readers"], **pooled, PAPER: content["paper"]}


def document(content):
    """Two tables, one per question, in the paper's form, from `turing.json`."""
    parts = []
    for question in QUESTIONS:
        parts += [Heading(TITLES[question]), _question_table(content, question)]
        if content["agreement"]:
            parts.append(_agreement(content["agreement"][question]))
    return [*parts, Text(_notes(content["num_images"], content["unfinished"]))]


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


def _agreement(agreement):
    kappa = agreement["kappa"]
    value = "none, all answers are the same" if kappa is None else f"{kappa:.3f}"
    return Text(f"Agreement of the readers: {agreement['method']}'s kappa {value}.")


def _notes(num_images, unfinished):
    notes = (
        f"{num_images} images. In brackets: 95 % Wilson intervals. p: exact binomial"
        " test, two-sided. Readers saw the same images, so that the pooled interval is"
        " that of their mean accuracy on this number of images, and the pooled test"
        " counts images that most readers got right (ties left out)."
    )
    for name, answered in unfinished.items():
        notes += f" Left out: {name}, {answered} images answered."
    return notes


def scores_table(content):
    """A line per row and question; accuracy as fractions from 0 to 1."""
    columns = ["reader", "question", "images", "accuracy", "low", "high", "p_value"]
    counts = ["yes_as_yes", "yes_as_no", "no_as_yes", "no_as_no"]
    table = Table([*columns, *counts])
    for name, row in printed_rows(content).items():
        for question in QUESTIONS:
            scores = row[question]
            values = [scores[k] for k in ("images", "value", "low", "high", "p_value")]
            matrix = scores["confusion"]
            table.rows.append([name, question, *values, *matrix[0], *matrix[1]])
    return table
