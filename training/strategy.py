"""Where a training runs: devices, replicas, precision, determinism."""

import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf

from dataset.errors import UserError
from training import lanes


def create_strategy(
    name: str, batch_size: int, group: int = 1
) -> tf.distribute.Strategy:
    """The `tf.distribute.Strategy` of `--strategy`.

    `auto` mirrors over as many of the local GPUs as the batch divides among. On a
    machine without GPU, `mirrored` uses all logical CPU devices.

    Args:
      name: of flags/training.py.
      batch_size: of all replicas together; 0 divides among any number.
      group: how many images of the batch `auto` leaves together on a replica.

    Raises:
      UserError: `batch_size`, which is global, does not divide among the replicas, or
        this lane cannot train on several machines.
    """
    if name == "multi_worker":  # It has to come before the first look at devices.
        strategy = lanes.multi_worker_strategy()
    else:
        strategy = _local_strategy(name, batch_size // group)
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UserError(
            f"--batch_size={batch_size} does not divide among {replicas} replicas;"
            f" give a multiple of {replicas}."
        )
    return strategy


def _local_strategy(name, num_groups):
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        while gpus and num_groups % len(gpus):
            gpus.pop()
    devices = gpus or tf.config.list_logical_devices("CPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        # CPU devices reduce by ring collectives otherwise, whose operations can wait
        # for each other for ever where threads are few.
        reduction = None if gpus else tf.distribute.ReductionToOneDevice()
        return tf.distribute.MirroredStrategy([d.name for d in devices], reduction)
    return tf.distribute.OneDeviceStrategy(devices[0].name)


def on_replicas(
    strategy: tf.distribute.Strategy, function: Callable[..., tf.Tensor]
) -> Callable[..., tf.Tensor]:
    """A function of tensors that all replicas get, to their results, joined.

    Args:
      strategy: the `tf.distribute.Strategy`.
      function: `function(replica, *tensors)`, `replica` its number, gives a tensor.
    """

    @tf.function
    def joined(*tensors):
        def own():
            context = tf.distribute.get_replica_context()
            return function(context.replica_id_in_sync_group, *tensors)

        parts = strategy.experimental_local_results(strategy.run(own))
        return tf.concat(parts, axis=0)

    return joined


def describe(strategy: tf.distribute.Strategy, num_workers: int = 1) -> str:
    """One line for the person who started the training."""
    gpus = tf.config.list_physical_devices("GPU")
    replicas = strategy.num_replicas_in_sync
    on = f"{len(gpus)} GPU(s)" if gpus else "CPU (TensorFlow finds no GPU)"
    if num_workers > 1:
        on = f"{num_workers} workers, this one with {on}"
    return f"{replicas} replica(s) on {on}"


def fast_precision() -> str:
    """What `--precision=auto` takes: mixed_bfloat16 where the hardware computes in it.

    GPUs do from compute capability 8.0 (Ampere) on, and processors with AVX-512's or
    AMX's instructions for it, as Linux lists them; of others it is not known.
    """
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    if gpus:
        fast = all(own.get("compute_capability", (0, 0)) >= (8, 0) for own in details)
    else:
        fast = not {"avx512_bf16", "amx_bf16"}.isdisjoint(_processor_flags())
    return "mixed_bfloat16" if fast else "float32"


def _processor_flags():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return []
    return next((x for x in text.splitlines() if x.startswith("flags")), "").split()


def configure(seed: int, precision: str, deterministic: bool) -> None:
    """Sets what is global to the process, before any model is built."""
    keras.utils.set_random_seed(seed)
    keras.mixed_precision.set_global_policy(precision)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
