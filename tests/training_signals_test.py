"""What signals do to the process of a training, whatever it trains.

That each trainer continues with all that it has is tested in `training_resume_test.py`.
"""

import os
import signal

import interruption
import pytest
from tiny_training import define_train

NUM_STEPS = 200


@pytest.fixture(scope="module")
def settings(flag_defaults, write_images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("signals")
    own = {
        "data_dir": write_images(folder / "real", 1, images=5, size=8).directory,
        "num_steps": NUM_STEPS,
        "deterministic": True,
        "checkpoint_minutes": 0.0,
        "log_steps": 2,
    }
    return {**flag_defaults(define_train), **own}


ALL = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.mark.parametrize(
    "numbers", [(signal.SIGTERM,), pytest.param(ALL, marks=pytest.mark.long)]
)
def test_killed_stopped_and_interrupted_equals_uninterrupted(
    numbers, settings, draw, tmp_path, monkeypatch
):
    """While a checkpoint is written, steps after one, and asked: a terminal's ways."""
    path = [os.path.dirname(__file__), os.environ.get("PYTHONPATH", os.getcwd())]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    model_dir = str(tmp_path / "model")
    settings = {**settings, "model_dir": model_dir}
    rare = {**settings, "checkpoint_minutes": 60.0}

    def after_some_steps():
        seconds = draw.uniform(0, 0.05)
        return interruption.after_step(model_dir, draw.randint(2, 60), seconds)

    def stop(flags, moment, number):
        return interruption.interrupt("tiny_training", flags, moment, number)

    writing = interruption.writing_checkpoint(model_dir, draw.randint(0, 20))
    results = [stop(settings, writing, signal.SIGKILL)]
    assert results[0].returncode == -9, results[0].stderr
    assert writing()  # What it left is not a checkpoint.
    for number in numbers:
        killed = number == signal.SIGKILL  # Long after a checkpoint: all is redone.
        result = stop(rare if killed else settings, after_some_steps(), number)
        assert result.returncode == (-9 if killed else 128 + number), result.stderr
        results.append(result)
    results.append(interruption.run("tiny_training", settings))
    assert results[-1].returncode == 0, results[-1].stderr

    steps = [interruption.continued_step(result.stdout) for result in results]
    assert steps[0] == 0
    for number, result, began, continued in zip(
        numbers, results[1:], steps[1:], steps[2:]
    ):
        if number == signal.SIGKILL:
            assert continued == began
        else:
            said = f"{number.name}: saved step {continued} of {NUM_STEPS}"
            assert said in result.stdout
    whole = {**settings, "model_dir": model_dir + "-whole"}
    assert interruption.run("tiny_training", whole).returncode == 0
    interruption.assert_same_training(model_dir, whole["model_dir"])
