"""Times functions in turn, and how fast the machine multiplies and convolves."""

import contextlib
import os
import statistics
import time

import tensorflow as tf

MATRIX = 1536  # Rows and columns.
IMAGES, SIZE, MAPS, KERNEL = 8, 32, 256, 3  # Of the convolution.
RATE_ROUNDS = 7
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


@contextlib.contextmanager
def real_time(wished=True):
    """Keeps other processes from this one's cores, which takes root's rights.

    All threads get the kernel's class of real-time processes, for the time within.
    """
    policies = [os.SCHED_RR, os.SCHED_OTHER] if wished else [None, None]
    _schedule(policies[0])
    try:
        yield
    finally:
        _schedule(policies[1])


def _schedule(policy):
    if policy is None:
        return
    priority = os.sched_param(1 if policy == os.SCHED_RR else 0)
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setscheduler(int(thread), policy, priority)


def in_turn(functions, rounds, clock="wall", warm_up=1):
    """Calls all functions one after another, over and over.

    Args:
      functions: dict of name to a function without arguments.
      rounds: number of calls of each that are timed.
      clock: `wall`, or `processor` for the seconds that this process was at work, on a
        machine that has other work, too.
      warm_up: number of calls of each before those.

    Returns:
      Dict of name to list of seconds.
    """
    now = CLOCKS[clock]
    seconds = {name: [] for name in functions}
    for number in range(warm_up + rounds):
        for name, function in functions.items():
            began = now()
            function()
            if number >= warm_up:
                seconds[name].append(now() - began)
    return seconds


def median_ratio(seconds, others):
    """The median of how many times as fast as `others` each round was."""
    return statistics.median(b / a for a, b in zip(seconds, others))


def rates(dtype, torch=None, clock="wall"):
    """Operations per second of a matrix product and of a convolution, at their best.

    Args:
      dtype: `float32` or `bfloat16`.
      torch: the module; without, of TensorFlow alone.
      clock: see `in_turn`.

    Returns:
      Dict of `matrix product` and `convolution` to operations per second, of the
      framework that is the faster one at it.
    """
    functions = {("TensorFlow", name): f for name, f in _tensorflow(dtype).items()}
    if torch:
        own = _pytorch(torch, getattr(torch, dtype))
        functions |= {("PyTorch", name): f for name, f in own.items()}
    work = {
        "matrix product": 2 * MATRIX**3,
        "convolution": 2 * IMAGES * SIZE**2 * MAPS**2 * KERNEL**2,
    }
    seconds = in_turn(functions, RATE_ROUNDS, clock)
    return {
        name: operations
        / min(statistics.median(s) for (_, own), s in seconds.items() if own == name)
        for name, operations in work.items()
    }


def _tensorflow(dtype):
    matrix = tf.cast(tf.random.normal([MATRIX, MATRIX]), dtype)
    images = tf.cast(tf.random.normal([IMAGES, SIZE, SIZE, MAPS]), dtype)
    kernel = tf.cast(tf.random.normal([KERNEL, KERNEL, MAPS, MAPS]), dtype)
    product = tf.function(lambda: tf.reduce_sum(matrix @ matrix))
    convolve = tf.function(
        lambda: tf.reduce_sum(tf.nn.conv2d(images, kernel, 1, "SAME"))
    )
    return {
        "matrix product": lambda: product().numpy(),
        "convolution": lambda: convolve().numpy(),
    }


def _pytorch(torch, dtype):
    matrix = torch.randn(MATRIX, MATRIX).to(dtype)
    conv = torch.nn.Conv2d(MAPS, MAPS, KERNEL, padding=1, bias=False)
    conv = conv.to(dtype, memory_format=torch.channels_last)
    images = torch.randn(IMAGES, MAPS, SIZE, SIZE).to(dtype)
    images = images.to(memory_format=torch.channels_last)

    def convolve():
        with torch.no_grad():
            return float(conv(images).sum())

    return {
        "matrix product": lambda: float((matrix @ matrix).sum()),
        "convolution": convolve,
    }
