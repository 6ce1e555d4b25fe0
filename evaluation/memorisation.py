"""Whether synthetic images are copies of training images.

Each image's nearest training image is found (`neighbours`). How near is too near is
read off real images: those of patients whom the generator never saw are as near
to its training images as chance has it, and neighbouring slices of one patient as near
as a copy. The rule, per class:

  close  nearer to a training image than 99 % of the images of unseen patients. A set
         follows its training images too closely if surely more of its images are close
         than of theirs (their 95 % Wilson intervals do not meet).
  copy   as near as nine in ten training images are to the next one, and close. A set
         holds copies if a larger share of its images are than of unseen patients'.

Brightness, contrast, mirroring, shifts by up to 1/32 of the size and light noise do not
hide a copy. Rotated, stretched or partial copies are not found. Slices of few unseen
patients are no wide choice of what is by chance: the intervals take them for many.
"""

import dataclasses
import os

import numpy as np
import tqdm

from dataset.errors import UserError
from dataset.image_sets import ImageSet
from dataset.records import label_name
from evaluation.documents import memorisation_document
from evaluation.figures import write_figure
from evaluation.memorisation_figures import PAIRS, distance_figure, pairs_figure
from evaluation.neighbours import NearestImages, Neighbour
from evaluation.statistics import wilson_interval
from evaluation.tables import Table, write_results

HELD_OUT = "held-out real images"
TRAINING = "training images, to the nearest other one"
CLOSE_PERCENTILE = 1
COPY_PERCENTILE = 90
MIN_HELD_OUT = 8
BATCH = 256
COLUMNS = (
    *("set", "id", "label", "nearest_id", "nearest_patient", "distance"),
    *("close", "copy", "mirrored", "down", "right"),
)


@dataclasses.dataclass(frozen=True)
class Search:
    """The nearest training images of a set's images."""

    images: ImageSet
    positions: np.ndarray  # In it, int [images].
    neighbours: list[Neighbour]

    @property
    def distances(self):
        return np.array([neighbour.distance for neighbour in self.neighbours])

    @property
    def labels(self):
        return self.images.labels[self.positions]


def write_memorisation(training, held_out, synthetic, output_dir, origin):
    """Writes `memorisation.md`, `.csv`, `.json`, `_pairs` and `_distances` figures.

    Args:
      training, held_out, synthetic: two `ImageSet`s, and a list of them.
      output_dir: an existing folder.
      origin: dict for the JSON file: what this is made of and with, among it
        `image_size` and, of the `settings`, `memorisation_images` and `seed`.

    Returns:
      The Markdown.

    Raises:
      UserError: a held-out patient is a training patient, or images are too few.
    """
    size, settings = origin["image_size"], origin["settings"]
    number, seed = settings["memorisation_images"], settings["seed"]
    searches = search_all(training, held_out, synthetic, size, number, seed)
    limits = thresholds(searches)
    path = os.path.join(output_dir, "memorisation")
    styles = {TRAINING: ("black", ":"), HELD_OUT: ("black", "-")}
    write_figure(distance_figure(searches, limits, styles), path + "_distances")
    pairs = {}
    for images in synthetic:
        search = searches[images.name]
        chosen = closest_pairs(search, PAIRS)
        above = images.read(search.positions[chosen], size)
        below = training.read([search.neighbours[n].position for n in chosen], size)
        pairs[images.name] = above, below, search.distances[chosen]
    write_figure(pairs_figure(pairs), path + "_pairs")
    content = {
        **origin,
        "training_images": len(training),
        "limits": {label_name(label): values for label, values in limits.items()},
        "sets": apply_rule(searches, limits),
    }
    lines = neighbours_table(searches, limits, training)
    return write_results(path, content, memorisation_document, lines)


def search_all(training, held_out, synthetic, size, num_images, seed):
    """Finds the nearest training image of every image.

    Args:
      size: to which images are zero-padded, in pixels.
      num_images: of each synthetic set, chosen by `seed`; 0 for all.

    Returns:
      A dict of row names to `Search`es: held-out, training, each synthetic set's.
    """
    _check(training, held_out, synthetic)
    nearest = NearestImages(training.read(range(len(training)), size))
    jobs = {HELD_OUT: held_out, TRAINING: training}
    jobs |= {images.name: images for images in synthetic}
    searches = {}
    for name, images in jobs.items():
        positions = np.arange(len(images))
        if images in synthetic and 0 < num_images < len(images):
            draws = np.random.default_rng([seed, 3])
            positions = np.sort(draws.choice(positions, num_images, replace=False))
        found = []
        for some in tqdm.tqdm(
            np.array_split(positions, -(-len(positions) // BATCH)),
            f"nearest images: {name}",
            unit="batch",
        ):
            exclude = some if images is training else None
            found.extend(nearest.search(images.read(some, size), exclude))
        searches[name] = Search(images, positions, found)
    return searches


def _check(training, held_out, synthetic):
    shared = set(filter(None, training.patients)) & set(held_out.patients)
    if shared:
        raise UserError(
            f"--held_out_dirs: patient {min(shared)!r} is in --real_dirs, too; expected"
            " images of patients that the generators never saw."
        )
    if len(training) < 2:
        raise UserError(f"--real_dirs: {len(training)} image, expected two at least.")
    classes = np.unique(training.labels)
    flags = [("--held_out_dirs", held_out)]
    flags += [(f"--synthetic_dirs={images.name}", images) for images in synthetic]
    for flag, images in flags:
        for label in np.union1d(classes, images.labels):
            count = np.count_nonzero(images.labels == label)
            least = MIN_HELD_OUT if images is held_out else 1
            if label not in classes or count < least:
                raise UserError(
                    f"{flag}: has {count} {label_name(label)} images, --real_dirs"
                    f" {np.count_nonzero(training.labels == label)}; expected the"
                    f" same classes, and {least} of each at least."
                )


def thresholds(searches):
    """By label, the distances below which an image is close and a copy."""
    held_out, training = searches[HELD_OUT], searches[TRAINING]
    limits = {}
    for label in np.unique(training.labels):
        unseen = held_out.distances[held_out.labels == label]
        following = training.distances[training.labels == label]
        close = np.percentile(unseen, CLOSE_PERCENTILE)
        copy = np.percentile(following, COPY_PERCENTILE)
        limits[int(label)] = {"close": float(close), "copy": float(min(close, copy))}
    return limits


def apply_rule(searches, limits):
    """Applies the rule to the held-out images and to every synthetic set.

    Returns:
      By name, a dict of `images`, `close`, `close_share` with its interval `low` and
      `high`, `copies`, percentiles of the distances, `verdict` (None for the held-out
      images), and the number of distinct training images that close ones go back to,
      `sources`.
    """
    rows = {
        name: _count_close(search, limits)
        for name, search in searches.items()
        if name != TRAINING
    }
    unseen = rows[HELD_OUT]
    for name, row in rows.items():
        row["verdict"] = "no nearer to training images than unseen patients are"
        if name == HELD_OUT:
            row["verdict"] = None
        elif row["copies"] * unseen["images"] > unseen["copies"] * row["images"]:
            row["verdict"] = "holds copies of training images"
        elif row["low"] > unseen["high"]:
            row["verdict"] = (
                "follows training images more closely than unseen patients do"
            )
    return rows


def _count_close(search, limits):
    close = is_below(search, limits, "close")
    low, high = wilson_interval(close.mean(), len(close))
    sources = {n.position for n, near in zip(search.neighbours, close) if near}
    percentiles = np.percentile(search.distances, [0, 1, 50])
    return {
        "images": len(close),
        "close": int(close.sum()),
        "close_share": float(close.mean()),
        "low": low,
        "high": high,
        "copies": int(is_below(search, limits, "copy").sum()),
        "sources": len(sources),
        **dict(zip(("nearest", "percentile_1", "median"), map(float, percentiles))),
    }


def is_below(search, limits, limit):
    """Whether each image is nearer than its class's limit, bool [images]."""
    bounds = np.array([limits[int(label)][limit] for label in search.labels])
    # An exact copy is below a limit of 0, too: training images that occur twice.
    return (search.distances < bounds) | (search.distances < 1e-5)


def closest_pairs(search, count):
    """Numbers of the images that are nearest to a training image, each to another."""
    order = np.argsort(search.distances, kind="stable")
    sources = [search.neighbours[n].position for n in order]
    _, firsts = np.unique(sources, return_index=True)
    return order[np.sort(firsts)[:count]]


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
