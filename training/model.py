"""The base of every trained model: a step counter, its random draws, its averages."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from training import lanes


class SteppedModel(keras.Model):
    """A model whose `train_step` depends on variables, batch and step alone.

    Subclasses implement `train_step` with the helpers here, end it with
    `return self.end_step()`, and are restored by restoring their variables alone.

    Attributes:
      step: int64 variable, number of finished steps.
      seed: seed of every draw.
      batch_size: the global batch size.
      on_gradients: if set, `minimize` calls it with gradients and variables, instead of
        changing these; for a step that is done without a graph.
    """

    def __init__(
        self, *, seed: int, batch_size: int, loss_names: Iterable[str], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.batch_size = batch_size
        self.on_gradients: Callable[[Any, Any], None] | None = None
        self.step = tf.Variable(
            0,
            trainable=False,
            dtype=tf.int64,
            name="step",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self._trackers = {name: keras.metrics.Mean(name=name) for name in loss_names}

    def compile(self, **options: Any) -> None:
        """Keras' own, for a model whose `train_step` does all: see `lanes`."""
        super().compile(**lanes.compile_options(self, options))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """None that Keras knows: it would reset them with each call of `fit`."""
        return []

    def take_means(self) -> dict[str, float]:
        """The mean of each loss recorded since the last call, floats by name."""
        means = {
            name: float(tracker.result())
            for name, tracker in self._trackers.items()
            if tracker.count > 0
        }
        for tracker in self._trackers.values():
            tracker.reset_state()
        return means

    def losses_are_finite(self) -> bool:
        """Whether all recorded losses are, since the last `take_means`."""
        results = [tracker.result() for tracker in self._trackers.values()]
        return bool(tf.reduce_all(tf.math.is_finite(results)))

    def random_normal(self, shape: Sequence[int], stream: int) -> tf.Tensor:
        """N(0, 1) for this replica's part of the batch, float32 [images, *shape].

        The whole batch is drawn from (seed, stream, step) and the replica takes its
        part, so that N replicas see what one would see.
        """
        return self._part(tf.random.stateless_normal, shape, stream)

    def random_uniform(self, shape: Sequence[int], stream: int) -> tf.Tensor:
        """U(0, 1) for this replica's part of the batch, float32 [images, *shape]."""
        return self._part(tf.random.stateless_uniform, shape, stream)

    def dropout_mask(self, shape: Sequence[int], rate: float, stream: int) -> tf.Tensor:
        """TensorFlow's dropout of ones for this replica's part of the batch.

        Returns:
          float32 [images, *shape]: 0 for a share of `rate`, 1 / (1 - rate) elsewhere.
        """

        def draw(shape, seed):
            return tf.nn.experimental.stateless_dropout(tf.ones(shape), rate, seed)

        return self._part(draw, shape, stream)

    def _part(self, draw, shape, stream):
        context = tf.distribute.get_replica_context()
        size = self.batch_size // context.num_replicas_in_sync
        seed = tf.stack(
            [
                tf.constant(self.seed * 1009 + stream, tf.int32),
                tf.cast(self.step, "int32"),
            ]
        )
        whole = draw([self.batch_size, *shape], seed=seed)
        first = context.replica_id_in_sync_group * size
        return tf.reshape(whole[first : first + size], [size, *shape])

    def average(self, **losses: tf.Tensor) -> tf.Tensor | list[tf.Tensor]:
        """Averages per-image losses over the *global* batch and records them.

        Gradients of replicas are summed, so each divides by the global batch: a bare
        `reduce_mean` would make steps as many times too big as there are replicas.

        Args:
          **losses: float32 [images] by the name of their tracker.

        Returns:
          The float32 [] averages, in the order given; one alone if there is one.
        """
        averages = []
        for name, loss in losses.items():
            loss = tf.cast(loss, tf.float32)
            self._trackers[name].update_state(loss)
            averages.append(
                tf.nn.compute_average_loss(loss, global_batch_size=self.batch_size)
            )
        return averages[0] if len(averages) == 1 else averages

    def minimize(
        self,
        optimizer: keras.optimizers.Optimizer,
        tape: tf.GradientTape,
        loss: tf.Tensor,
        variables: Sequence[tf.Variable],
    ) -> None:
        """One optimizer step on `variables`; scales the loss where float16 needs it."""
        if self.on_gradients:
            self.on_gradients(tape.gradient(loss, variables), variables)
            return
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            lanes.apply_scaled(optimizer, tape, loss, variables)
            return
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables))

    def end_step(self) -> dict[str, tf.Tensor]:
        """Counts the step; returns the running means since the last `take_means`."""
        self.step.assign_add(1)
        return {name: tracker.result() for name, tracker in self._trackers.items()}


def optimizer_for_precision(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.Optimizer:
    """Wraps `optimizer` in dynamic loss scaling under mixed_float16."""
    if keras.mixed_precision.global_policy().name == "mixed_float16":
        return keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


def reset_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Sets an optimizer's counters and moments to zero; not its learning rate."""
    for variable in lanes.state(optimizer):
        variable.assign(tf.zeros_like(variable))


def unique(collections: Iterable[Iterable[tf.Variable]]) -> list[tf.Variable]:
    """The variables of some collections, those that several have once, in order."""
    variables = {id(v): v for collection in collections for v in collection}
    return list(variables.values())
