"""The figures of the memorisation report: distances, and the closest pairs."""

import numpy as np

from dataset.records import label_name
from evaluation.figures import COLOURS, draw

PAIRS = 8


def distance_figure(searches, limits, styles):
    """For each distance, the share of images that are nearer; one panel per class.

    Args:
      searches: `Search`es by name.
      limits: by label, a dict with `close`.
      styles: colour and line of those of real images, by name.
    """
    others = [colour for colour in COLOURS if colour != "black"]
    named = [name for name in searches if name not in styles]
    styles = styles | {
        name: (others[n % len(others)], "-") for n, name in enumerate(named)
    }

    def paint(figure):
        panels = figure.subplots(1, len(limits), sharey=True, squeeze=False)[0]
        for panel, (label, values) in zip(panels, limits.items()):
            for name, (colour, line) in styles.items():
                search = searches[name]
                distances = np.sort(search.distances[search.labels == label])
                shares = np.arange(1, len(distances) + 1) / len(distances)
                drawn = {"color": COLOURS[colour], "linestyle": line}
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

    return draw(3.6 * len(limits) + 0.4, 3.6, paint)


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

    return draw(PAIRS, 2.6 * len(pairs), paint)
