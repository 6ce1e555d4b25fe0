"""The history: it fills, returns old images, forgets some, survives a checkpoint."""

import numpy as np
import pytest
import tensorflow as tf

from dataset.errors import UserError
from simgan.history import History
from training.strategy import create_strategy


def batch(number, images=4):
    """A batch whose pixels tell its number and the image's: 7.1 is image 1 of 7."""
    values = number + 0.1 * tf.range(images, dtype=tf.float32)
    return values[:, None, None, None] * tf.ones([images, 2, 2, 1])


def values(images):
    return [round(float(value), 1) for value in np.array(images)[:, 0, 0, 0]]


def exchange(history, numbers):
    """The values returned for batches of these numbers, one list each."""
    return [values(history.exchange(batch(n), [5, n])) for n in numbers]


def test_buffer_fills_by_half_a_batch_and_stays_full():
    history = History(7, 2, batch_size=4)
    filled = []
    for number in range(1, 7):
        history.exchange(batch(number), [5, number])
        filled.append(int(history.filled))
        assert np.count_nonzero(values(history.images)) == filled[-1]
    assert filled == [2, 4, 6, 7, 7, 7]
    assert set(values(history.images)) & {1.0, 1.1, 2.0, 2.1}


def test_images_are_added_before_any_is_replaced():
    history = History(6, 2, batch_size=4)
    exchange(history, [1, 2, 3])
    assert sorted(values(history.images)) == [1.0, 1.1, 2.0, 2.1, 3.0, 3.1]


def test_a_step_replaces_half_a_batch_of_entries():
    history = History(6, 2, batch_size=4)
    exchange(history, [1, 2, 3])
    before = values(history.images)
    exchange(history, [4])
    after = values(history.images)
    assert sorted(set(after) - set(before)) == [4.0, 4.1]
    assert sum(a != b for a, b in zip(before, after)) == 2


def test_first_batch_comes_back_unchanged():
    assert exchange(History(6, 2, batch_size=4), [1]) == [[1.0, 1.1, 1.2, 1.3]]


def test_half_of_each_later_batch_is_older_than_it():
    history = History(6, 2, batch_size=4)
    for number, returned in enumerate(exchange(history, range(1, 20)), 1):
        assert returned[:2] == [number, number + 0.1]
        if number > 1:
            assert all(0 < value < number for value in returned[2:])
            assert len(set(returned[2:])) == 2


def test_images_of_many_steps_ago_return():
    returned = exchange(History(20, 2, batch_size=4), range(1, 100))
    ages = [n - int(v) for n, images in enumerate(returned, 1) for v in images[2:]]
    assert np.mean(ages[20:]) == pytest.approx(10, rel=0.3)  # 20 entries, 2 a step.
    assert max(ages) > 20


def test_draws_are_a_function_of_the_seed():
    histories = [History(6, 2, batch_size=4) for _ in range(2)]
    first, second = (exchange(history, range(1, 9)) for history in histories)
    assert first == second
    np.testing.assert_array_equal(histories[0].images, histories[1].images)
    other = histories[0].exchange(batch(9), [6, 9])
    assert values(other) != values(histories[1].exchange(batch(9), [5, 9]))


def test_history_comes_back_from_a_checkpoint(tmp_path):
    history = History(6, 2, batch_size=4)
    exchange(history, [1, 2])
    path = tf.train.Checkpoint(history=history).write(str(tmp_path / "checkpoint"))
    restored = History(6, 2, batch_size=4)
    checkpoint = tf.train.Checkpoint(history=restored)
    checkpoint.read(path).assert_existing_objects_matched()
    assert int(restored.filled) == 4
    assert exchange(restored, [3, 4]) == exchange(history, [3, 4])


def test_two_replicas_hold_and_return_what_one_does():
    strategy = create_strategy("mirrored", 4)
    one = History(6, 2, batch_size=4)
    with strategy.scope():
        two = History(6, 2, batch_size=4)

    @tf.function
    def step(number):
        def exchange_part():
            context = tf.distribute.get_replica_context()
            first = 2 * context.replica_id_in_sync_group
            return two.exchange(batch(number)[first : first + 2], [5, 8])

        return strategy.run(exchange_part)

    for number in range(1, 6):
        whole = one.exchange(batch(number), [5, 8])
        parts = strategy.experimental_local_results(step(tf.constant(float(number))))
        np.testing.assert_array_equal(tf.concat(parts, axis=0), whole)
        for copy in two.images.values:
            np.testing.assert_array_equal(copy, one.images)
    assert int(one.filled) == 6


def test_a_batch_without_halves_and_a_buffer_of_less_than_one_are_refused():
    with pytest.raises(UserError, match="--batch_size=5: half of .* an even number"):
        History(6, 2, batch_size=5)
    with pytest.raises(UserError, match="--history_size=4: less than half"):
        History(4, 2, batch_size=10)
