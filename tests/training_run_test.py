"""What ends or refuses a training, whatever it trains."""

import subprocess
import sys

import pytest

from dataset.shards import ShardSet, UserError
from flags import pggan as pggan_flags
from training.run import Run

# Leaves an iterator whose records are being read, in a cycle, as Keras does.
_STOPPED = """
import sys, time
from dataset.shards import ShardSet
from training import input as training_input

class SlowShardSet(ShardSet):
    def serialized(self, position):
        time.sleep(0.1)
        return super().serialized(position)

def train():
    examples = training_input.shuffled_examples(
        [SlowShardSet(sys.argv[1])], start=0, stop=1000, seed=0
    )
    iterator = iter(training_input.finish(examples.batch(2)))
    next(iterator)
    holder = [iterator]
    holder.append(holder)
    sys.exit(143)

train()
"""


@pytest.fixture
def settings(flag_defaults, write_images, tmp_path):
    data_dir = write_images(tmp_path / "real", 1, images=3, size=8).directory
    own = {"data_dir": data_dir, "model_dir": str(tmp_path / "model")}
    return {**flag_defaults(pggan_flags.define_train), **own}


def start(settings):
    run = Run("pggan.train", settings)
    inputs = {"data_dir": [ShardSet(settings["data_dir"])]}
    assert run.start(num_steps=1, inputs=inputs, facts={})
    run._lock.close()  # As the end of the process does.


def test_process_that_stops_while_records_are_read_ends(settings):
    command = [sys.executable, "-c", _STOPPED, settings["data_dir"]]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 143, result.stderr


def test_data_that_changed_in_their_folder_are_named(settings, write_images, tmp_path):
    start(settings)
    start(settings)  # The same go on.
    (tmp_path / "real").rename(tmp_path / "former")
    write_images(tmp_path / "real", 1, images=4, size=8)
    with pytest.raises(
        UserError,
        match=r"--data_dir: the images in .*real have changed since the training in"
        r" .*model was started \(.*\); restore them .* or give another --model_dir",
    ):
        start(settings)
