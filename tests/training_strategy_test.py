"""How many GPUs, and which precision, a training takes by itself."""

import pytest
import tensorflow as tf

from training.strategy import create_strategy, fast_precision


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


@pytest.mark.parametrize(
    "capabilities, processor_flags, precision",
    [
        ([], "flags\t: fma avx512_bf16 f16c", "mixed_bfloat16"),
        ([], "flags\t: amx_bf16", "mixed_bfloat16"),
        ([], "flags\t: fma avx512f avx_bf16x", "float32"),
        ([], "Features\t: asimd", "float32"),
        ([(8, 0), (9, 0)], "flags\t: fma", "mixed_bfloat16"),
        ([(8, 0), (7, 5)], "flags\t: avx512_bf16", "float32"),
        ([None], "flags\t: avx512_bf16", "float32"),
    ],
)
def test_bfloat16_is_chosen_where_all_devices_compute_in_it(
    capabilities, processor_flags, precision, monkeypatch
):
    details = [{"compute_capability": c} if c else {} for c in capabilities]
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind: range(len(details))
    )
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", details.__getitem__
    )
    monkeypatch.setattr(
        "pathlib.Path.read_text", lambda path: f"processor\t: 0\n{processor_flags}\n"
    )
    assert fast_precision() == precision
