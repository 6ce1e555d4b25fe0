"""The history of refined images (Shrivastava et al., 2017, section 2.3).

A discriminator that sees the refiner's latest images alone forgets what it knew of
earlier ones, and the refiner brings old artifacts back.
"""

import tensorflow as tf

from dataset.shards import UserError


class History(tf.Module):
    """A buffer of refined images, part of the model's checkpoint.

    Each replica has a copy. All replicas' images are gathered and every copy is changed
    alike, so that N replicas hold what one would.

    Args:
      size: number of images that it can hold.
      image_size: their height and width, in pixels.
      batch_size: the global batch size.

    Raises:
      UserError: the batch has no halves, or one is more than the buffer holds.

    Attributes:
      images: variable, float32 [size, image_size, image_size, 1].
      filled: int64 variable, number of images that it holds.
    """

    def __init__(self, size, image_size, batch_size):
        super().__init__(name="history")
        if batch_size % 2:
            raise UserError(
                f"--batch_size={batch_size}: half of the refined images are from the"
                " history; give an even number."
            )
        if size < batch_size // 2:
            raise UserError(
                f"--history_size={size}: less than half of --batch_size={batch_size}."
            )
        self.half = batch_size // 2

        def variable(value, name):
            return tf.Variable(
                value,
                trainable=False,
                name=name,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )

        self.images = variable(tf.zeros([size, image_size, image_size, 1]), "images")
        self.filled = variable(tf.constant(0, tf.int64), "filled")

    def exchange(self, refined_images, seed):
        """Returns a batch half of which is from earlier calls; keeps the other half.

        While there is room, images are added; then they replace others at random. The
        first call returns its own images.

        Args:
          refined_images: float32 [images, image_size, image_size, 1], this replica's
            part of the batch.
          seed: int32 [2], of all draws; the same on all replicas.

        Returns:
          float32 [images, image_size, image_size, 1], this replica's part of a batch
          whose second half is from the buffer.
        """
        context = tf.distribute.get_replica_context()
        batch = refined_images
        if context.num_replicas_in_sync > 1:
            batch = context.all_gather(refined_images, axis=0)
        new, others = tf.split(batch, [self.half, self.half])
        mixed = tf.concat([new, self._recall(others, seed)], axis=0)
        self._keep(new, seed)
        size = 2 * self.half // context.num_replicas_in_sync
        first = context.replica_id_in_sync_group * size
        return mixed[first : first + size]

    def _recall(self, others, seed):
        """Random images of the buffer, each once; `others` while it is empty."""
        entries = self._random_order(seed, 0, last=~self._occupied())
        recalled = tf.gather(self.images, entries[: self.half])
        return tf.where(self.filled > 0, recalled, others)

    def _keep(self, new, seed):
        entries = self._random_order(seed, 1, last=self._occupied())
        self.images.scatter_update(tf.IndexedSlices(new, entries[: self.half]))
        size = tf.constant(self.images.shape[0], tf.int64)
        self.filled.assign(tf.minimum(self.filled + self.half, size))

    def _occupied(self):
        return tf.range(self.images.shape[0], dtype=tf.int64) < self.filled

    def _random_order(self, seed, stream, last):
        """All entries, each once, in random order, but those marked `last` are last."""
        seed = tf.random.experimental.stateless_fold_in(seed, stream)
        keys = tf.random.stateless_uniform([self.images.shape[0]], seed)
        return tf.argsort(keys + tf.cast(last, tf.float32))
