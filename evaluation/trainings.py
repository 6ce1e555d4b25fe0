"""Trainings in the report: what they cost, their curves, and images while they ran."""

import os
import re

from evaluation.curves import OF_DETECTORS, draw_detectors, draw_distances, draw_losses
from evaluation.figures import encode_figure
from evaluation.tables import Gallery, Heading, Picture, Table


def trainings(experiment):
    """How long trainings took, and their curves."""
    table = Table(["Training", "Program", "Steps", "Time", "State"])
    by_binary = {}
    for training in experiment.trainings:
        minutes = training.seconds / 60
        time = f"{minutes:.1f} min" if minutes < 60 else f"{minutes / 60:.1f} h"
        state = "finished" if training.finished else "not finished"
        best = training.finished.get("best_epoch")
        if best:
            accuracy = 100 * training.finished["validation_accuracy"]
            state += f"; best in epoch {best}: {accuracy:.1f} % of validation images"
        if training.finished.get("stopped_when_flat"):
            images = training.finished["best_distance_at_image"]
            state += f"; its distance has not fallen since {images:,} images"
        cells = [training.name, training.binary, f"{training.steps:,}", time, state]
        table.rows.append(cells)
        if training.log:
            by_binary.setdefault(training.binary, []).append(training)
    parts = [table] if table.rows else []
    for binary, own in by_binary.items():
        if binary == "classifier.train":
            parts += detector_curves(own)
            continue
        caption = f"{binary}: losses. Grey lines: a new resolution or phase begins."
        parts.append(Picture(caption, svg=encode_figure(draw_losses(own), "svg")))
    return parts


def detector_curves(trainings):
    """How the classifiers' loss and accuracy went, and which epoch was kept."""
    curves = {
        "loss": f"cross entropy; values above {OF_DETECTORS['loss'][-1]} are cut off",
        "accuracy": "accuracy",
    }
    return [
        Picture(
            f"classifier.train: {words}. Grey: of training batches; coloured: of the"
            " validation images, a colour per run, with a circle at the epoch kept.",
            svg=encode_figure(draw_detectors(trainings, measure), "svg"),
        )
        for measure, words in curves.items()
    ]


def samples(experiment):
    """Grids of images: PGGAN's last of each resolution, and real ones; others' last."""
    parts = []
    for training in experiment.trainings:
        last = {}
        for name in training.samples:
            found = re.fullmatch(r"(?:(\d+)px-.*)?step-(\d+)\.png", name)
            if found:
                size, step = int(found[1] or 0), int(found[2])
                last[size] = max(last.get(size, (0, "")), (step, name))
        if not last:
            continue
        parts.append(Heading(training.name))
        largest = max(last)
        grids = {
            size: sample_pictures(training, size, *last[size]) for size in sorted(last)
        }
        parts += distance_pictures(training)
        small = [grid[0] for size, grid in grids.items() if size != largest]
        parts += [Gallery(small)] if small else []
        parts.append(Gallery(grids[largest], large=True))
    return parts


def distance_pictures(training):
    """The curve of the distance to real images, where one was measured: a list."""
    if not any("swd" in line for line in training.log):
        return []
    caption = (
        f"{training.name}: sliced Wasserstein distance of generated images to real ones"
        " of the same size. Grey vertical lines: a new resolution begins, at first"
        " without its detail."
    )
    return [Picture(caption, svg=encode_figure(draw_distances(training), "svg"))]


def sample_pictures(training, size, step, name):
    """A grid of a step and, for PGGAN, the grid of real images of the same size."""
    words = f"{size} px, " if size else ""
    folder = os.path.join(training.path, "samples")
    found = [Picture(f"{words}step {step:,}", path=os.path.join(folder, name))]
    real = f"real-{size:03d}px.png"
    if real in training.samples:
        found.append(Picture(f"{words}real", path=os.path.join(folder, real)))
    return found
