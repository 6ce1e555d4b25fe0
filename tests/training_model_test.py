"""Draws and averages of a training step, on one and on two replicas."""

import numpy as np
import pytest
import tensorflow as tf

from training import lanes
from training.model import SteppedModel, reset_optimizer
from training.strategy import create_strategy


def stepped_model(strategy=None, batch_size=4):
    with (strategy or tf.distribute.get_strategy()).scope():
        return SteppedModel(seed=7, batch_size=batch_size, loss_names=["loss"])


@pytest.fixture(scope="module")
def mirrored():
    return create_strategy("mirrored", 4)


def on_replicas(strategy, function):
    return strategy.experimental_local_results(strategy.run(tf.function(function)))


@pytest.mark.parametrize("draw", ["random_normal", "random_uniform"])
def test_replicas_draw_together_what_one_draws(mirrored, draw):
    one = getattr(stepped_model(), draw)([3], stream=2)
    model = stepped_model(mirrored)
    parts = on_replicas(mirrored, lambda: getattr(model, draw)([3], stream=2))
    np.testing.assert_array_equal(tf.concat(parts, axis=0), one)
    assert len(np.unique(one)) == 12


def test_dropout_mask_is_that_of_uniform_draws_on_any_number_of_replicas(mirrored):
    """As before there was one: detectors of former versions are continued with it."""
    draws = stepped_model().random_uniform([50], stream=1)
    expected = np.where(draws < 0.25, 0.0, 1 / 0.75).astype(np.float32)
    one, two = stepped_model(), stepped_model(mirrored)
    np.testing.assert_array_equal(one.dropout_mask([50], 0.25, stream=1), expected)
    parts = on_replicas(mirrored, lambda: two.dropout_mask([50], 0.25, stream=1))
    np.testing.assert_array_equal(tf.concat(parts, axis=0), expected)


def test_draws_change_with_stream_and_step_and_return_with_the_step():
    model = stepped_model()
    first = model.random_normal([2], stream=1)
    assert np.any(model.random_normal([2], stream=2) != first)
    model.step.assign(1)
    assert np.any(model.random_normal([2], stream=1) != first)
    model.step.assign(0)
    np.testing.assert_array_equal(model.random_normal([2], stream=1), first)


def test_average_divides_by_the_global_batch(mirrored):
    model = stepped_model(mirrored, batch_size=4)
    parts = on_replicas(mirrored, lambda: model.average(loss=tf.constant([1.0, 3.0])))
    assert [float(part) for part in parts] == [1.0, 1.0]  # Two replicas' sum is 2.
    assert model.take_means() == {"loss": 2.0}


def test_means_are_taken_once():
    model = stepped_model()
    model.average(loss=tf.constant([1.0, 2.0, 3.0, 6.0]))
    assert model.take_means() == {"loss": 3.0}
    assert model.take_means() == {}  # Nothing was recorded since.


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_noticed(value):
    model = stepped_model()
    assert model.losses_are_finite()
    model.average(loss=tf.constant([1.0, 2.0, 3.0, value]))
    assert not model.losses_are_finite()


def test_resetting_an_optimizer_leaves_its_learning_rate():
    adam = tf.keras.optimizers.Adam(0.125)
    variable = tf.Variable([1.0])
    adam.build([variable])
    adam.apply_gradients([(tf.constant([2.0]), variable)])
    reset_optimizer(adam)
    assert not any(np.any(value) for value in lanes.state(adam))
    assert float(adam.learning_rate) == 0.125
