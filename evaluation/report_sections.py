"""The sections of the report of an experiment: what they show, and what is missing."""

import dataclasses
import os

from dataset.shards import read_json
from evaluation.experiment_folder import prefix_of, read_slices
from evaluation.page_images import Gallery, Picture
from evaluation.page_text import Block, read_blocks, text_cells
from evaluation.report_trainings import samples, trainings

# What `dataset.prepare` and `dataset.import_images` report, and how to say it.
REPORTED = {
    "bad_cases": "Cases, refused",
    "bad_files": "Files, refused",
    "copies": "Cases, copies of others",
}
MAX_SVG_BYTES = 400_000
PARTS = ("train", "validation", "test")

# Anchor, heading, and what makes the section's content.
OUTLINE = (
    ("data", "Images", "dataset.prepare"),
    ("table-1", "Table 1: tumor detection", "evaluation.table"),
    ("selection", "Selection of the refiners' steps", "evaluation.select"),
    ("table-2", "Table 2: Visual Turing Test", "evaluation.turing_test, by readers"),
    ("figure-5", "Figure 5: images kept and discarded", "filtering.discard"),
    ("figure-6", "Figure 6: before and after refining", "unit.refine, simgan.refine"),
    ("figure-7", "Figure 7: t-SNE", "evaluation.tsne"),
    ("quality", "Quality of the synthetic images", "evaluation.quality"),
    ("memorisation", "Memorisation", "evaluation.quality --held_out_dirs"),
    ("trainings", "Trainings", "pggan.train, classifier.train and others"),
    ("samples", "Images while GANs were trained", "pggan.train and others"),
)
FIGURES = {  # By the name of a table, its figures' names and captions.
    "table": {
        "intervals": "Every row's intervals: thick over patients, thin Wilson's.",
        "roc": "ROC curves; grey is the row that a row is compared with.",
    },
    "turing": {},
    "quality": {},
    "memorisation": {
        "memorisation_distances": "Distances to the nearest training image.",
        "memorisation_pairs": "The closest pairs.",
    },
}


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
      anchor: its id.
      title: its heading.
      parts: list of `Block`, `Picture` and `Gallery`; empty if nothing is there.
      absence: the program that makes them.
    """

    anchor: str
    title: str
    parts: list
    absence: str


def build_sections(experiment, folders):
    """All sections in order.

    Args:
      experiment: `Experiment`.
      folders: by program, `table`, `turing`, `tsne` and `quality`, where its output is.
    """
    contents = {
        "data": data(experiment),
        "table-1": tables(experiment, folders["table"], "table"),
        "selection": selections(experiment),
        "table-2": tables(experiment, folders["turing"], "turing"),
        "figure-5": pictures(experiment, "kept_and_discarded.png"),
        "figure-6": refined(experiment),
        "figure-7": embeddings(experiment, folders["tsne"]),
        "quality": tables(experiment, folders["quality"], "quality"),
        "memorisation": tables(experiment, folders["quality"], "memorisation"),
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
    rows = [["", "Patients", "Tumor images", "Non-tumor images"]]
    for path in paths:
        images, reasons, patients = read_slices(experiment.full(path))
        for part in sorted(patients, key=PARTS.index):
            counts = [images[part, verdict] for verdict in ("tumor", "non_tumor")]
            rows.append([prefix_of(path) + part, patients[part], *counts])
    blocks = [Block("table", rows=text_cells(rows))]
    if reasons:  # The same in all folds, as are the cases below.
        left_out = "; ".join(f"{why}: {n:,}" for why, n in reasons.most_common())
        blocks.append(Block("text", f"Slices left out: {left_out}."))
    for report in experiment.prepared("report.json")[:1]:
        for key, words in REPORTED.items():
            cases = read_json(experiment.full(report)).get(key) or {}
            if cases:
                listed = "; ".join(f"{case}: {why}" for case, why in cases.items())
                blocks.append(Block("text", f"{words}: {listed}."))
    sets = [["Shard set", "Made by", "Images", "Tumor", "Non-tumor", "Size (px)"]]
    for name, manifest in experiment.shard_sets.items():
        counts = manifest.get("images_per_label", {})
        cells = [f"{counts.get(label, 0):,}" for label in ("tumor", "non_tumor")]
        total = f"{manifest.get('num_images', 0):,}"
        made_by = manifest.get("binary", "")
        sets.append([name, made_by, total, *cells, manifest.get("image_size", "")])
    return [*blocks, Block("table", rows=text_cells(sets))]


def tables(experiment, folders, name):
    """Markdown that a program wrote, taken apart, and its figures."""
    parts = []
    for folder in folders:
        path = os.path.join(folder, f"{name}.md")
        if os.path.exists(path):
            if len(folders) > 1:
                parts.append(Block("heading", os.path.relpath(folder, experiment.path)))
            with open(path, encoding="utf-8") as file:
                parts += read_blocks(file.read())
            for own, caption in FIGURES[name].items():
                parts += figure(folder, own, caption)
    return parts


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
    return [Block("text", rows), Gallery(found, large=True)] if found else []


def embeddings(experiment, folders):
    """Figures of t-SNE, captioned by their folder."""
    return [
        picture
        for folder in folders
        for picture in figure(folder, "tsne", os.path.relpath(folder, experiment.path))
    ]


def selections(experiment):
    """Which step of each refiner was taken."""
    rows = [["Refiner", "Step", "Validation accuracy (%)", "Selected"]]
    for path in experiment.files["selection.json"]:
        content = read_json(experiment.full(path))
        for candidate in content["candidates"]:
            accuracy = candidate["accuracy"]
            cell = f"{100 * accuracy['value']:.2f}" if accuracy else "no result"
            taken = "yes" if candidate["step"] == content["step"] else ""
            rows.append([os.path.dirname(path), candidate["step"], cell, taken])
    return [Block("table", rows=text_cells(rows))] if len(rows) > 1 else []
