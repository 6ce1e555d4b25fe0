"""Images of shard sets under one name, padded to one size and read by position."""

import dataclasses
import itertools

import numpy as np

from dataset.errors import UserError
from dataset.shards import ShardSet


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """The images of some shard sets, one set after another.

    Attributes:
      name: in the results.
      shard_sets: list of `ShardSet`s.
      labels: int64 [images]: 0 non-tumor, 1 tumor, -1 unlabeled.
      ids: tuple of str.
      patients: tuple of str, empty where an image is of no patient.
    """

    name: str
    shard_sets: list
    labels: np.ndarray
    ids: tuple
    patients: tuple

    def __len__(self):
        return len(self.ids)

    @property
    def digests(self):
        """A dict of each folder to the digest of its manifest."""
        return {shards.directory: shards.digest for shards in self.shard_sets}

    def read(self, positions, size, progress=iter):
        """The images at some positions, in their order.

        Args:
          positions: of the images, 0-based.
          size: to which smaller images are zero-padded.
          progress: wraps the iterable of positions.

        Returns:
          uint8 [positions, size, size].
        """
        locate = concatenated(self.shard_sets)
        images = np.zeros([len(positions), size, size], np.uint8)
        for n, position in enumerate(progress(positions)):
            shards, place = locate(position)
            begin = (size - shards.image_size) // 2
            middle = slice(begin, begin + shards.image_size)
            images[n, middle, middle] = shards.record(place).image
        return images


def concatenated(sets):
    """A function that finds a position in some sets, one after another, in one of them.

    Args:
      sets: `ShardSet`s or others that have a length.

    Returns:
      A function of the position to the set and the position in it.
    """
    ends = np.cumsum([len(own) for own in sets])

    def locate(position):
        number = int(np.searchsorted(ends, position, side="right"))
        return sets[number], int(position - ends[number] + len(sets[number]))

    return locate


def open_image_set(name, directories, flag):
    """Opens shard sets as one `ImageSet`.

    Raises:
      UserError: a folder is no shard set or given twice, or images have no label.
    """
    shard_sets = [ShardSet(directory) for directory in directories]
    if not shard_sets:
        raise UserError(f"--{flag}: no folder is given.")
    digests = [shards.digest for shards in shard_sets]
    for shards in shard_sets:
        if digests.count(shards.digest) > 1:
            raise UserError(f"--{flag}: {shards.directory} is given twice.")
        if not len(shards):
            raise UserError(f"--{flag}={shards.directory}: has no images.")
        if shards.label_counts.get("unlabeled"):
            raise UserError(
                f"--{flag}={shards.directory}: has images without a label;"
                " expected tumor or non-tumor, as sets are compared by class."
            )
    labels, ids, patients = zip(*(shards.origins() for shards in shard_sets))
    texts = [tuple(itertools.chain(*part)) for part in (ids, patients)]
    return ImageSet(name, shard_sets, np.concatenate(labels), *texts)


def open_named_sets(rows, flag):
    """Opens `["pggan=tumor,non_tumor", "unit=..."]` as a list of `ImageSet`s.

    Rows of one name become one set, as their folders in one row do.

    Raises:
      UserError: a row is not NAME=FOLDER,FOLDER..., or see `open_image_set`.
    """
    folders = {}
    for row in rows:
        name, _, paths = row.partition("=")
        if not name or not all(paths.split(",")):
            raise UserError(f"--{flag}={row}: expected NAME=FOLDER,FOLDER...")
        folders.setdefault(name, []).extend(paths.split(","))
    return [open_image_set(name, paths, flag) for name, paths in folders.items()]


def common_size(image_sets):
    """The size that all images can be brought to by zero-padding, in pixels.

    Raises:
      UserError: some are so small that they cannot show the same at the same scale.
    """
    shard_sets = [shards for images in image_sets for shards in images.shard_sets]
    largest = max(shard_sets, key=lambda shards: shards.image_size)
    for shards in shard_sets:
        if not largest.image_size // 2 < shards.image_size:
            raise UserError(
                f"{shards.directory}: images are {shards.image_size} px, those of"
                f" {largest.directory} {largest.image_size} px; expected"
                f" {largest.image_size // 2 + 1} px at least, to be zero-padded (240"
                " to 256, as in the paper)."
            )
    return largest.image_size
