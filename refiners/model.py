"""What the model of a refiner says of itself, so that `refiners.training` trains it."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from training.model import SteppedModel
from training.phases import Phase


class RefinerModel(SteppedModel):
    """A model that learns from synthetic and real images of a class, unpaired.

    Subclasses take `image_size` and their flags by name, and raise a `UserError` where
    these do not fit. Their `train_step` takes a dict of `synthetic_images` and
    `real_images`, float32 [images, size, size, 1] in [-1, 1], or what `step_batches`
    makes of several.

    Args:
      num_steps: number of steps of the whole training.
      **kwargs: see `SteppedModel`.

    Attributes:
      phases: tuple of `training.phases.Phase`s, one alone unless a subclass has more.
      schedule: the `gan.optimizers.HalvedLearningRate`.
    """

    def __init__(self, *, num_steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.phases = (Phase("all", 0, num_steps),)

    def describe(self) -> dict[str, Any]:
        """What is printed before its training starts, a dict."""
        raise NotImplementedError

    def picture_rows(
        self, synthetic_images: tf.Tensor, real_images: tf.Tensor
    ) -> Sequence[tf.Tensor]:
        """The rows of a picture on the way, each of images like the arguments.

        Args:
          synthetic_images, real_images: float32 [images, size, size, 1] in [-1, 1].
        """
        raise NotImplementedError

    def start_phase(self, phase: Phase, **compile_options: Any) -> None:
        """Continues with the steps of `phase`.

        Args:
          phase: one of `phases`.
          **compile_options: for `keras.Model.compile`.
        """
        self.compile(**compile_options)

    @staticmethod
    def step_batches(batches: tf.data.Dataset, phase: Phase) -> tf.data.Dataset:
        """The batches of the steps of `phase`, from a `tf.data.Dataset` of batches."""
        return batches

    def describe_step(self, step: int) -> dict[str, float]:
        """What the log says of a step beside its losses, a dict of scalars."""
        return {"learning_rate": float(self.schedule.at(step - 1))}
