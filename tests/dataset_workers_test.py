"""Work in several processes."""

import subprocess
import sys
import textwrap


def test_parent_that_has_used_threads_of_opencv_does_not_make_its_workers_hang():
    """A forked process has the pool of threads, but not the threads."""
    program = """
        import cv2
        import numpy as np
        from dataset.workers import parallel_map
        cv2.setNumThreads(4)
        cv2.warpAffine(np.ones([2000, 2000]), np.eye(2, 3), [2000, 2000])
        print(list(parallel_map(abs, [-1, -2, 3], num_workers=2)), cv2.getNumThreads())
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.stdout == "[1, 2, 3] 4\n", result.stderr


def test_garbage_is_deleted_by_the_process_that_made_it():
    """A reader of TensorFlow waits for its threads, which a forked process has not."""
    program = textwrap.dedent("""
        import gc, os
        from dataset.workers import parallel_map

        class Reader:
            def __del__(self):
                os.write(1, b"parent" if os.getpid() == parent else b"child")

        def collect(item):
            gc.collect()
            return item

        parent = os.getpid()
        gc.disable()
        reader = Reader()
        reader.itself = reader
        del reader
        list(parallel_map(collect, [1, 2], num_workers=2))
    """)
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.stdout == "parent", result.stderr
