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
    return {**flag_defaults(define_train), **own, "model_dir": str(folder / "model")}


def test_killed_stopped_and_interrupted_equals_uninterrupted(
    settings, draw, monkeypatch
):
    """While a checkpoint is written, steps after one, and asked: a terminal's ways."""
    path = [os.path.dirname(__file__), os.environ.get("PYTHONPATH", os.getcwd())]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    model_dir = settings["model_dir"]
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
    results.append(stop(rare, after_some_steps(), signal.SIGKILL))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        results.append(stop(settings, after_some_steps(), number))
    results.append(interruption.run("tiny_training", settings))

    codes = [result.returncode for result in results]
    assert codes == [-9, -9, 143, 130, 129, 0], results[-1].stderr
    continued = [interruption.continued_step(r.stdout) for r in results]
    assert continued[0] == 0 and continued[1] == continued[2]  # All was redone.
    for name, result, step in zip(
        ("SIGTERM", "SIGINT", "SIGHUP"), results[2:], continued[3:]
    ):
        assert f"{name}: saved step {step} of {NUM_STEPS}" in result.stdout
    whole = {**settings, "model_dir": model_dir + "-whole"}
    assert interruption.run("tiny_training", whole).returncode == 0
    interruption.assert_same_training(model_dir, whole["model_dir"])
