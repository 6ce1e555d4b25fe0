"""The memorisation report: Markdown, a line of CSV per image, JSON and two figures."""

import os

import numpy as np

from dataset.folders import write_json, write_text
from dataset.records import label_name
from evaluation import figures
from evaluation.images.memorisation import (
    HELD_OUT,
    TRAINING,
    apply_rule,
    is_below,
    search_all,
    thresholds,
)
from evaluation.tables import Table, Text, to_markdown

PAIRS = 8
COLUMNS = (
    *("set", "id", "label", "nearest_id", "nearest_patient", "distance"),
    *("close", "copy", "mirrored", "down", "right"),
)


def write_memorisation(training, held_out, synthetic, output_dir, origin):
    """Writes `memorisation.md`, `.csv`, `.json`, `_pairs` and `_distances` figures.

    Args:
      training, held_out: `ImageSet`s.
      synthetic: list of `ImageSet`s.
      output_dir: an existing folder.
      origin: dict for the JSON file: what this is made of and with, among it
        `image_size` and, of the `settings`, `memorisation_images` and `seed`.

    Returns:
      The Markdown.

    Raises:
      UserError: see `evaluation.images.memorisation.search_all`.
    """
    size, settings = origin["image_size"], origin["settings"]
    searches = search_all(
        training,
        held_out,
        synthetic,
        size=size,
        num_images=settings["memorisation_images"],
        seed=settings["seed"],
    )
    limits = thresholds(searches)
    rows = apply_rule(searches, limits)
    path = os.path.join(output_dir, "memorisation")
    figures.write_figure(distance_figure(searches, limits), path + "_distances")
    pairs = {
        images.name: read_closest(searches[images.name], training, size)
        for images in synthetic
    }
    figures.write_figure(pairs_figure(pairs), path + "_pairs")
    content = {
        **origin,
        "training_images": len(training),
        "limits": {label_name(label): values for label, values in limits.items()},
        "sets": rows,
    }
    markdown = to_markdown(document(content))
    write_text(path + ".csv", neighbours_table(searches, limits, training).to_csv())
    write_text(path + ".md", markdown)
    write_json(path + ".json", content)
    return markdown


def read_closest(search, training, size):
    """The closest pairs of a set, as `pairs_figure` needs them."""
    chosen = closest_pairs(search, PAIRS)
    sources = [search.neighbours[n].position for n in chosen]
    above = search.images.read(search.positions[chosen], size)
    return above, training.read(sources, size), search.distances[chosen]


def closest_pairs(search, count):
    """Numbers of the images that are nearest to a training image, each to another."""
    chosen, sources = [], set()
    for n in np.argsort(search.distances, kind="stable"):
        source = search.neighbours[n].position
        if source not in sources and len(chosen) < count:
            sources.add(source)
            chosen.append(int(n))
    return chosen


def document(content):
    """The verdict on each set and what it rests on, from `memorisation.json`."""
    header = ("", "Images", "Close", "Copies", "Sources", "Nearest", "1 %", "Median")
    table = Table([*header, "Verdict"])
    for name, row in content["sets"].items():
        share, low, high = (100 * row[key] for key in ("close_share", "low", "high"))
        distances = (row[key] for key in ("nearest", "percentile_1", "median"))
        close = (f"{row['close']}: {share:.2f} %", f"[{low:.2f}, {high:.2f}]")
        table.rows.append(
            [
                *(name, row["images"], close, row["copies"], row["sources"]),
                *(f"{distance:.4f}" for distance in distances),
                row["verdict"] or "the reference",
            ]
        )
    bounds = "; ".join(
        f"{name}: close below {values['close']:.4f}, copy below {values['copy']:.4f}"
        for name, values in content["limits"].items()
    )
    # Files of earlier versions do not have the number.
    total = content.get("training_images", "the")
    notes = (
        f"Distances (1 - correlation) to the nearest of {total} training images."
        f" {bounds}. Close: nearer than 99 % of held-out real images are; in brackets"
        " the 95 % Wilson interval, to be compared with theirs. Copy: as near as nine"
        " in ten training images are to the next. Sources: training images that close"
        " ones go back to. Rotated, stretched or partial copies are not found."
    )
    return [table, Text(notes)]


def neighbours_table(searches, limits, training):
    """One line per held-out and synthetic image: its nearest training image."""
    table = Table(COLUMNS)
    for name, search in searches.items():
        if name == TRAINING:
            continue
        close, copies = (is_below(search, limits, key) for key in ("close", "copy"))
        flags = zip(close.astype(int), copies.astype(int))
        for n, position, flag in zip(search.neighbours, search.positions, flags):
            image = (search.images.ids[position], search.images.labels[position])
            nearest = (training.ids[n.position], training.patients[n.position])
            moved = (int(n.mirrored), *n.shift)
            distance = f"{n.distance:.6f}"
            table.rows.append([name, *image, *nearest, distance, *flag, *moved])
    return table


def distance_figure(searches, limits):
    """For each distance, the share of images that are nearer; one panel per class."""
    styles = {TRAINING: ("black", ":"), HELD_OUT: ("black", "-")}
    others = [colour for colour in figures.COLOURS if colour != "black"]
    named = [name for name in searches if name not in styles]
    styles |= {name: (others[n % len(others)], "-") for n, name in enumerate(named)}

    def paint(figure):
        panels = figure.subplots(1, len(limits), sharey=True, squeeze=False)[0]
        for panel, (label, values) in zip(panels, limits.items()):
            for name, (colour, line) in styles.items():
                search = searches[name]
                distances = np.sort(search.distances[search.labels == label])
                shares = np.arange(1, len(distances) + 1) / len(distances)
                drawn = {"color": figures.COLOURS[colour], "linestyle": line}
                panel.step(distances.clip(1e-5), shares, **drawn, label=name)
            panel.axvline(values["close"], color="0.5", linestyle="--", linewidth=1)
            panel.annotate(
                "close",
                (values["close"], 1.0),
                xycoords=panel.get_xaxis_transform(),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                color="0.4",
            )
            panel.set_xscale("log")
            panel.set_title(label_name(label).replace("_", "-"), loc="left", pad=14)
            panel.set_xlabel("distance to the nearest training image")
        panels[0].set_ylabel("share of images that are nearer")
        handles = panels[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=3, frameon=False)

    return figures.draw(3.6 * len(limits) + 0.4, 3.6, paint)


def pairs_figure(pairs):
    """The closest pairs of each set, the synthetic image above the training image.

    Args:
      pairs: by name, (synthetic uint8 [pairs, size, size], training uint8 [pairs,
        size, size], distances [pairs]).
    """

    def paint(figure):
        blocks = figure.subfigures(len(pairs), 1, squeeze=False)[:, 0]
        for block, (name, (above, below, distances)) in zip(blocks, pairs.items()):
            block.suptitle(f"{name}: above; nearest training image: below", fontsize=9)
            panels = block.subplots(2, PAIRS, squeeze=False)
            for panel in panels.flat:
                panel.set_axis_off()
            for images, line in zip((above, below), panels):
                for image, panel in zip(images, line):
                    panel.imshow(image, cmap="gray", vmin=0, vmax=255)
            for distance, panel in zip(distances, panels[0]):
                panel.set_title(f"{distance:.4f}", fontsize=8)

    return figures.draw(PAIRS, 2.6 * len(pairs), paint)
