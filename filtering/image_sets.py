"""Several shard sets as one row of images, and which may be compared with which."""

import collections

import numpy as np

from dataset.shards import ShardSet, UserError
from pages.pictures import read_image


class ImageSets:
    """The images of shard sets, one after the other.

    Args:
      directories: their folders.

    Attributes:
      sets: the `ShardSet`s.
      labels: int64 [images].
      ids, patients: lists of texts.

    Raises:
      UserError: a folder is no shard set.
    """

    def __init__(self, directories):
        self.sets = [ShardSet(directory) for directory in directories]
        origins = [shards.origins() for shards in self.sets]
        self.labels = np.concatenate([labels for labels, _, _ in origins])
        self.ids = [text for _, ids, _ in origins for text in ids]
        self.patients = [text for _, _, patients in origins for text in patients]
        self._ends = np.cumsum([0, *map(len, self.sets)])

    def __len__(self):
        return len(self.ids)

    def place(self, number):
        """(number of the set, position in it) of an image."""
        set_number = int(np.searchsorted(self._ends, number, side="right")) - 1
        return set_number, int(number - self._ends[set_number])

    def read(self, number):
        """An image by its number, uint8 [size, size]."""
        set_number, position = self.place(number)
        return read_image(self.sets[set_number], position)


def check_data(data, num_clusters):
    """Raises `UserError` if the images cannot be clustered together."""
    sizes = {shards.image_size: shards.directory for shards in data.sets}
    if len(sizes) > 1:
        listed = ", ".join(f"{path} {size} px" for size, path in sizes.items())
        raise UserError(f"--data_dir: {listed}; wanted one size.")
    if num_clusters > len(data):
        raise UserError(
            f"--num_clusters={num_clusters}: --data_dir has {len(data)} images; wanted"
            " no more clusters than images."
        )
    if len(set(data.ids)) < len(data):
        [(twice, _)] = collections.Counter(data.ids).most_common(1)
        raise UserError(f"--data_dir: several images have the id {twice}.")


def check_reference(real, data):
    """Raises `UserError` if the images cannot be compared with those real ones."""
    size = data.sets[0].image_size
    for shards in real.sets:
        if shards.image_size > size:
            raise UserError(
                f"--reference_dir: {shards.directory} has {shards.image_size} px, more"
                f" than the {size} px of --data_dir; wanted as many, or fewer, which"
                " are zero-padded."
            )
        if shards.digest in {other.digest for other in data.sets}:
            raise UserError(
                f"--reference_dir: {shards.directory} is in --data_dir, too; wanted"
                " other images, real ones."
            )
