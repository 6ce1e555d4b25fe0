"""UNIT's step: translations, objective, replicas, precision."""

import numpy as np
import pytest
import tensorflow as tf

from training import lanes
from training.strategy import create_strategy
from unit.model import LOSS_NAMES, UNIT, Translations

TERMS = ("gan", "reconstruction", "kl", "cycle", "cycle_kl")
NO_WEIGHTS = {f"{term}_weight": 0.0 for term in TERMS}


class Identity(tf.keras.Model):
    """A network that returns what it is given."""

    def call(self, inputs):
        return inputs


def build(strategy=None, precision="float32", optimizer=None, **changes):
    settings = {
        "image_size": 32,
        "num_steps": 4,
        "base_maps": 2,
        "shared_blocks": 1,
        "norm_scale": "ones",
        "discriminator_scales": 2,
        "gan_loss": "lsgan",
        "gan_weight": 1.0,
        "reconstruction_weight": 10.0,
        "kl_weight": 0.01,
        "cycle_weight": 10.0,
        "cycle_kl_weight": 0.01,
        "learning_rate": 1e-3,
        "halving_steps": 20,
        "weight_decay": 1e-4,
        "seed": 0,
        "batch_size": 2,
    }
    tf.keras.mixed_precision.set_global_policy(precision)
    tf.keras.utils.set_random_seed(1)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = UNIT(**{**settings, **changes})
        for side in ("generator", "discriminator") if optimizer else ():
            made = optimizer()
            made.build(getattr(model, f"{side}_variables"))
            setattr(model, f"{side}_optimizer", made)
        # A step or two are done before their graph would have been made.
        model.compile(run_eagerly=True)
    return model


def pairs(count):
    """`count` synthetic and real images of coarse noise."""

    def images(seed):
        coarse = tf.random.stateless_uniform([count, 4, 4, 1], [seed, 0], -1, 1)
        return tf.repeat(tf.repeat(coarse, 8, axis=1), 8, axis=2)

    return {"synthetic_images": images(1), "real_images": images(2)}


def train_steps(model, steps=2):
    batches = tf.data.Dataset.from_tensor_slices(pairs(2 * steps)).batch(2)
    losses = model.fit(batches, epochs=1, verbose=0, shuffle=False).history
    tf.keras.mixed_precision.set_global_policy("float32")
    return {name: values[0] for name, values in losses.items()}


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


@pytest.mark.parametrize("term", TERMS)
def test_objective_is_the_weighted_sum_of_the_terms(term):
    """With the weight of one term alone, the objective is that term of both domains."""
    model = build(**{**NO_WEIGHTS, f"{term}_weight": 0.5})
    objectives = []
    model.minimize = lambda *arguments: objectives.append(float(arguments[2]))
    values = {name: float(v) for name, v in model.train_step(pairs(2)).items()}
    discriminators, generators = objectives
    name = "generator" if term == "gan" else term
    expected = values[f"{name}_loss_a"] + values[f"{name}_loss_b"]
    assert generators == pytest.approx(expected / 2, rel=1e-5)
    expected = values["discriminator_loss_a"] + values["discriminator_loss_b"]
    expected *= 0.5 if term == "gan" else 0.0
    assert discriminators == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_of_2017_trains():
    losses = train_steps(build(gan_loss="cross_entropy"))
    assert 0 < losses["generator_loss_a"] < 2 * 0.8  # Two scales, log 2 each at first.


def test_two_replicas_equal_one():
    """SGD, which does not hide a gradient that is too big by a factor."""

    def sgd():
        return tf.keras.optimizers.SGD(1e-3)

    one = build(create_strategy("one_device", 2), optimizer=sgd)
    two = build(create_strategy("mirrored", 2), optimizer=sgd)
    before = [v.numpy() for v in one.trainable_variables]
    losses = [train_steps(model) for model in (one, two)]
    for name, value in losses[0].items():
        assert value == pytest.approx(losses[1][name], rel=1e-4, abs=1e-5)
    moved = [np.abs(v - b).max() for v, b in zip(one.trainable_variables, before)]
    assert max(moved) > 1e-3
    for first, second in zip(one.trainable_variables, two.trainable_variables):
        # L1 losses flip the sign of a gradient where rounding moves a value past zero.
        # A gradient twice too big would differ by as much as the weights move.
        tolerance = 0.2 * max(moved)
        np.testing.assert_allclose(first, second, atol=tolerance, err_msg=first.name)


def test_weight_decay_does_not_depend_on_the_number_of_replicas():
    """Without losses, gradients are the decay alone, and Adam's first moments half."""
    model = build(create_strategy("mirrored", 2), weight_decay=0.1, **NO_WEIGHTS)
    weight = model.generator_variables[0].numpy()
    train_steps(model, steps=1)
    momentum = lanes.state(model.generator_optimizer)[1].numpy()
    np.testing.assert_allclose(momentum, (1 - 0.5) * 0.1 * weight, rtol=1e-5)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_losses_in_reduced_precision_follow_float32(precision):
    full, reduced = train_steps(build()), train_steps(build(precision=precision))
    for name, value in full.items():
        assert reduced[name] == pytest.approx(value, rel=0.05, abs=0.02), name
