"""Coupled weight decay, and the halving of the learning rate."""

import numpy as np
import pytest
import tensorflow as tf

from gan.optimizers import CoupledAdam, HalvedLearningRate
from training import lanes


def step(optimizer, weight, gradient):
    variable = tf.Variable(weight)
    optimizer.build([variable])
    optimizer.apply_gradients([(tf.constant(gradient), variable)])
    return variable.numpy(), optimizer


def test_decay_is_added_to_the_gradient_and_so_rescaled_by_adam():
    adam = CoupledAdam(0.1, beta_1=0.5, beta_2=0.999, epsilon=1e-8, coupled_decay=0.25)
    weights, adam = step(adam, [4.0, -4.0, 0.0], [0.0, 1.5, 0.0])
    # Gradients with decay: 1, 0.5 and 0; Adam's first step is lr * sign(gradient).
    np.testing.assert_allclose(weights, [3.9, -4.1, 0.0], atol=1e-5)
    momentum = lanes.state(adam)[1]  # After the step count.
    np.testing.assert_allclose(momentum, [0.5, 0.25, 0.0])


def test_without_decay_it_is_adam():
    ours = CoupledAdam(0.1, beta_1=0.5)
    adam = tf.keras.optimizers.Adam(0.1, beta_1=0.5)
    first, second = (step(o, [1.0, 2.0], [0.3, -0.7])[0] for o in (ours, adam))
    np.testing.assert_array_equal(first, second)


def test_configuration_has_the_decay():
    config = CoupledAdam(0.1, coupled_decay=0.5).get_config()
    assert CoupledAdam.from_config(config).coupled_decay == 0.5


@pytest.mark.parametrize(
    "num_halvings, halvings",
    [(1, [0, 0, 1, 1, 1, 1]), (2, [0, 0, 1, 1, 2, 2]), (0, [0, 0, 1, 1, 2, 6])],
)
def test_learning_rate_is_halved_at_15000_and_as_often_as_said(num_halvings, halvings):
    steps = (0, 14_999, 15_000, 29_999, 30_000, 99_999)
    rates = [
        float(HalvedLearningRate(step, 1e-4, 15_000, num_halvings)(7)) for step in steps
    ]
    assert rates == pytest.approx([1e-4 / 2**n for n in halvings])
