"""Several machines for one training: which of them this is, who writes, who decides.

Every worker runs the same command and does the same steps. The first one, the chief,
writes to `--model_dir`. The others write the same to a folder of their own, which goes
with them: values that are averaged over workers can only be read by all at once, so all
have to save when one does.
"""

import atexit
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator

import tensorflow as tf

from dataset.errors import UserError

EXPECTED = (
    'expected as on the first of two machines: {"cluster": {"worker": ["host1:12345",'
    ' "host2:12345"]}, "task": {"type": "worker", "index": 0}}'
)
# What TensorFlow raises where another worker has gone, among else.
_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class Workers:
    """The processes that train together; one alone unless the strategy has several.

    Attributes:
      index: number of this one.
      number: of all.
      is_chief: whether this one writes to `--model_dir`.

    Args:
      strategy_name: value of `--strategy`.

    Raises:
      UserError: it is multi_worker, and `TF_CONFIG` does not say who they are.
    """

    def __init__(self, strategy_name: str) -> None:
        several = strategy_name == "multi_worker"
        self.index, self.number = read_tf_config() if several else (0, 1)
        self.is_chief = self.index == 0

    def folder(self, model_dir: str) -> str:
        """Where this worker writes what belongs into `model_dir`."""
        if self.is_chief:
            return model_dir
        folder = tempfile.mkdtemp(prefix="worker-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def any_worker(
        self, strategy: tf.distribute.Strategy, *conditions: bool
    ) -> list[bool]:
        """Whether a condition holds for any worker; all call this at the same step.

        Args:
          strategy: the `tf.distribute.Strategy`.
          *conditions: bools of this worker.

        Returns:
          A list of bools, the same on every worker.
        """
        if self.number == 1:
            return list(conditions)
        values = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(conditions, tf.float32)
        )
        return [bool(votes) for votes in strategy.reduce("SUM", values, axis=None)]

    def of_chief(self, strategy: tf.distribute.Strategy, number: int) -> int:
        """The chief's value of a whole number; all call this at the same step."""
        if self.number == 1:
            return number
        own = float(number) if self.is_chief else 0.0
        values = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(own, tf.float64)  # Exact to 2 ** 53.
        )
        return int(strategy.reduce("SUM", values, axis=None))

    @contextlib.contextmanager
    def explain_gone(self) -> Iterator[None]:
        """Turns errors that a lost worker causes in the others into a `UserError`."""
        try:
            yield
        except _GONE as error:
            if self.number == 1:
                raise
            reason = error.message.strip().partition("\n")[0]
            raise UserError(
                f"worker {self.index} of {self.number}: another worker has ended or"
                f" cannot be reached ({type(error).__name__}: {reason}); run the same"
                " command on every machine again to continue from the last checkpoint."
            ) from error


def read_tf_config() -> tuple[int, int]:
    """The number of this worker, and that of all, from `TF_CONFIG`.

    Raises:
      UserError: the variable is not set, or not of the form that TensorFlow expects.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise UserError(f"--strategy=multi_worker: TF_CONFIG is not set; {EXPECTED}.")
    try:
        content = json.loads(text)
        cluster = {
            kind: content["cluster"].get(kind, []) for kind in ("chief", "worker")
        }
        kind, index = content["task"]["type"], content["task"]["index"]
        addresses = cluster["chief"] + cluster["worker"]
        place = cluster[kind][index] if index >= 0 else None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        place = None
    if place is None or not all(":" in str(address) for address in addresses):
        raise UserError(f"TF_CONFIG={text}: {EXPECTED}.")
    if len(set(addresses)) != len(addresses):
        raise UserError(f"TF_CONFIG={text}: an address stands twice; {EXPECTED}.")
    return index + (len(cluster["chief"]) if kind == "worker" else 0), len(addresses)
