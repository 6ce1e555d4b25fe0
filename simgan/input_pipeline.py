"""Batches of synthetic and real images, as SimGAN wants them: a pair per update."""

import tensorflow as tf

from training import domains
from training import input as training_input


def phase_batches(synthetic, real, phase, *, size, batch_size, seed, first_step):
    """The batches of one phase, from step number `first_step` of the training on.

    Args:
      synthetic, real: `ChosenImages` or `ShardSet`s.
      phase: a `schedule.Phase`.
      size: height and width of the images, in pixels.
      batch_size: global batch size.
      seed: seed of order and flips.
      first_step: number of steps done before.

    Returns:
      `tf.data.Dataset` of dicts of `synthetic_images` and `real_images`, float32
      [batch, updates, size, size, 1] in [-1, 1]: a batch for each update of a step.
    """
    pairs = domains.paired_series(
        synthetic,
        real,
        size=size,
        start=phase.batches_before(first_step) * batch_size,
        stop=phase.batches_before(phase.stop) * batch_size,
        seed=seed,
    )

    def by_image(step):
        # The images of a step are divided among replicas along the first axis.
        # [updates, batch, size, size, 1] -> [batch, updates, size, size, 1]
        return {name: tf.transpose(x, [1, 0, 2, 3, 4]) for name, x in step.items()}

    batches = pairs.batch(batch_size, drop_remainder=True)
    steps = batches.batch(phase.updates, drop_remainder=True)
    steps = steps.map(by_image, num_parallel_calls=tf.data.AUTOTUNE)
    return training_input.finish(steps)
