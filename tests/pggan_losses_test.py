"""Loss terms of PGGAN against numbers computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from pggan import losses


def linear(slope):
    """A discriminator whose gradient has the norm `slope` everywhere, on 2x2 images."""
    return lambda images: slope / 2 * tf.reduce_sum(images, axis=[1, 2, 3])


def penalty(discriminator, mix=0.5):
    real, fake = tf.zeros([3, 2, 2, 1]), tf.ones([3, 2, 2, 1])
    return losses.gradient_penalty(discriminator, real, fake, tf.fill([3], mix))


def test_wasserstein_losses():
    real, fake = tf.constant([3.0, 1.0]), tf.constant([0.5, 2.0])
    np.testing.assert_array_equal(losses.discriminator_loss(real, fake), [-2.5, 1.0])
    np.testing.assert_array_equal(losses.generator_loss(fake), [-0.5, -2.0])
    np.testing.assert_array_equal(losses.drift_penalty(real), [9.0, 1.0])


def test_gradient_penalty_is_zero_for_unit_slope():
    np.testing.assert_allclose(penalty(linear(1.0)), [0, 0, 0], atol=1e-12)


@pytest.mark.parametrize(("slope", "expected"), [(3.0, 4.0), (0.5, 0.25), (0.0, 1.0)])
def test_gradient_penalty_is_the_squared_distance_of_the_slope_from_one(
    slope, expected
):
    np.testing.assert_allclose(penalty(linear(slope)), [expected] * 3, rtol=1e-5)


@pytest.mark.parametrize("mix", [0.0, 0.25, 1.0])
def test_gradient_penalty_is_taken_between_real_and_fake(mix):
    # D = sum(x^3) / 3 has the gradient x^2: mix^2 on each of the four pixels.
    cubic = penalty(lambda x: tf.reduce_sum(x**3, axis=[1, 2, 3]) / 3, mix)
    np.testing.assert_allclose(cubic, [(2 * mix**2 - 1) ** 2] * 3, rtol=1e-4)


def test_gradient_penaltys_gradient_is_not_zero():
    slope = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(penalty(lambda x: linear(slope)(x)))
    # d/ds (s - 1)^2 = 2 (s - 1).
    assert tape.gradient(loss, slope).numpy() == pytest.approx(4.0, rel=1e-5)


def test_gradient_penalty_of_a_constant_discriminator_has_a_finite_gradient():
    slope = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(penalty(lambda x: linear(slope)(x)))
    assert np.isfinite(tape.gradient(loss, slope))
