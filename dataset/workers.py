"""Runs a function on many things at once, in processes that end with their parent."""

import concurrent.futures
import gc
import multiprocessing
import os
import signal
import threading
import time

import cv2
import SimpleITK as sitk

from dataset.errors import UserError


def parallel_map(function, items, num_workers):
    """Yields `function(item)` of each item, in their order.

    Args:
      function: called in other processes; it and its results can be pickled.
      items: a list.
      num_workers: number of processes; 0: one per core.

    Raises:
      UserError: a process was killed, as happens where memory is short. What the
        function raises is raised here too.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    num_workers = max(1, min(num_workers or cores or os.cpu_count(), len(items)))
    # OpenCV's threads do not come along into a forked process, but its pool does, and
    # waits for them for ever: so none are left to come.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    gc.collect()  # Here, where the threads are that a reader of TensorFlow waits for.
    # Forked, so that TensorFlow, which they do not use, is not loaded again in each.
    pool = concurrent.futures.ProcessPoolExecutor(
        num_workers, multiprocessing.get_context("fork"), _start_worker
    )
    try:
        with pool:
            yield from pool.map(function, items)
    except concurrent.futures.process.BrokenProcessPool as error:
        raise UserError(
            f"--num_workers={num_workers}: one of them was killed, perhaps for want of"
            " memory; run the same command again with fewer."
        ) from error
    finally:
        cv2.setNumThreads(threads)


def _start_worker():
    """One thread each; ignores Ctrl-C, and ends with its parent."""
    # What the parent made is not deleted here: a reader of TensorFlow would wait for
    # its threads, which a forked process does not have.
    gc.freeze()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()

    def end_with_parent():
        # A pool's processes wait for work for ever if their parent is killed.
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
