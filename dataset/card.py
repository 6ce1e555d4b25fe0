"""Writes a data card beside exported images: for synthetic sets to be given away.

python -m dataset.card --data_dirs=unit/tumor --quality=quality --output_dir=png
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.card")

import hashlib
import os
import pathlib
import re

import numpy as np
import tqdm

from dataset import card_texts
from dataset.card_document import render
from dataset.errors import UserError
from dataset.folders import check_new, read_json, write_json, write_text
from dataset.image_table import CARD, EXPORT
from dataset.measured import read_measured
from dataset.origins import SET, TRAINING, trace
from dataset.shards import PROJECT_VERSION, ShardSet

BINARY = "dataset.card"
CARD_VERSION = 1
SHORTEST_ID = 5  # characters; shorter ids are words and numbers of any text


def write_card(*, data_dirs, quality, terms, title, output_dir, overwrite):
    """Writes `card.md` and `card.json`; the arguments are the flags.

    Raises:
      UserError: a set is of patients or is not the one exported, or there is a card.
    """
    markdown, facts = (os.path.join(output_dir, name) for name in CARD)
    check_new(markdown, f"--output_dir={output_dir}", overwrite)
    shard_sets = [ShardSet(directory) for directory in data_dirs]
    digests = [shard_set.digest for shard_set in shard_sets]
    check_exported(output_dir, digests)
    for shard_set in shard_sets:
        check_synthetic(shard_set)
    terms = read_terms(terms)
    origin, patients, reasons = trace(shard_sets)
    check_texts({"title": title, "terms": terms or ""}, patients)
    for path, reason in reasons.items():
        print(f"Note: {path}: {reason}")
    trained_on = {e["sha256"] for e in origin if e["kind"] == SET and e.get("patients")}
    here = {entry["sha256"] for entry in origin}
    gone = {
        digest
        for entry in origin
        if entry["kind"] == TRAINING and not entry["is_followed"]
        for digest in entry["inputs_sha256"]
        if digest not in here
    }
    measured = None, None
    if quality:
        measured = read_measured(quality, digests, trained_on, gone)
    content = {
        "card_version": CARD_VERSION,
        "binary": BINARY,
        "project_version": PROJECT_VERSION,
        "title": " ".join(title.split()),
        "images": describe_images(shard_sets),
        "origin": origin,
        "quality": measured[0],
        "memorisation": measured[1],
        **card_texts.TEXTS,
        "terms": terms,
    }
    os.makedirs(output_dir, exist_ok=True)
    write_json(facts, content)
    write_text(markdown, render(content))  # The last one: people complete it.
    print(f"{markdown}: read it, and complete what it asks for, before you give it.")


def check_exported(output_dir, digests):
    """Refuses a folder of images that are exported from other sets."""
    path = os.path.join(output_dir, EXPORT)
    if not os.path.exists(path):
        return
    try:
        exported = read_json(path)["settings"]["manifests_sha256"]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: not of dataset.export_images: {error!r}.") from error
    if sorted(exported) != sorted(digests):
        raise UserError(
            f"--output_dir={output_dir}: images are exported there from"
            f" {len(exported)} sets of other digests than the {len(digests)} of"
            " --data_dirs; expected the same sets."
        )


def check_synthetic(shard_set):
    """Refuses a set of patients' images: real ones, or real ones augmented."""
    patients = len(shard_set.patients() - {""})
    manifest = shard_set.manifest
    binary, settings = manifest.get("binary"), manifest.get("settings") or {}
    # --one_set may be a refiner's output on its way back from PNG.
    is_read = str(binary).startswith("dataset.") and not settings.get("one_set")
    if patients or is_read:
        raise UserError(
            f"--data_dirs={shard_set.directory}: images of {patients} patients, written"
            f" by {binary}; expected images that a GAN made. A patient's image is not"
            " anonymous, and no card makes it so."
        )


def read_terms(value):
    """The terms of the source data: of a file, or as they are; None without.

    Raises:
      UserError: the file is missing, empty or no text.
    """
    if value is None:
        return None
    path = os.path.expanduser(value)
    if os.path.isfile(path):
        try:
            text = pathlib.Path(path).read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"--terms={value}: expected UTF-8 text: {error}.") from None
    elif os.path.isdir(path) or re.fullmatch(r"(?!\w+://)\S*(/\S*|\.[a-z]+)", value):
        raise UserError(f"--terms={value}: no such file; expected one, or a text.")
    else:
        text = value
    if not text.strip():
        raise UserError(f"--terms={value}: empty, expected the source data's terms.")
    return text.strip()


def check_texts(texts, patients):
    """Refuses what a user wrote if it has a patient's id; does not print the id."""
    ids = [re.escape(p) for p in sorted(patients) if len(p) >= SHORTEST_ID]
    for flag, text in texts.items():
        if ids and (found := re.search(rf"(?<!\w)({'|'.join(ids)})(?!\w)", text)):
            raise UserError(
                f"--{flag}: has the id of a training patient at character"
                f" {found.start() + 1}; expected a text without."
            )


def describe_images(shard_sets):
    """Number, size, classes and intensities of all images, and how many differ."""
    counts = np.zeros(256, np.int64)
    images = set()
    labels = {}
    total = sum(map(len, shard_sets))
    with tqdm.tqdm(total=total, desc=BINARY, unit="img") as progress:
        for shard_set in shard_sets:
            for label, number in shard_set.label_counts.items():
                labels[label] = labels.get(label, 0) + number
            for record in shard_set.records():
                counts += np.bincount(record.image.ravel(), minlength=256)
                images.add(hashlib.sha256(record.image).digest())
                progress.update()
    levels = np.flatnonzero(counts)
    return {
        "num_images": total,
        "num_distinct": len(images),
        "images_per_label": labels,
        "image_sizes": sorted({shard_set.image_size for shard_set in shard_sets}),
        "intensities": {
            "min": int(levels[0]),
            "max": int(levels[-1]),
            "mean": float(counts @ np.arange(256) / counts.sum()),
        },
    }


def main(settings):
    write_card(**settings)
