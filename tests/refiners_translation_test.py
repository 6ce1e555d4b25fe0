"""What holds for both models that translate: objective, replicas, precision."""

import numpy as np
import pytest
import tensorflow as tf
import translation_models
from translation_models import pairs, train_steps

from munit.model import MUNIT
from training import lanes
from training.strategy import create_strategy
from unit.model import UNIT

MODELS = pytest.mark.parametrize("model_class", [UNIT, MUNIT])


def build(model_class, strategy="one_device", **options):
    strategy = create_strategy(strategy, 2)
    return translation_models.build(model_class, strategy, **options)


@pytest.mark.parametrize(
    "model_class, weight",
    [(m, name) for m in (UNIT, MUNIT) for name in translation_models.weights(m)],
)
def test_objective_is_the_weighted_sum_of_the_terms(model_class, weight):
    """With the weight of one term alone, the objective is that term of both domains."""
    no_weights = dict.fromkeys(translation_models.weights(model_class), 0.0)
    model = translation_models.build(model_class, **{**no_weights, weight: 0.5})
    objectives = []
    model.minimize = lambda *arguments: objectives.append(float(arguments[2]))
    values = {name: float(v) for name, v in model.train_step(pairs(2)).items()}
    discriminators, generators = objectives
    term = weight.removesuffix("_weight")
    name = "generator" if term == "gan" else term
    expected = values[f"{name}_loss_a"] + values[f"{name}_loss_b"]
    assert generators == pytest.approx(expected / 2, rel=1e-5) and generators > 0
    expected = values["discriminator_loss_a"] + values["discriminator_loss_b"]
    expected *= 0.5 if term == "gan" else 0.0
    assert discriminators == pytest.approx(expected, rel=1e-5)


@MODELS
def test_two_replicas_equal_one(model_class):
    """SGD, which does not hide a gradient that is too big by a factor."""

    def sgd():
        return tf.keras.optimizers.SGD(1e-3)

    one = build(model_class, optimizer=sgd)
    two = build(model_class, "mirrored", optimizer=sgd)
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


@MODELS
def test_weight_decay_does_not_depend_on_the_number_of_replicas(model_class):
    """Without losses, gradients are the decay alone, and Adam's first moments half."""
    no_weights = dict.fromkeys(translation_models.weights(model_class), 0.0)
    no_weights["weight_decay"] = 0.1
    model = build(model_class, "mirrored", **no_weights)
    weight = model.generator_variables[0].numpy()
    train_steps(model, steps=1)
    momentum = lanes.state(model.generator_optimizer)[1].numpy()
    np.testing.assert_allclose(momentum, (1 - 0.5) * 0.1 * weight, rtol=1e-5)


@pytest.mark.parametrize(
    "model_class, precision",
    [
        (UNIT, "mixed_bfloat16"),
        (MUNIT, "mixed_float16"),
        pytest.param(UNIT, "mixed_float16", marks=pytest.mark.long),
        pytest.param(MUNIT, "mixed_bfloat16", marks=pytest.mark.long),
    ],
)
def test_losses_in_reduced_precision_follow_float32(model_class, precision):
    full = train_steps(translation_models.build(model_class))
    reduced = train_steps(translation_models.build(model_class, precision=precision))
    for name, value in full.items():
        assert reduced[name] == pytest.approx(value, rel=0.05, abs=0.02), name
