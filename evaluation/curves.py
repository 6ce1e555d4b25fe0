"""Curves of trainings from their logs."""

import collections
import re

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import ScalarFormatter

from evaluation.experiment import prefix_of
from evaluation.figures import COLOURS, LINE_COLOURS, draw, draw_panels

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


def draw_losses(trainings):
    """What networks of one kind were trained by: a panel per loss, a colour per run.

    Losses of domains a and b of UNIT share a panel: a solid, b dashed.

    Args:
      trainings: list of `Training` of one binary, with a log.

    Returns:
      A matplotlib figure.
    """
    names = dict.fromkeys(
        loss_of(key)[0]
        for training in trainings
        for line in training.log
        for key in line
        if is_loss(key)
    )

    def paint(figure, panels):
        for panel, name in zip(panels, names):
            for training, colour in zip(trainings, LINE_COLOURS * len(trainings)):
                _paint_loss(panel, training, name, colour)
            _paint_stages(panel, trainings[0])
            panel.set_title(name.replace("_", " "), fontsize=8)
            panel.tick_params(labelsize=7)
            panel.ticklabel_format(axis="x", scilimits=(-4, 4))
        figure.supxlabel("step", fontsize=8)
        handles = [
            Line2D([], [], color=colour, label=training.name)
            for training, colour in zip(trainings, LINE_COLOURS * len(trainings))
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=4, frameon=False)

    return draw_panels(
        names,
        lambda columns: max(2.3 * columns, 4),
        lambda lines: 1.7 * lines + 0.6,
        paint,
    )


def is_loss(key):
    """Whether a key of a log's line is a curve among the losses."""
    return key not in FACTS and not key.startswith("swd")


def loss_of(key):
    """`cycle_loss_b` to its panel and line style, `("cycle_loss", "--")`."""
    domain = re.search(r"_([ab])$", key)
    return key[:-2] if domain else key, "--" if domain and domain[1] == "b" else "-"


def _paint_loss(panel, training, name, colour):
    keys = dict.fromkeys(key for line in training.log for key in line)
    for key in keys:
        if is_loss(key) and loss_of(key)[0] == name:
            steps, values = curve(training.log, key)
            style = loss_of(key)[1]
            panel.plot(steps, values, style, color=colour, linewidth=0.9)


def curve(log, key):
    """Steps and values of a log, means of neighbours where there are very many.

    Returns:
      Two float64 arrays of at most `MAX_POINTS`; lines without a number are left out.
    """
    points = np.array(
        [
            (line["step"], line[key])
            for line in log
            if isinstance(line.get(key), (int, float))
        ],
        np.float64,
    ).reshape(-1, 2)
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
    """Curves of classifiers: grey on training images, coloured on validation images.

    A circle marks the epoch whose weights were kept.

    Args:
      trainings: list of `Training`; runs that differ in a last `/seed-N`, or in the
        fold or chain, share a panel.
      measure: one of `OF_DETECTORS`.

    Returns:
      A matplotlib figure.
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
                kept = curve(kept_epoch(run), validated)
                panel.plot(*kept, "o", color=colour, mfc="white", ms=5)
            group, _, mix = name.removeprefix("classifier/").rpartition("/")
            panel.set_title(mix, fontsize=7)
            panel.text(
                0.97, 0.05, group, ha="right", fontsize=7, transform=panel.transAxes
            )
            panel.tick_params(labelsize=7)
            panel.set_ylim(0, highest)
        figure.supxlabel("step", fontsize=8)

    return draw_panels(
        rows,
        lambda columns: max(2.3 * columns, 3),
        lambda lines: 1.7 * lines + 0.3,
        paint,
        sharey=True,
    )


def kept_epoch(training):
    """The lines of a classifier's log about the epoch kept, once it has ended."""
    best = training.finished.get("best_epoch")
    return [line for line in training.log if best and line.get("epoch") == best]


def draw_distances(training):
    """The sliced Wasserstein distances that a PGGAN's training has measured.

    Args:
      training: a `Training` with some in its log.

    Returns:
      A matplotlib figure.
    """

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
