"""Batches of synthetic and of real images, as UNIT wants them: unpaired."""

from training import domains
from training import input as training_input


def paired_batches(synthetic, real, *, size, batch_size, seed, first_step, num_steps):
    """The batches of steps `first_step` to `num_steps` - 1.

    Args:
      synthetic, real: `ChosenImages` or `ShardSet`s.
      size: height and width of the images, in pixels.
      batch_size: global batch size.
      seed: seed of order and flips.
      first_step: number of steps done before.
      num_steps: number of steps in all.

    Returns:
      `tf.data.Dataset` of dicts of `synthetic_images` and `real_images`, float32
      [batch, size, size, 1] in [-1, 1].
    """
    pairs = domains.paired_series(
        synthetic,
        real,
        size=size,
        start=first_step * batch_size,
        stop=num_steps * batch_size,
        seed=seed,
    )
    return training_input.finish(pairs.batch(batch_size, drop_remainder=True))
