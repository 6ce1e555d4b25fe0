"""Which images are compared with which, and their features.

Both sides of a comparison are equally many images of the same classes.

A distance depends on how many images it is measured on, and no two sets have distance
0. So every set is compared with a random half of the real images, and so is the other
half: the real-against-real floor, which tells what a value of the others is worth. Such
halves share patients, whose slices are alike: hardly anything new can come nearer. A
second floor is of halves that share no patient, where patients are known: two groups of
patients differ, and what was made from all of them can come nearer than that.
"""

import dataclasses
import itertools

import numpy as np
import tqdm

from dataset.errors import UserError
from dataset.image_sets import ImageSet
from dataset.records import label_name
from evaluation.bootstrap import number_patients
from features.extraction import BATCH_SIZE

SAME_PATIENTS, OTHER_PATIENTS = "real, same patients", "real, other patients"
MIN_IMAGES = 8


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two draws of equally many images of each class."""

    name: str  # Of the row that it belongs to.
    reference: np.ndarray  # Positions in the real set.
    images: ImageSet  # What is compared with it.
    positions: np.ndarray  # In that set.
    split: int  # Number of the split of the real images that they are from.


def halves(patients, seed):
    """Splits images at random into two halves of about the same size.

    Returns:
      Two arrays of positions. A patient is in one of them, as for `number_patients`.
    """
    draws = np.random.default_rng(seed)
    num_patients, owner = number_patients(patients)
    counts = np.bincount(owner)
    half_of, sizes = np.zeros(num_patients, int), [0, 0]
    for n in draws.permutation(num_patients):
        half_of[n] = np.argmin(sizes)
        sizes[half_of[n]] += counts[n]
    return [np.flatnonzero(half_of[owner] == half) for half in (0, 1)]


def plan_comparisons(real, candidates, *, num_splits, num_images, seed):
    """Splits the real images several times and draws what is compared each time.

    Args:
      real, candidates: an `ImageSet`, and a list of them.
      num_splits, num_images, seed: as the flags.

    Returns:
      `Comparison`s of the floors, then of each candidate.

    Raises:
      UserError: a set lacks a class or images.
    """
    splits = _split(real, num_splits, seed)
    # Name of a row, what is compared, with which halves of the real images, and a seed.
    rows = [(name, real, pairs, 1) for name, pairs in splits.items()]
    for images in candidates:
        pairs = [(half, np.arange(len(images))) for half, _ in splits[SAME_PATIENTS]]
        rows.append((images.name, images, pairs, 2))
    sources = [
        (f"half of --real_dirs, {name}", real.labels[half])
        for name, pairs in splits.items()
        for half in itertools.chain(*pairs)
    ]
    sources += [(images.name, images.labels) for images in candidates]
    counts = _counts_per_class(sources, np.unique(real.labels), num_images)

    def draw(images, among, *draw_seed):
        draws = np.random.default_rng([seed, *draw_seed])
        return among[_draw(images.labels[among], counts, draws)]

    return [
        Comparison(name, draw(real, half, n, 0), images, draw(images, among, n, own), n)
        for name, images, pairs, own in rows
        for n, (half, among) in enumerate(pairs)
    ]


def _split(real, num_splits, seed):
    """By name of the floor, the halves of each split of the real images."""
    owners = {SAME_PATIENTS: [""] * len(real)}
    if len(set(filter(None, real.patients))) > 1:
        owners[OTHER_PATIENTS] = real.patients
    return {
        name: [halves(patients, [seed, n]) for n in range(num_splits)]
        for name, patients in owners.items()
    }


def _counts_per_class(sources, classes, num_images):
    """By label, the images that every source can give.

    Differing shares of tumor images would otherwise be measured as differing images.
    """
    counts = {}
    for label in classes:
        name, least = min(
            ((name, np.count_nonzero(labels == label)) for name, labels in sources),
            key=lambda source: source[1],
        )
        if not least:
            raise UserError(
                f"{name} has no {label_name(label)} images, but --real_dirs has; every"
                " comparison is of the same classes."
            )
        counts[label] = (least, name)
    total = sum(least for least, _ in counts.values())
    if max(num_images, MIN_IMAGES) > total:
        limits = ", ".join(
            f"{least} {label_name(label)} images ({name})"
            for label, (least, name) in counts.items()
        )
        raise UserError(
            f"--num_images={num_images}: no comparison can have more than {limits};"
            f" expected {MIN_IMAGES} in all at least, 0 for as many as there are."
        )
    share = (num_images or total) / total
    return {label: max(1, round(least * share)) for label, (least, _) in counts.items()}


def _draw(labels, counts, draws):
    """Positions of `counts[label]` images of each label, in random order."""
    chosen = [
        draws.choice(np.flatnonzero(labels == label), count, replace=False)
        for label, count in counts.items()
    ]
    return draws.permutation(np.concatenate(chosen))


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some images of a set."""

    images: np.ndarray  # uint8 [images, size, size]
    labels: np.ndarray  # int64 [images]
    features: np.ndarray | None = None  # float32 [images, features], if needed.


class SampleReader:
    """Reads `Sample`s of image sets.

    Args:
      size: to which images are zero-padded, in pixels.
      extractor: see `features.extraction.build_extractor`; None for no features.
      real: `ImageSet` that gives features that have units of their own a common one.
    """

    def __init__(self, size, extractor, real):
        self._size = size
        self._extractor = extractor
        self._features = {}
        self._offset, self._scale = 0.0, 1.0
        # A network's are left as they are: FID and KID are defined on those.
        if extractor and len(extractor.blocks) > 1:
            everything = self.features(real, range(len(real)))
            self._offset = everything.mean(axis=0)
            self._scale = block_scale(everything, extractor.blocks)

    def read(self, images, positions):
        """The `Sample` of some positions of an `ImageSet`."""
        features = self.features(images, positions) if self._extractor else None
        pixels = images.read(positions, self._size)
        return Sample(pixels, images.labels[positions], features)

    def features(self, images, positions):
        """Features of some positions of an `ImageSet`, float32 [positions, features].

        Several blocks have units of their own: all are brought to mean 0 and the same
        part of the variance over the real images.
        """
        known = self._features.setdefault(images.name, {})
        missing = [n for n in positions if n not in known]
        starts = range(0, len(missing), BATCH_SIZE)
        title = f"features of {images.name}"
        for start in tqdm.tqdm(starts, title, leave=False, disable=not missing):
            some = missing[start : start + BATCH_SIZE]
            batch = images.read(some, self._size)[..., None]
            known.update(zip(some, self._extractor(batch).numpy()))
        raw = np.stack([known[n] for n in positions])
        return (raw - self._offset) / self._scale


def block_scale(features, blocks):
    """By what to divide features so that every block varies as much in all.

    Args:
      features: float32 [images, features].
      blocks: dict of names to slices of the features.

    Returns:
      float32 [features]; what is divided by it has variances of mean 1.
    """
    variances = features.var(axis=0)
    scale = np.empty_like(variances)
    for block in blocks.values():
        share = len(variances) / len(blocks)
        scale[block] = np.sqrt(max(variances[block].sum(), 1e-8) / share)
    return scale
