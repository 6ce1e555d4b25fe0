"""What every refiner is trained on: synthetic and real images of a class, unpaired."""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from dataset.errors import UserError
from dataset.record_faults import record_errors
from dataset.records import pad, parse, to_float
from dataset.shards import ShardSet
from training import input as training_input

SYNTHETIC, REAL = 0, 1
FLIP = 11


def open_domains(synthetic_dir: str, real_dir: str) -> tuple[ShardSet, ShardSet, str]:
    """The two shard sets, known to fit each other.

    Returns:
      The `ShardSet`s of synthetic and of real images, and the name of their label.

    Raises:
      UserError: not all images are of one class, or the sizes do not fit.
    """
    synthetic, real = ShardSet(synthetic_dir), ShardSet(real_dir)
    label = training_input.check_labels(real, None, "real_dir")
    training_input.check_labels(synthetic, label, "synthetic_dir")
    size = synthetic.image_size
    if not size // 2 < real.image_size <= size:
        raise UserError(
            f"--real_dir={real.directory}: images are {real.image_size} px, those of"
            f" --synthetic_dir {size} px; expected {size // 2 + 1} to {size} px, which"
            " are zero-padded (240 to 256, as in the paper)."
        )
    return synthetic, real, label


def choose_images(
    synthetic: ShardSet, real: ShardSet, *, num_images: int, batch_size: int, seed: int
) -> list[training_input.ChosenImages]:
    """The images of each set to train on, a pair of `ChosenImages`.

    Raises:
      UserError: a set has fewer than `num_images`, or not one batch.
    """
    domains = {"synthetic_dir": synthetic, "real_dir": real}
    for flag, shards in domains.items():
        if (num_images or len(shards)) < batch_size:
            raise UserError(
                f"--{flag}={shards.directory}: {num_images or len(shards)} images are"
                f" not one batch of --batch_size={batch_size}."
            )
    return [
        training_input.ChosenImages(shards, num_images, seed, flag)
        for flag, shards in domains.items()
    ]


def check_steps(keep_steps: Iterable[str | int], num_steps: int) -> list[int]:
    """The numbers of `--keep_steps`, sorted; refuses any that no step has."""
    for step in keep_steps:
        if not str(step).isdecimal() or not 0 < int(step) <= num_steps:
            raise UserError(
                f"--keep_steps: {step!r}, expected whole numbers from 1 to"
                f" --num_steps={num_steps}."
            )
    return sorted(map(int, keep_steps))


def image_series(
    images: training_input.ChosenImages | ShardSet,
    domain: int,
    *,
    size: int,
    start: int,
    stop: int,
    seed: int,
) -> tf.data.Dataset:
    """One domain's images number `start` to `stop` - 1, flipped by chance.

    Args:
      images: `ChosenImages` or a `ShardSet`.
      domain: SYNTHETIC or REAL, which have an order and flips of their own.
      size: height and width of the result.
      start, stop, seed: see `training.input.shuffled_examples`.

    Returns:
      `tf.data.Dataset` of float32 [size, size, 1] in [-1, 1].
    """

    def prepare(example):
        image = pad(example["image"], size)
        flip_seed = training_input.image_seed(seed, example["n"], FLIP + domain)
        return tf.image.stateless_random_flip_left_right(to_float(image), flip_seed)

    # Sets of one size in one order would pair the same images for ever.
    examples = training_input.shuffled_examples(
        [images], start=start, stop=stop, seed=2 * seed + domain
    )
    return examples.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)


def paired_series(
    synthetic: training_input.ChosenImages | ShardSet,
    real: training_input.ChosenImages | ShardSet,
    **series: Any,
) -> tf.data.Dataset:
    """Both domains' images, a pair at a time, which nothing but chance has paired.

    Args:
      synthetic, real: `ChosenImages` or `ShardSet`s.
      **series: see `image_series`.

    Returns:
      `tf.data.Dataset` of dicts of `synthetic_images` and `real_images`, float32
      [size, size, 1] in [-1, 1].
    """
    domains = {
        "synthetic_images": image_series(synthetic, SYNTHETIC, **series),
        "real_images": image_series(real, REAL, **series),
    }
    return tf.data.Dataset.zip(domains)


def some_images(
    images: training_input.ChosenImages, size: int, count: int
) -> tf.Tensor:
    """Some of `ChosenImages`, from all over the set, the same again if it is small.

    Returns:
      float32 [count, size, size, 1] in [-1, 1].
    """
    positions = [n * len(images) // count for n in range(count)]
    with record_errors([images]):
        examples = [parse(images.serialized(position)) for position in positions]
    return tf.stack([to_float(pad(example["image"], size)) for example in examples])
