"""GPUs of one machine are shared out among steps; a step that needs none sees none."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

SCRIPT = pathlib.Path(__file__).parents[1] / "workflow" / "take_gpus.sh"


def step(folder, number, command, gpus="3,5,7"):
    """Starts a step that takes so many GPUs."""
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", f". '{SCRIPT}' {number}; {command}"],
        cwd=folder,
        env={**os.environ, "PROJECT_GPUS": gpus},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


SHOW = 'echo "GPUs:$CUDA_VISIBLE_DEVICES"'


def output(process):
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return text.strip()


@pytest.mark.parametrize(
    "number, shown", [(0, "GPUs:"), (1, "GPUs:3"), (2, "GPUs:3,5"), (3, "GPUs:3,5,7")]
)
def test_step_sees_as_many_gpus_as_it_takes(tmp_path, number, shown):
    assert output(step(tmp_path, number, SHOW)) == shown


def test_steps_at_the_same_time_have_different_gpus(tmp_path):
    first = step(tmp_path, 2, f"{SHOW}; sleep 60")
    assert first.stdout.readline() == "GPUs:3,5\n"
    assert output(step(tmp_path, 1, SHOW)) == "GPUs:7"
    assert output(step(tmp_path, 0, SHOW)) == "GPUs:"
    os.killpg(first.pid, signal.SIGKILL)


def test_gpu_is_taken_until_the_last_process_of_a_step_has_ended(tmp_path):
    first = step(tmp_path, 3, f"sleep 60 & {SHOW}; wait")
    assert first.stdout.readline() == "GPUs:3,5,7\n"
    first.kill()  # The shell alone; what it has started lives on.
    first.wait()
    second = step(tmp_path, 2, SHOW)
    time.sleep(1.5)
    assert second.poll() is None
    os.killpg(first.pid, signal.SIGKILL)
    assert output(second) == "GPUs:3,5"
