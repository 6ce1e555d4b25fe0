"""Batches of synthetic and of real images, as UNIT wants them: unpaired."""

import tensorflow as tf

from dataset.shards import UserError, to_float
from training import input as training_input

SYNTHETIC, REAL = 0, 1
FLIP = 11


def check_sizes(synthetic, real):
    """Refuses real images that are larger than synthetic ones, or much smaller."""
    size = synthetic.image_size
    if not size // 2 < real.image_size <= size:
        raise UserError(
            f"--real_dir={real.directory}: images are {real.image_size} px, those of"
            f" --synthetic_dir {size} px; wanted {size // 2 + 1} to {size} px, which"
            " are zero-padded (240 to 256, as in the paper)."
        )


def place(image, size):
    """Zero-pads a uint8 [height, width, 1] image to `size`, in the middle."""
    free = size - tf.shape(image)[0]
    padded = tf.image.pad_to_bounding_box(image, free // 2, free // 2, size, size)
    return tf.ensure_shape(padded, [size, size, 1])


def image_series(images, domain, *, size, start, stop, seed):
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
        image = place(example["image"], size)
        flip_seed = training_input.image_seed(seed, example["n"], FLIP + domain)
        return tf.image.stateless_random_flip_left_right(to_float(image), flip_seed)

    # Sets of one size in one order would pair the same images for ever.
    examples = training_input.shuffled_examples(
        [images], start=start, stop=stop, seed=2 * seed + domain
    )
    return examples.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)


def paired_batches(synthetic, real, *, size, batch_size, seed, first_step, num_steps):
    """The batches of steps `first_step` to `num_steps` - 1.

    Returns:
      `tf.data.Dataset` of dicts of `synthetic_images` and `real_images`, float32
      [batch, size, size, 1] in [-1, 1].
    """
    series = {
        name: image_series(
            images,
            domain,
            size=size,
            start=first_step * batch_size,
            stop=num_steps * batch_size,
            seed=seed,
        )
        for name, images, domain in (
            ("synthetic_images", synthetic, SYNTHETIC),
            ("real_images", real, REAL),
        )
    }
    batches = tf.data.Dataset.zip(series).batch(batch_size, drop_remainder=True)
    return training_input.finish(batches)
