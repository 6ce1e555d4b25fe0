"""The sections of the report of an experiment: what they show, and what is missing."""

import collections
import dataclasses
import os
from collections.abc import Mapping, Sequence

from dataset.errors import UserError
from dataset.folders import read_json
from dataset.shards import PROJECT_VERSION
from evaluation.documents import (
    memorisation_document,
    quality_document,
    turing_document,
)
from evaluation.experiment import Experiment, prefix_of, read_slices
from evaluation.learning_curve_document import document as learning_curve_document
from evaluation.table_document import document as table_document
from evaluation.table_document import selection_document
from evaluation.tables import Gallery, Heading, Picture, Table, Text
from evaluation.trainings import samples, trainings

# What `dataset.prepare` and `dataset.import_images` report, and how to say it.
REPORTED = {
    "bad_cases": "Cases, refused",
    "bad_files": "Files, refused",
    "copies": "Cases, copies of others",
}
MAX_SVG_BYTES = 400_000
SPLITS = ("train", "validation", "test")
DOCUMENTS = {  # By the name of a JSON file, what makes a document of its content.
    "table": table_document,
    "learning_curve": learning_curve_document,
    "turing": turing_document,
    "quality": quality_document,
    "memorisation": memorisation_document,
}
FIGURES = {  # By the same name, its figures' names and captions.
    "table": {
        "intervals": "Every row's intervals: thick over patients, thin Wilson's.",
        "roc": "ROC curves; grey is the row that a row is compared with.",
    },
    "learning_curve": {
        "learning_curve": "By number of training patients; bars are 95 % intervals over"
        " test patients."
    },
    "memorisation": {
        "memorisation_distances": "Distances to the nearest training image.",
        "memorisation_pairs": "The closest pairs.",
    },
}
# Anchor, heading, and what makes the section's content.
OUTLINE = (
    ("data", "Images", "dataset.prepare"),
    ("table-1", "Table 1: tumor detection", "evaluation.table"),
    ("learning-curve", "Learning curve", "evaluation.learning_curve"),
    ("selection", "Selection of the refiners' steps", "evaluation.select"),
    ("table-2", "Table 2: Visual Turing Test", "evaluation.turing_test, by readers"),
    ("figure-5", "Figure 5: images kept and discarded", "filtering.discard"),
    ("figure-6", "Figure 6: before and after refining", "the refine of a refiner"),
    ("figure-7", "Figure 7: t-SNE", "evaluation.tsne"),
    ("quality", "Quality of the synthetic images", "evaluation.quality"),
    ("memorisation", "Memorisation", "evaluation.quality --held_out_dirs"),
    ("trainings", "Trainings", "pggan.train, classifier.train and others"),
    ("samples", "Images while GANs were trained", "pggan.train and others"),
)


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page."""

    anchor: str  # Its id.
    title: str  # Its heading.
    parts: list  # A document; empty if the experiment has none of it.
    absence: str  # The program that makes it.


def build_sections(
    experiment: Experiment, folders: Mapping[str, Sequence[str]]
) -> list[Section]:
    """All sections in order.

    Args:
      folders: by program, `table`, `learning_curve`, `turing`, `tsne` and `quality`,
        those of its output.
    """
    contents = {
        "data": data(experiment),
        "table-1": results(experiment, folders["table"], "table"),
        "learning-curve": results(
            experiment, folders["learning_curve"], "learning_curve"
        ),
        "selection": selections(experiment),
        "table-2": results(experiment, folders["turing"], "turing"),
        "figure-5": pictures(experiment, "kept_and_discarded.png"),
        "figure-6": refined(experiment),
        "figure-7": embeddings(experiment, folders["tsne"]),
        "quality": results(experiment, folders["quality"], "quality"),
        "memorisation": results(experiment, folders["quality"], "memorisation"),
        "trainings": trainings(experiment),
        "samples": samples(experiment),
    }
    return [
        Section(anchor, title, contents[anchor], absence)
        for anchor, title, absence in OUTLINE
    ]


def data(experiment):
    """Counts of slices and patients, of every fold."""
    paths = experiment.prepared("slices.csv")
    if not paths:
        return []
    counted = Table(["", "Patients", "Tumor images", "Non-tumor images"])
    for path in paths:
        slices = read_slices(experiment.full(path))
        for split in SPLITS:
            own = slices[slices.part == split]
            counts = [(own.verdict == label).sum() for label in ("tumor", "non_tumor")]
            if len(own):
                name = prefix_of(path) + split
                counted.rows.append([name, own.patient.nunique(), *counts])
    parts = [counted]
    # The same in all folds, as are the cases below.
    reasons = collections.Counter(slices.reason[slices.part == ""])
    if reasons:
        left_out = "; ".join(f"{why}: {n:,}" for why, n in reasons.most_common())
        parts.append(Text(f"Slices left out: {left_out}."))
    for report in experiment.prepared("report.json")[:1]:
        for key, words in REPORTED.items():
            cases = read_json(experiment.full(report)).get(key) or {}
            if cases:
                listed = "; ".join(f"{case}: {why}" for case, why in cases.items())
                parts.append(Text(f"{words}: {listed}."))
    sets = Table(["Shard set", "Made by", "Images", "Tumor", "Non-tumor", "Size (px)"])
    for name, manifest in experiment.shard_sets.items():
        counts = manifest.get("images_per_label", {})
        cells = [f"{counts.get(label, 0):,}" for label in ("tumor", "non_tumor")]
        total = f"{manifest.get('num_images', 0):,}"
        made_by, size = (manifest.get(key, "") for key in ("binary", "image_size"))
        sets.rows.append([name, made_by, total, *cells, size])
    return [*parts, sets]


def results(experiment, folders, name):
    """The document of a program's results in each folder, and its figures."""
    parts = []
    for folder in folders:
        path = os.path.join(folder, f"{name}.json")
        if os.path.exists(path):
            if len(folders) > 1:
                parts.append(Heading(os.path.relpath(folder, experiment.path)))
            parts += read_document(path, DOCUMENTS[name])
            for own, caption in FIGURES.get(name, {}).items():
                parts += figure(folder, own, caption)
    return parts


def selections(experiment):
    """Which step of each refiner was taken."""
    parts = []
    for path in experiment.files["selection.json"]:
        parts.append(Heading(os.path.dirname(path)))
        parts += read_document(experiment.full(path), selection_document)
    return parts


def read_document(path, make):
    """The document of a JSON file of results.

    A file of another version may lack what the document shows: its Markdown, which was
    written with it, is shown as it is.
    """
    content = read_json(path)
    try:
        return make(content)
    except (KeyError, TypeError):
        if content.get("project_version") == PROJECT_VERSION:
            raise
        markdown = os.path.splitext(path)[0] + ".md"
        if not os.path.exists(markdown):
            raise UserError(
                f"{path}: incomplete, and no {markdown} beside it."
            ) from None
        with open(markdown, encoding="utf-8") as file:
            return [Text(file.read(), kind="verbatim")]


def figure(folder, name, caption):
    """A figure that is there as PNG and SVG: the SVG unless it is very large."""
    png, svg = (os.path.join(folder, f"{name}.{kind}") for kind in ("png", "svg"))
    if os.path.exists(svg) and os.path.getsize(svg) <= MAX_SVG_BYTES:
        with open(svg, "rb") as file:
            return [Picture(caption, svg=file.read())]
    return [Picture(caption, path=png)] if os.path.exists(png) else []


def pictures(experiment, name):
    """All pictures of a file name, captioned by folder."""
    return [
        Picture(os.path.dirname(path), path=experiment.full(path))
        for path in experiment.files[name]
    ]


def refined(experiment):
    """The refiners' pictures, explained."""
    found = pictures(experiment, "before_after.png")
    rows = "In each, from above: PGGAN's images, refined, and what has changed."
    return [Text(rows), Gallery(found, large=True)] if found else []


def embeddings(experiment, folders):
    """Figures of t-SNE, captioned by their folder."""
    return [
        picture
        for folder in folders
        for picture in figure(folder, "tsne", os.path.relpath(folder, experiment.path))
    ]
