"""How many GPUs a training takes by itself."""

import pytest
import tensorflow as tf

from training.strategy import create_strategy


@pytest.fixture
def two_gpus(monkeypatch):
    """The two logical CPU devices of the tests stand for GPUs."""
    devices = tf.config.list_logical_devices("CPU")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: devices[:])


@pytest.mark.parametrize(
    "batch_size, group, replicas",
    [(16, 1, 2), (1, 1, 1), (3, 1, 1), (16, 8, 2), (16, 16, 1), (96, 1, 2), (0, 1, 2)],
)
def test_auto_takes_the_gpus_that_batch_and_group_divide_among(
    two_gpus, batch_size, group, replicas
):
    strategy = create_strategy("auto", batch_size, group)
    assert strategy.num_replicas_in_sync == replicas
