"""The history of refined images (Shrivastava et al., 2017, section 2.3).

A discriminator that sees the refiner's latest images alone forgets what it knew of
earlier ones, and the refiner brings old artifacts back.
"""

import tensorflow as tf

from dataset.errors import UserError


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
      filled: int32 variable, number of images that it holds.
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
        self.filled = variable(0, "filled")

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
        size = 2 * self.half // context.num_replicas_in_sync
        first = context.replica_id_in_sync_group * size
        batch = refined_images
        if context.num_replicas_in_sync > 1:
            # The whole batch as a sum of parts between zeros: unlike `all_gather`, it
            # takes the strategy's own reduction, which on CPU devices cannot deadlock.
            after = 2 * self.half - size - first
            part = tf.pad(refined_images, [[first, after], [0, 0], [0, 0], [0, 0]])
            batch = context.all_reduce(tf.distribute.ReduceOp.SUM, part)
            batch = tf.ensure_shape(batch, [2 * self.half, *refined_images.shape[1:]])
        new, others = tf.split(batch, [self.half, self.half])
        mixed = tf.concat([new, self._recall(others, seed)], axis=0)
        self._keep(new, seed)
        return mixed[first : first + size]

    def _recall(self, others, seed):
        """Random images of the buffer, each once; `others` while it is empty."""
        occupied, draws, _ = self._entries(seed, 0)
        order = tf.argsort(tf.where(occupied, draws, 1.0))
        recalled = tf.gather(self.images, order[: self.half])
        return tf.where(self.filled > 0, recalled, others)

    def _keep(self, new, seed):
        """Puts `new` into the first free entries, then into random ones."""
        occupied, draws, numbers = self._entries(seed, 1)
        order = tf.argsort(tf.where(occupied, draws, numbers - len(self)))
        self.images.scatter_update(tf.IndexedSlices(new, order[: self.half]))
        filled = tf.minimum(self.filled + self.half, len(self))
        self.filled.assign(filled)

    def _entries(self, seed, stream):
        """Of each entry, whether it is occupied, a draw from U(0, 1), its number."""
        seed = tf.random.experimental.stateless_fold_in(seed, stream)
        numbers = tf.range(len(self))
        draws = tf.random.stateless_uniform([len(self)], seed)
        return numbers < self.filled, draws, tf.cast(numbers, tf.float32)

    def __len__(self):
        """The number of images that it can hold."""
        return self.images.shape[0]
