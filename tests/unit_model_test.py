"""UNIT's step: translations, objective, replicas, precision."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import translation_models
from translation_models import pairs, train_steps

from unit.model import LOSS_NAMES, UNIT, Translations


class Identity(tf.keras.Model):
    """A network that returns what it is given."""

    def call(self, inputs):
        return inputs


build = functools.partial(translation_models.build, UNIT)


def test_translations_of_identity_networks_are_the_images():
    model = build()
    for name in ("encoder_a", "encoder_b", "decoder_a", "decoder_b"):
        setattr(model, name, Identity())
    model._add_noise = lambda h, stream: h
    images = pairs(2)
    x_a, x_b = images["synthetic_images"], images["real_images"]
    expected = Translations(x_a, x_b, x_a, x_b, x_a, x_b, x_a, x_b, x_a, x_b)
    for name, got, image in zip(
        Translations._fields, model.translate(x_a, x_b), expected
    ):
        np.testing.assert_array_equal(got, image, err_msg=name)


def build_digits():
    """Networks that add a digit each show the way: a's 1 and 3, b's 2 and 4."""
    model = build()
    digits = {"encoder_a": 1.0, "encoder_b": 2.0, "decoder_a": 3.0, "decoder_b": 4.0}
    for name, digit in digits.items():
        layer = tf.keras.layers.Lambda(lambda x, d=digit: 10 * x + d)
        setattr(model, name, tf.keras.Sequential([layer]))
    model._add_noise = lambda h, stream: h
    return model


def test_translations_go_through_the_networks_that_their_names_say():
    model = build_digits()
    t = model.translate(tf.zeros([1, 2, 2, 1]), tf.zeros([1, 2, 2, 1]))
    ways = {name: int(x[0, 0, 0, 0]) for name, x in t._asdict().items()}
    assert ways == {
        "h_a": 1,
        "h_b": 2,
        "x_aa": 13,
        "x_ba": 23,
        "x_ab": 14,
        "x_bb": 24,
        "h_ab": 142,
        "h_ba": 231,
        "x_aba": 1423,
        "x_bab": 2314,
    }


def test_every_term_is_of_its_own_domain_and_images():
    """x_a = 0 and x_b = 1 on the way of the digits; D_a(x) = x/1000, D_b(x) = x/500."""
    model = build_digits()
    for name, scale in ("discriminator_a", 1000.0), ("discriminator_b", 500.0):
        layer = tf.keras.layers.Lambda(lambda x, scale=scale: x / scale)
        setattr(model, name, tf.keras.Sequential([layer]))
    model.minimize = lambda *arguments: None
    shape = [2, 2, 2, 1]
    images = {"synthetic_images": tf.zeros(shape), "real_images": tf.ones(shape)}
    values = {name: float(value) for name, value in model.train_step(images).items()}
    assert values == pytest.approx(
        {
            "reconstruction_loss_a": 13,
            "reconstruction_loss_b": 124 - 1,
            "kl_loss_a": 1,
            "kl_loss_b": 12**2,
            "cycle_loss_a": 1423,
            "cycle_loss_b": 12314 - 1,
            "cycle_kl_loss_a": 142**2,
            "cycle_kl_loss_b": 1231**2,
            "generator_loss_a": (0.123 - 1) ** 2,
            "generator_loss_b": (0.028 - 1) ** 2,
            "discriminator_loss_a": (0 - 1) ** 2 + 0.123**2,
            "discriminator_loss_b": (0.002 - 1) ** 2 + 0.028**2,
        }
    )


def test_noise_is_new_in_every_step_and_stream_and_the_same_when_repeated():
    model = build()
    noise = [model._add_noise(tf.zeros([2, 8, 8, 8]), stream) for stream in (1, 2, 1)]
    assert not np.allclose(noise[0], noise[1])
    np.testing.assert_array_equal(noise[0], noise[2])
    model.step.assign_add(1)
    assert not np.allclose(noise[0], model._add_noise(tf.zeros([2, 8, 8, 8]), 1))
    assert np.std(noise[0]) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("shared", [False, True])
def test_discriminators_are_shown_the_generators_translations_if_shared(shared):
    """Of the same latents in any case: with no noise nothing differs."""
    model = build(shared_translations=shared)
    shown, judged = [], []
    update, judge = model._update_discriminators, model._domain_loss
    model._update_discriminators = lambda *x: shown.extend(x[2:]) or update(*x)
    model._domain_loss = lambda *x: judged.append(x[-1]) or judge(*x)
    model.train_step(pairs(2))
    assert [np.array_equal(*pair) for pair in zip(shown, judged)] == [shared] * 2
    shown.clear()
    judged.clear()
    model._add_noise = lambda h, stream: h
    model.train_step(pairs(2))
    for first, second in zip(shown, judged):
        np.testing.assert_allclose(first, second, atol=1e-5)


class Noting(tf.keras.Model):
    """A network that keeps what it was given."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.given = []

    def call(self, inputs):
        self.given.append(inputs)
        return self.network(inputs)


def test_images_are_encoded_once_in_a_step():
    """And once as what the other domain's were translated to."""
    model = build()
    model.encoder_a, model.encoder_b = Noting(model.encoder_a), Noting(model.encoder_b)
    images = pairs(2)
    model.train_step(images)
    for encoder, own in zip((model.encoder_a, model.encoder_b), images.values()):
        given = encoder.given
        assert [np.array_equal(x, own) for x in given] == [True, False]


def test_all_six_terms_of_both_domains_are_recorded_and_weights_move():
    model = build()
    before = [v.numpy() for v in model.trainable_variables]
    losses = train_steps(model)
    assert set(losses) == set(LOSS_NAMES) and len(LOSS_NAMES) == 12
    assert all(np.isfinite(value) and value > 0 for value in losses.values())
    moved = [np.abs(v - b).max() for v, b in zip(model.trainable_variables, before)]
    assert min(moved) > 0 and int(model.step) == 2


def test_cross_entropy_of_2017_trains():
    losses = train_steps(build(gan_loss="cross_entropy"))
    assert 0 < losses["generator_loss_a"] < 2 * 0.8  # Two scales, log 2 each at first.
