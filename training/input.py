"""Batches that are a function of the seed and the number of the image, and of no state.

Image number n of a training (counted over all epochs and replicas) is always the same
image, cropped and flipped the same way: its place in the epoch's permutation depends on
(seed, epoch), its augmentation on (seed, n). So an input can start at any step.
"""

import atexit
import functools
import gc
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from dataset.errors import UserError
from dataset.image_sets import concatenated
from dataset.records import parse, without_autotune
from dataset.shards import ShardSet

SHUFFLE_STREAM, CHOICE_STREAM = 1, 2
RECORDS_PER_CALL = 32  # Of Python, which one thread at a time can enter.


@functools.cache
def _collect_at_exit():
    """Frees iterators while Python still runs.

    Records are read in Python, by threads of TensorFlow. An iterator that an error or a
    signal has left in the middle waits for these threads when it is freed: for ever
    once Python is ending, since they can no longer enter it.
    """
    atexit.register(gc.collect)


def image_seed(seed: int, n: int | tf.Tensor, stream: int = 0) -> tf.Tensor:
    """The int32 [2] seed of image number `n` for `tf.random.stateless_*`."""
    return tf.stack([tf.cast(seed * 1009 + stream, tf.int32), tf.cast(n, tf.int32)])


def epoch_order(seed: int, epoch: int, num_images: int) -> np.ndarray:
    """The permutation of one epoch, int64 [num_images]."""
    generator = np.random.Generator(np.random.PCG64([SHUFFLE_STREAM, seed, epoch]))
    return generator.permutation(num_images)


def shuffled_examples(
    shard_sets: "Sequence[ShardSet | ChosenImages]",
    *,
    start: int,
    stop: int,
    seed: int,
    shuffle: bool = True,
) -> tf.data.Dataset:
    """Images number `start` to `stop` - 1 of an endless series of shuffled epochs.

    To be iterated within `dataset.record_faults.record_errors`.

    Args:
      shard_sets: the `ShardSet`s whose union is one epoch.
      start: number of the first image.
      stop: number after the last image.
      seed: seed of the permutations.
      shuffle: false for the sets' own order, over and over.

    Returns:
      A `tf.data.Dataset` of dicts as `dataset.records.parse` gives them, each with its
      number `n`, int64 [].
    """
    _collect_at_exit()
    num_images = sum(map(len, shard_sets))
    locate = concatenated(shard_sets)

    @functools.lru_cache(maxsize=2)
    def order(epoch):
        return epoch_order(seed, epoch, num_images)

    def read(numbers):
        epochs, places = np.divmod(numbers, num_images)
        return np.array([*map(read_one, epochs, places)], object)

    def read_one(epoch, place):
        position = int(order(int(epoch))[place]) if shuffle else int(place)
        shard_set, position = locate(position)
        return shard_set.serialized(position)

    def records(numbers):
        serialized = tf.numpy_function(read, [numbers], tf.string, stateful=False)
        return tf.ensure_shape(serialized, [None]), numbers

    def example(serialized, n):
        return {**parse(serialized), "n": n}

    numbers = tf.data.Dataset.range(start, stop).batch(RECORDS_PER_CALL)
    read_ahead = numbers.map(records, num_parallel_calls=tf.data.AUTOTUNE).unbatch()
    return read_ahead.map(example, num_parallel_calls=tf.data.AUTOTUNE)


class ChosenImages:
    """Images of a shard set, chosen at random, as `shuffled_examples` takes them.

    Args:
      shard_set: a `ShardSet`.
      num_images: how many; 0 for all.
      seed: seed of the choice, of which the order of shuffling is independent; fewer
        images of one seed are among more of it.
      flag: name of the flag that gave the set, for the message.
      number_flag: name of the flag that gave the number.

    Raises:
      UserError: the set has fewer images than that.
    """

    def __init__(
        self,
        shard_set: ShardSet,
        num_images: int,
        seed: int,
        flag: str,
        number_flag: str = "num_images",
    ) -> None:
        if num_images > len(shard_set):
            raise UserError(
                f"--{flag}={shard_set.directory}: has {len(shard_set)} images, fewer"
                f" than --{number_flag}={num_images}; 0 takes all there are."
            )
        generator = np.random.Generator(np.random.PCG64([CHOICE_STREAM, seed]))
        order = generator.permutation(len(shard_set))
        self._positions = np.sort(order[: num_images or len(shard_set)])
        self._shard_set = shard_set

    def __len__(self) -> int:
        return len(self._positions)

    def serialized(self, position: int) -> bytes:
        """The bytes of the chosen example number `position`."""
        return self._shard_set.serialized(int(self._positions[position]))

    @property
    def label_counts(self) -> dict[str, float]:
        """Number of images by label, of a set of several on average over choices."""
        share = len(self) / len(self._shard_set)
        return {k: n * share for k, n in self._shard_set.label_counts.items()}

    @property
    def fault(self) -> UserError | None:
        """See `ShardSet`."""
        return self._shard_set.fault

    def check_records(self) -> None:
        """Names the first record of the whole set that cannot be used."""
        self._shard_set.check_records()


def check_labels(shard_set: ShardSet, label: str | None, flag: str) -> str:
    """Refuses a set whose images are not all of one label.

    Args:
      shard_set: a `ShardSet`.
      label: the name of the label expected, or None for any single one.
      flag: name of the flag that gave the set, for the message.

    Returns:
      The name of the set's label.
    """
    present = [name for name, count in shard_set.label_counts.items() if count]
    if not present:
        raise UserError(f"--{flag}={shard_set.directory}: has no images.")
    if len(present) != 1 or (label and present != [label]):
        raise UserError(
            f"--{flag}={shard_set.directory}: has labels {' and '.join(present)},"
            f" expected {label or 'one label only'}."
        )
    return present[0]


def check_patients(
    training: Mapping[str, Sequence[ShardSet]],
    validation: Mapping[str, Sequence[ShardSet]],
) -> None:
    """Refuses patients whose images are on both sides.

    Args:
      training, validation: dicts of one flag's name to the `ShardSet`s that it names.
    """
    ((flag, train_sets),) = training.items()
    ((validation_flag, validation_sets),) = validation.items()
    shared = _patients(train_sets) & _patients(validation_sets)
    if shared:
        examples = ", ".join(sorted(shared)[:3])
        names = ",".join(shards.directory for shards in validation_sets)
        raise UserError(
            f"--{validation_flag}={names}: {len(shared)} patient(s) are in --{flag},"
            f" too ({examples}); expected none, or the validation would be of images"
            " that the training knows."
        )


def _patients(shard_sets):
    """The ids of the patients in some sets; synthetic images have none."""
    return set().union(*(shards.patients() for shards in shard_sets)) - {""}


def finish(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prefetches batches and makes them safe to distribute among replicas."""
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return without_autotune(batches.prefetch(4).with_options(options))
