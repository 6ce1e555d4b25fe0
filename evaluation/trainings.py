"""Trainings in the report: what they cost, their curves, and images while they ran."""

import collections
import os
import re

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import ScalarFormatter

from evaluation.experiment import prefix_of
from evaluation.figures import (
    COLOURS,
    LINE_COLOURS,
    draw,
    draw_panels,
    encode_figure,
)
from evaluation.tables import Gallery, Heading, Picture, Table

# Of a log's line, what is no curve.
FACTS = {"step", "epoch", "resolution", "alpha", "phase", "seconds_per_step"}
FACTS |= {"learning_rate"}
GREY = "#999999"
DISTANCES = {  # Lines of a distance's panel: key in the log, style, colour, name.
    "swd": (".-", COLOURS["blue"], "to validation patients"),
    "swd_training": ("--", COLOURS["orange"], "to training images"),
    "swd_floor": ("-", GREY, "of these to each other: the floor"),
}
OF_DETECTORS = {  # By measure, keys of training and validation, and the panel's height.
    "loss": ("cross_entropy", "validation_loss", 1.4),  # Twice that of guessing, log 2.
    "accuracy": ("accuracy", "validation_accuracy", 1.02),
}
MAX_POINTS = 300


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
        for caption, figure in _curves(binary, own).items():
            svg = encode_figure(figure, "svg")
            parts.append(Picture(f"{binary}: {caption}", svg=svg))
    return parts


def _curves(binary, trainings):
    """Figures of the trainings of a binary by their captions."""
    if binary != "classifier.train":
        caption = "losses. Grey lines: a new resolution or phase begins."
        return {caption: draw_losses(trainings)}
    colours = (
        "Grey: of training batches; coloured: of the validation images, a colour per"
        " run, with a circle at the epoch kept."
    )
    highest = f"values above {OF_DETECTORS['loss'][-1]} are cut off"
    return {
        f"cross entropy; {highest}. {colours}": draw_detectors(trainings, "loss"),
        f"accuracy. {colours}": draw_detectors(trainings, "accuracy"),
    }


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
        if any("swd" in line for line in training.log):
            caption = (
                f"{training.name}: sliced Wasserstein distance of generated images to"
                " real ones of the same size. Grey vertical lines: a new resolution"
                " begins, at first without its detail."
            )
            figure = encode_figure(draw_distances(training), "svg")
            parts.append(Picture(caption, svg=figure))
        small = [
            sample_picture(training, size, f"step {step:,}", name)
            for size, (step, name) in sorted(last.items())
        ]
        large, real = [small.pop()], f"real-{largest:03d}px.png"
        if real in training.samples:
            large.append(sample_picture(training, largest, "real", real))
        parts += [Gallery(small)] if small else []
        parts.append(Gallery(large, large=True))
    return parts


def sample_picture(training, size, words, name):
    """A grid of images of a training; `size` is 0 where it has one only."""
    caption = f"{size} px, {words}" if size else words
    return Picture(caption, path=os.path.join(training.path, "samples", name))


def draw_losses(trainings):
    """A figure of the losses of `Training`s of one binary.

    A panel per loss, a colour per run; losses of domains a and b share a panel:
    a solid, b dashed.
    """
    keys = [
        dict.fromkeys(key for line in training.log for key in line if is_loss(key))
        for training in trainings
    ]
    names = dict.fromkeys(loss_of(key)[0] for own in keys for key in own)
    coloured = list(zip(trainings, keys, LINE_COLOURS * len(trainings)))

    def paint(figure, panels):
        for panel, name in zip(panels, names):
            for training, own, colour in coloured:
                for key in own:
                    loss, style = loss_of(key)
                    if loss == name:
                        points = curve(training.log, key)
                        panel.plot(*points, style, color=colour, linewidth=0.9)
            _paint_stages(panel, trainings[0])
            panel.set_title(name.replace("_", " "), fontsize=8)
            panel.tick_params(labelsize=7)
            panel.ticklabel_format(axis="x", scilimits=(-4, 4))
        figure.supxlabel("step", fontsize=8)
        handles = [
            Line2D([], [], color=colour, label=training.name)
            for training, _, colour in coloured
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=4, frameon=False)

    return draw_panels(names, 2.3, 1.7, paint, least=4, margin=0.6)


def is_loss(key):
    """Whether a key of a log's line is a curve among the losses."""
    return key not in FACTS and not key.startswith("swd")


def loss_of(key):
    """`cycle_loss_b` to its panel and line style, `("cycle_loss", "--")`."""
    domain = re.search(r"_([ab])$", key)
    return key[:-2] if domain else key, "--" if domain and domain[1] == "b" else "-"


def curve(log, key):
    """Steps and values of a log, means of neighbours where there are very many.

    Two float64 arrays of at most `MAX_POINTS`; lines without a number are left out.
    """
    lines = [line for line in log if isinstance(line.get(key), (int, float))]
    points = [(line["step"], line[key]) for line in lines]
    points = np.array(points, np.float64).reshape(-1, 2)
    parts = np.array_split(points, min(len(points), MAX_POINTS)) if len(points) else []
    return np.array([part.mean(axis=0) for part in parts]).reshape(-1, 2).T


def _paint_stages(panel, training):
    """A thin line where resolution or phase changes."""
    before = None
    for line in training.log:
        stage = line.get("resolution", line.get("phase"))
        if stage != before and before is not None:
            panel.axvline(line["step"], color="#cccccc", linewidth=0.6, zorder=0)
        before = stage


def draw_detectors(trainings, measure):
    """A figure of classifiers' `Training`s, by a measure of `OF_DETECTORS`.

    Grey on training images, coloured on validation images; a circle marks the epoch
    whose weights were kept. Runs that differ in a last `/seed-N`, or in the fold or
    chain, share a panel.
    """
    trained, validated, highest = OF_DETECTORS[measure]
    rows = collections.defaultdict(list)
    for training in trainings:
        name = training.name.removeprefix(prefix_of(training.name))
        rows[re.sub(r"/seed-\d+$", "", name)].append(training)

    def paint(figure, panels):
        for panel, (name, runs) in zip(panels, rows.items()):
            for run, colour in zip(runs, LINE_COLOURS * len(runs)):
                panel.plot(*curve(run.log, trained), color=GREY, linewidth=0.8)
                steps, values = curve(run.log, validated)
                panel.plot(steps, values, ".-", color=colour, linewidth=0.9, ms=3)
                best = run.finished.get("best_epoch")
                kept = [x for x in run.log if best and x.get("epoch") == best]
                kept = curve(kept, validated)
                panel.plot(*kept, "o", color=colour, mfc="white", ms=5)
            group, _, mix = name.removeprefix("classifier/").rpartition("/")
            panel.set_title(mix, fontsize=7)
            panel.text(
                0.97, 0.05, group, ha="right", fontsize=7, transform=panel.transAxes
            )
            panel.tick_params(labelsize=7)
            panel.set_ylim(0, highest)
        figure.supxlabel("step", fontsize=8)

    return draw_panels(rows, 2.3, 1.7, paint, least=3, margin=0.3, sharey=True)


def draw_distances(training):
    """A figure of the sliced Wasserstein distances in the log of PGGAN's `Training`."""

    def paint(figure):
        panel = figure.subplots()
        for key, (style, colour, label) in DISTANCES.items():
            steps, values = curve(training.log, key)
            # A floor holds for the resolution that ends with its last point.
            how = "steps" if key == "swd_floor" else "default"
            panel.plot(
                *(steps, values, style), color=colour, label=label, drawstyle=how, ms=3
            )
        _paint_stages(panel, training)
        panel.set_yscale("log")  # The first resolutions are ten times as far.
        for axis in ("major", "minor"):
            getattr(panel.yaxis, f"set_{axis}_formatter")(ScalarFormatter())
        panel.set_xlabel("step", fontsize=8)
        panel.set_ylabel("SWD x 1,000", fontsize=8)
        panel.tick_params(which="both", labelsize=7)
        panel.ticklabel_format(axis="x", scilimits=(-4, 4))
        figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=8)

    return draw(4.6, 2.4, paint)
