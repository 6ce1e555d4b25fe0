"""Makes the table of a Visual Turing Test, the paper's Table 2, from readers' answers.

python -m evaluation.turing_table --test_dirs=turing --output_dir=table
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.turing_table")

import os

import numpy as np

from dataset.errors import UserError
from dataset.folders import check_new, file_sha256, read_json
from dataset.shards import PROJECT_VERSION
from evaluation.documents import printed_rows, turing_document
from evaluation.tables import Table, write_results
from evaluation.turing_images import ANSWERS, SOURCES, TEST
from evaluation.turing_scores import (
    PAPER_TABLE,
    QUESTIONS,
    agreement,
    pool,
    score,
    score_reader,
)
from pages.journal import read_entries


def write_table(test_dirs, output_dir, *, overwrite):
    """Writes `turing.md`, `turing.csv`, `turing.json`; returns the first as text.

    Raises:
      UserError: answers are wrong, nobody finished, or the folder has a table.
    """
    path = os.path.join(output_dir, "turing")
    check_new(path + ".json", f"--output_dir={output_dir}", overwrite)
    images, entries, inputs = read_tests(test_dirs)
    said, unfinished = said_by_readers(images, entries, test_dirs)
    truth = {
        "real": np.array([image["source"] == SOURCES[0] for image in images]),
        "tumor": np.array([image["label"] == 1 for image in images]),
    }
    readers = list(said.values())
    rows = {
        name: {
            **score_reader(truth, own),
            "median_seconds": float(np.median(own["seconds"])),
        }
        for name, own in said.items()
    }
    content = {
        "project_version": PROJECT_VERSION,
        "settings": {"test_dirs": test_dirs},
        "inputs": inputs,
        "num_images": len(images),
        "readers": rows,
        "pooled": pool(truth, readers) if len(readers) > 1 else None,
        "agreement": agreement(readers),
        "unfinished": unfinished,
        "paper": {**PAPER_TABLE, **{q: score(PAPER_TABLE[q]) for q in QUESTIONS}},
    }
    os.makedirs(output_dir, exist_ok=True)
    return write_results(path, content, turing_document, scores_table(content))


def read_tests(test_dirs):
    """Reads one test, or copies of it that readers elsewhere answered.

    Returns:
      The images of the test, the entries of the journals by reader, and the SHA-256 of
      the files by path.

    Raises:
      UserError: a folder holds no test, they hold different ones, one reader is in two
        of them, or an answer is to no image of the test.
    """
    tests, inputs, entries = [], {}, {}
    for folder in test_dirs:
        test_path, path = os.path.join(folder, TEST), os.path.join(folder, ANSWERS)
        if not os.path.exists(test_path) or not os.path.exists(path):
            raise UserError(
                f"--test_dirs={folder}: no {TEST} and {ANSWERS}, so nobody was tested"
                " here; expected an --output_dir of evaluation.turing_test."
            )
        images = read_json(test_path)["images"]
        # Equal images make equal tests, wherever their shard sets lie.
        tests.append([(i["source"], i["label"], i["id"]) for i in images])
        if tests[-1] != tests[0]:
            raise UserError(
                f"--test_dirs: {folder} is not of the same images as {test_dirs[0]}."
            )
        inputs |= {p: file_sha256(p) for p in (test_path, path)}
        own = {}
        for number, entry in enumerate(read_entries(path), start=1):
            check_entry(entry, len(images), f"{path}, line {number}")
            own.setdefault(str(entry["reader"]), []).append(entry)
        for name in sorted(own.keys() & entries.keys()):
            raise UserError(
                f"--test_dirs: {name!r} is in {folder} and in another one; rename one"
                " of the two readers."
            )
        entries |= own
    return images, entries, inputs


def check_entry(entry, num_images, line):
    """Raises `UserError` unless an entry of a journal is an answer to an image."""
    try:
        image, seconds, _ = entry["image"], float(entry["seconds"]), entry["reader"]
        answers = [entry[question] for question in QUESTIONS]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{line}: no answer: {error!r}.") from error
    is_known = isinstance(image, int) and 0 <= image < num_images
    is_said = all(isinstance(answer, bool) for answer in answers)
    if not is_known or not is_said or not seconds >= 0:
        raise UserError(f"{line}: no answer to one of the {num_images} images.")


def said_by_readers(images, entries, test_dirs):
    """What each reader said who answered all images; the last answer to each counts.

    Returns:
      By name, `real` and `tumor`, bool [images], and `seconds`, float [images], in all
      that they looked at each; and by name, how many images the others answered.

    Raises:
      UserError: nobody answered all.
    """
    whole, unfinished = {}, {}
    for name, own in sorted(entries.items()):
        answered = len({entry["image"] for entry in own})
        if answered < len(images):
            unfinished[name] = answered
            continue
        said = {question: np.zeros(len(images), bool) for question in QUESTIONS}
        said["seconds"] = np.zeros(len(images))
        for entry in own:
            for question in QUESTIONS:
                said[question][entry["image"]] = entry[question]
            said["seconds"][entry["image"]] += entry["seconds"]
        whole[name] = said
    if not whole:
        raise UserError(
            f"--test_dirs={','.join(test_dirs)}: no reader has answered all"
            f" {len(images)} images; {unfinished or 'nobody has begun'}."
        )
    return whole, unfinished


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


def main(settings):
    print(write_table(**settings))
