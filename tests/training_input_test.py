"""Batches as a function of the seed and the number of the image."""

import numpy as np
import pytest
import tensorflow as tf

from dataset.errors import UserError
from training import input as training_input
from training.strategy import create_strategy


@pytest.fixture(scope="module")
def shard_sets(tmp_path_factory, write_images):
    root = tmp_path_factory.mktemp("sets")
    return [write_images(root / str(n), n, images=3 + n, size=8) for n in (0, 1)]


def ids(shard_sets, start, stop, **changes):
    settings = {"seed": 4, **changes}
    examples = training_input.shuffled_examples(
        shard_sets, start=start, stop=stop, **settings
    )
    return [example["id"].decode() for example in examples.as_numpy_iterator()]


def test_every_epoch_has_every_image_once_in_another_order(shard_sets):
    total = sum(map(len, shard_sets))
    epochs = [ids(shard_sets, n * total, (n + 1) * total) for n in range(3)]
    everything = sorted(r.id for s in shard_sets for r in s.records())
    assert all(sorted(epoch) == everything for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


@pytest.mark.parametrize("start", [0, 1, 13, 14, 30])
def test_an_input_can_start_anywhere(shard_sets, start):
    assert ids(shard_sets, start, 40) == ids(shard_sets, 0, 40)[start:]


def test_another_seed_gives_another_order(shard_sets):
    assert ids(shard_sets, 0, 14) != ids(shard_sets, 0, 14, seed=5)


@pytest.mark.parametrize("records", [1, 3, 100])
def test_order_does_not_depend_on_how_many_are_read_at_once(
    shard_sets, records, monkeypatch
):
    expected = ids(shard_sets, 5, 31)
    monkeypatch.setattr(training_input, "RECORDS_PER_CALL", records)
    assert ids(shard_sets, 5, 31) == expected


def test_without_shuffling_the_order_is_that_of_the_sets(shard_sets):
    in_order = [r.id for s in shard_sets for r in s.records()]
    assert ids(shard_sets, 0, 28, shuffle=False) == in_order * 2


def test_examples_know_their_number(shard_sets):
    examples = training_input.shuffled_examples(shard_sets, start=9, stop=12, seed=0)
    assert [int(e["n"]) for e in examples.as_numpy_iterator()] == [9, 10, 11]


def test_order_is_the_same_eagerly_and_in_a_map(shard_sets):
    order = training_input.epoch_order(4, 0, 14)
    in_order = [r.id for s in shard_sets for r in s.records()]
    assert ids(shard_sets, 0, 14) == [in_order[place] for place in order]


def test_seeds_of_images_and_streams_differ():
    seeds = {
        tuple(training_input.image_seed(seed, n, stream).numpy())
        for seed in (0, 1, 2)
        for n in (0, 1, 1008, 1009)
        for stream in (0, 1, 2)
    }
    assert len(seeds) == 36


def test_batches_are_distributed_without_loss():
    strategy = create_strategy("mirrored", 4)
    batches = training_input.finish(tf.data.Dataset.range(12).batch(4))
    parts = [
        [part.numpy().tolist() for part in strategy.experimental_local_results(batch)]
        for batch in strategy.experimental_distribute_dataset(batches)
    ]
    assert parts == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]


def test_a_set_of_another_class_is_refused(shard_sets):
    assert training_input.check_labels(shard_sets[1], None, "data_dir") == "tumor"
    with pytest.raises(
        UserError, match="--real_dir=.*labels tumor, expected non_tumor"
    ):
        training_input.check_labels(shard_sets[1], "non_tumor", "real_dir")


def test_images_are_uint8_with_one_channel(shard_sets):
    examples = training_input.shuffled_examples(shard_sets, start=0, stop=1, seed=0)
    image = next(examples.as_numpy_iterator())["image"]
    assert image.shape == (8, 8, 1) and image.dtype == np.uint8
