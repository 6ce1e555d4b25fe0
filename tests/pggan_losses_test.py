"""Loss terms of PGGAN against numbers computed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from pggan import losses


def linear(slope):
    """A discriminator whose gradient has the norm `slope` everywhere, on 2x2 images."""
    return lambda images: slope / 2 * tf.reduce_sum(images, axis=[1, 2, 3])


def penalty(discriminator, mix=0.5, **options):
    real, fake = tf.zeros([3, 2, 2, 1]), tf.ones([3, 2, 2, 1])
    mix = tf.fill([3], mix)
    return losses.gradient_penalty(discriminator, real, fake, mix, **options)


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


@pytest.mark.parametrize(
    ("slope", "enlargement", "expected"),
    [(1.0, 1, 0.0), (2.0, 2, 0.0), (64.0, 64, 0.0), (3.0, 2, 0.25), (1.0, 4, 0.5625)],
)
def test_slope_of_enlarged_images_is_smaller_by_their_enlargement(
    slope, enlargement, expected
):
    """Enlarged twice, a slope of 3 is one of 1.5: (3 - 2)^2, a quarter of it."""
    value = penalty(linear(slope), enlargement=enlargement)
    np.testing.assert_allclose(value, [expected] * 3, rtol=1e-5, atol=1e-10)
    target, weight = enlargement, 1 / enlargement**2
    np.testing.assert_allclose(value, [weight * (slope - target) ** 2] * 3, atol=1e-5)


@pytest.mark.parametrize("enlargement", [1, 2, 8])
def test_penalty_of_enlarged_images_is_that_of_a_gradient_taken_there(enlargement):
    """Images of 4 px, enlarged by repetition; D, any function of their means."""
    real, fake = (tf.random.stateless_normal([2, 4, 4, 1], [0, n]) for n in (1, 2))
    mix = tf.constant([0.3, 0.8])
    kernel = tf.random.stateless_normal([16, 5], [0, 3])

    def discriminate(images):
        return tf.reduce_sum(tf.tanh(tf.reshape(images, [2, 16]) @ kernel), axis=1)

    def of_means(images):
        size = [enlargement] * 2
        return discriminate(tf.nn.avg_pool2d(images, size, size, "VALID"))

    def enlarged(images):
        return tf.repeat(tf.repeat(images, enlargement, axis=1), enlargement, axis=2)

    there = losses.gradient_penalty(of_means, enlarged(real), enlarged(fake), mix)
    here = losses.gradient_penalty(discriminate, real, fake, mix, enlargement)
    np.testing.assert_allclose(here, there, rtol=1e-5)


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
