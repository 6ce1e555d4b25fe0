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
