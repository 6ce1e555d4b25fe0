"""What is installed is what runs, wherever a program is called."""

import os
import subprocess
import sys


def test_folders_of_an_experiment_do_not_stand_for_packages(tmp_path):
    """They are called alike: `classifier`, `unit`, ..."""
    (tmp_path / "classifier" / "scratch").mkdir(parents=True)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    code = "import classifier; print(bool(classifier.__file__))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.stdout == "True\n", result.stderr
