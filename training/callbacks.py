"""What happens between the steps of a training: logs, pictures, checkpoints, stops.

All read the global step from their `Run`, act at fixed steps (checkpoints: at fixed
times, too), and leave the weights alone, so that a run that was stopped and continued
is the same as one that was not.
"""

import time
from collections.abc import Callable, Collection, Container, Mapping
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from training.divergence import check_losses, check_state

if TYPE_CHECKING:
    from training.run import Run


class _StepCallback(keras.callbacks.Callback):
    """A callback of the global step."""

    _supports_tf_logs = True  # Keras then leaves the losses on the device.

    def __init__(self, run):
        super().__init__()
        self.run = run

    def on_train_batch_end(self, batch, logs=None):
        self.after_step(self.run.step)


class StepCount(_StepCallback):
    """Counts the steps, for all and for the progress bar; must come first."""

    def after_step(self, step: int) -> None:
        self.run.step = step + 1
        self.run.display.tick(self.run.step)


class Log(_StepCallback):
    """A line in `log.jsonl` and points in TensorBoard every `log_steps`, and no NaN.

    Raises:
      UserError: a loss is not finite.
    """

    def __init__(
        self,
        run: "Run",
        log_steps: int,
        describe: Callable[[int], Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(run)
        self.log_steps = log_steps
        self.describe = describe or (lambda step: {})

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._mark = (time.monotonic(), self.run.step)

    def after_step(self, step: int) -> None:
        if step % self.log_steps == 0 or step == self.run.num_steps:
            self.write(step)

    def write(self, step: int) -> None:
        values = self.model.take_means()
        check_losses(self.run, self.model, values, since=self.run.logged_step)
        self.run.logged_step = step
        seconds, steps = time.monotonic() - self._mark[0], step - self._mark[1]
        self._mark = (time.monotonic(), step)
        speed = {"seconds_per_step": round(seconds / max(steps, 1), 4)}
        line = {"step": step, **self.describe(step), **values, **speed}
        self.run.display.log(line)
        self.run.display.postfix(values)


class SampleGrid(_StepCallback):
    """A picture of `draw()` at fixed steps and at the end, on disk and in TensorBoard.

    Args:
      run: the `Run`.
      draw: function that returns float [images, height, width, 1] in [-1, 1].
      steps: collection of the global steps at which to draw.
      name: `name(step)` is the picture's file name without its ending.
      columns: images per row.
    """

    def __init__(
        self,
        run: "Run",
        draw: Callable[[], tf.Tensor],
        steps: Container[int],
        name: Callable[[int], str] | None = None,
        columns: int | None = None,
    ) -> None:
        super().__init__(run)
        self.draw = draw
        self.steps = steps
        self.name = name or (lambda step: f"step-{step:07d}")
        self.columns = columns

    def after_step(self, step: int) -> None:
        if step not in self.steps and step != self.run.num_steps:
            return
        self.run.display.log_image(
            self.name(step), self.draw(), step, self.columns, tag="samples"
        )


class Save(_StepCallback):
    """Checkpoints by the clock and at the end, and stops when asked to.

    Must come last: what it saves is the state after everything else of the step.
    """

    def __init__(
        self, run: "Run", minutes: float, keep_steps: Collection[int] = ()
    ) -> None:
        super().__init__(run)
        self.seconds = 60.0 * minutes
        self.keep_steps = keep_steps

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._saved = time.monotonic()

    def after_step(self, step: int) -> None:
        due, stopping = self.run.any_worker(
            time.monotonic() - self._saved >= self.seconds,
            self.run.stop_signal is not None,
        )
        due = due or stopping or step == self.run.num_steps
        keep = step in self.keep_steps
        if due or keep:
            check_state(self.run, self.model, since=self.run.logged_step)
        if keep:
            self.run.folder.keep(self.model, step)
        if due:
            self.run.folder.save(self.model, step)
            self._saved = time.monotonic()
        if stopping:
            self.run.stop()
