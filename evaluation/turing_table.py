"""Makes the table of a Visual Turing Test, the paper's Table 2, from readers' answers.

python -m evaluation.turing_table --test_dirs=turing --output_dir=table
"""

import os

import numpy as np

from dataset.shards import PROJECT_VERSION, UserError, write_json, write_text
from evaluation.turing_answers import read_answers
from evaluation.turing_rendering import to_csv, to_markdown
from evaluation.turing_statistics import (
    PAPER_TABLE,
    QUESTIONS,
    agreement,
    pool,
    score,
    score_reader,
)
from flags import binary
from flags import turing as turing_flags

PAPER = "Han et al. (2019)"
POOLED = "all readers"


def write_table(test_dirs, output_dir, *, overwrite):
    """Writes `turing.md`, `turing.csv`, `turing.json`; returns the first as text."""
    output = os.path.join(output_dir, "turing")
    if os.path.exists(output + ".json") and not overwrite:
        raise UserError(
            f"--output_dir={output_dir}: has a table already; give another folder or"
            " --overwrite."
        )
    answers = read_answers(test_dirs)
    readers = list(answers.readers.values())
    rows = {
        name: {
            **score_reader(answers.truth, said),
            "median_seconds": float(np.median(said["seconds"])),
        }
        for name, said in answers.readers.items()
    }
    pooled = pool(answers.truth, readers) if len(readers) > 1 else None
    kappas = agreement(readers)
    paper = {**PAPER_TABLE, **{q: score(PAPER_TABLE[q]) for q in QUESTIONS}}
    printed = {**rows, **({POOLED: pooled} if pooled else {}), PAPER: paper}
    num_images = len(answers.truth["real"])
    markdown = to_markdown(printed, kappas, num_images, answers.unfinished)
    os.makedirs(output_dir, exist_ok=True)
    write_text(output + ".md", markdown)
    write_text(output + ".csv", to_csv(printed))
    content = {
        "project_version": PROJECT_VERSION,
        "settings": {"test_dirs": test_dirs},
        "inputs": answers.inputs,
        "num_images": num_images,
        "readers": rows,
        "pooled": pooled,
        "agreement": kappas,
        "unfinished": answers.unfinished,
        "paper": paper,
    }
    write_json(output + ".json", content)
    return markdown


def main(settings):
    print(write_table(**settings))


def run():
    binary.run(main, turing_flags.define_turing_table, UserError)


if __name__ == "__main__":
    run()
