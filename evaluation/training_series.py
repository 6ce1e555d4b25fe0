"""The endless series of real and synthetic images that a reader is trained on."""

import itertools

import numpy as np

from dataset.errors import UserError
from dataset.image_sets import concatenated, open_image_set, open_named_sets
from dataset.records import LABEL_NAMES, label_name
from evaluation.turing_images import draw_images, equal_size

REAL = "real"


class Series:
    """Images of some classes, half of them real, in an order for each reader.

    Every image is, with equal chances, real or synthetic, then of one of the sources
    of its kind, then of one of the classes. No image comes again before all of its
    source and class have come, and neither does a patient (`draw_images`). The order is
    a function of seed and reader.

    Args:
      real_dirs, synthetic_dirs, classes, seed: the flags.

    Attributes:
      image_size: height and width at which all are shown, in pixels.
      inputs: by source, the digests of its sets, in order.

    Raises:
      UserError: no set, set of both kinds, or a class of which a source has no image.
    """

    def __init__(self, real_dirs, synthetic_dirs, classes, seed):
        unknown = [name for name in classes if name not in LABEL_NAMES]
        if unknown or not classes or len({*classes}) < len(classes):
            expected = ", ".join(LABEL_NAMES)
            raise UserError(
                f"--classes={','.join(classes)}: expected some of {expected}."
            )
        synthetic = open_named_sets(synthetic_dirs, "synthetic_dirs")
        self._sources = {REAL: open_image_set(REAL, real_dirs, "real_dirs")}
        for images in synthetic:
            if images.name == REAL:
                raise UserError(f"--synthetic_dirs={REAL}=...: expected another name.")
            for directory, digest in images.digests.items():
                if digest in self._sources[REAL].digests.values():
                    raise UserError(
                        f"--synthetic_dirs: {directory} is among --real_dirs, too."
                    )
            self._sources[images.name] = images
        self._classes, self._seed = classes, seed
        self._entries = {
            (source, name): self._entries_of(source, name)
            for source in self._sources
            for name in classes
        }
        every = [shards for s in self._sources.values() for shards in s.shard_sets]
        self.image_size = min(shards.image_size for shards in every)
        self.inputs = {
            name: list(images.digests.values())
            for name, images in self._sources.items()
        }

    def _entries_of(self, source, name):
        images = self._sources[source]
        entries = [
            {"position": n, "label": int(label), "patient": patient}
            for n, (label, patient) in enumerate(zip(images.labels, images.patients))
            if label_name(label) == name
        ]
        if not entries:
            flag = "--real_dirs" if source == REAL else f"--synthetic_dirs={source}"
            raise UserError(
                f"{flag}: no image of --classes={name}; expected one at least."
            )
        return entries

    def of_reader(self, reader):
        """Yields dicts of `source`, `position` in it, `label`, `patient`, endlessly."""
        synthetic = sorted(self._sources.keys() - {REAL})
        decks = {key: [] for key in self._entries}
        for number in itertools.count():
            draws = np.random.default_rng([self._seed, number, *reader.encode()])
            source = REAL if draws.integers(2) else str(draws.choice(synthetic))
            name = str(draws.choice(self._classes))
            deck, entries = decks[source, name], self._entries[source, name]
            if not deck:
                deck += draw_images(entries, name, len(entries), draws, source)[::-1]
            yield {"source": source, **deck.pop()}

    def image(self, entry):
        """The image of an entry, uint8 [image_size, image_size]."""
        locate = concatenated(self._sources[entry["source"]].shard_sets)
        shard_set, position = locate(entry["position"])
        return equal_size(shard_set.record(position).image, self.image_size)
