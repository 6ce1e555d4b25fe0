"""SimGAN's step: phases, history, objective, replicas, precision."""

import numpy as np
import pytest
import tensorflow as tf

from simgan import schedule
from simgan.model import SimGAN
from training.strategy import create_strategy


def build(strategy=None, precision="float32", **changes):
    settings = {
        "image_size": 32,
        "num_steps": 200,
        "pretrain_refiner_steps": 0,
        "pretrain_discriminator_steps": 0,
        "refiner_updates": 2,
        "discriminator_updates": 1,
        "num_blocks": 1,
        "base_maps": 4,
        "block_kernel_size": 3,
        "architecture": "hands",
        "output_activation": "tanh",
        "block_scale": 1.0,
        "refiner_rate_factor": 1.0,
        "batch_norm_momentum": 0.9,
        "learning_rate": 0.01,
        "halving_steps": 100,
        "num_halvings": 0,
        "loss_reduction": "mean",
        "regularization_weight": 10.0,
        "history_size": 6,
        "seed": 0,
        "batch_size": 4,
    }
    tf.keras.mixed_precision.set_global_policy(precision)
    tf.keras.utils.set_random_seed(1)
    with (strategy or tf.distribute.get_strategy()).scope():
        return SimGAN(**{**settings, **changes})


def steps_of(count, updates, batch_size=4):
    """`count` steps' images: synthetic of coarse noise, real brighter, with stripes."""

    def images(seed):
        shape = [count * batch_size, updates, 4, 4, 1]
        coarse = tf.random.stateless_uniform(shape, [seed, 0], -1, 1)
        return tf.repeat(tf.repeat(coarse, 8, axis=2), 8, axis=3)

    stripes = tf.cast(tf.range(32) % 4 < 2, tf.float32)[:, None]
    real_images = tf.clip_by_value(0.5 * images(2) + 0.4 * stripes, -1, 1)
    pairs = {"synthetic_images": images(1), "real_images": real_images}
    return tf.data.Dataset.from_tensor_slices(pairs).batch(batch_size)


def enlarged(images):
    """Batches of a step at twice their size."""
    return tf.repeat(tf.repeat(images, 2, axis=2), 2, axis=3)


def train_steps(model, steps=3, updates=(2, 1), eagerly=False):
    """Losses of `steps` steps with (refiner, discriminator) updates, means by name."""
    begin = int(model.step.numpy())
    phase = schedule.Phase("test", begin, begin + steps, *updates, 0)
    with model.distribute_strategy.scope():
        model.start_phase(phase, run_eagerly=eagerly)
    batches = steps_of(steps, sum(updates), model.batch_size)
    model.fit(batches, epochs=1, verbose=0, shuffle=False)
    tf.keras.mixed_precision.set_global_policy("float32")
    return model.take_means()


def values(network):
    return [variable.numpy() for variable in network.trainable_variables]


def moved(network, before):
    return max(np.abs(a - b).max() for a, b in zip(values(network), before))


@pytest.mark.parametrize("updates, refiners", [((1, 0), 1), ((1, 1), 0.25)])
def test_rate_factor_is_of_the_refiner_in_the_main_part(updates, refiners):
    moves = {}
    for factor in (1.0, 0.25):
        model = build(refiner_rate_factor=factor)
        before = values(model.refiner)
        train_steps(model, steps=1, updates=updates, eagerly=True)
        moves[factor] = moved(model.refiner, before)
    assert moves[0.25] == pytest.approx(refiners * moves[1.0], rel=1e-3)


def test_each_phase_trains_the_networks_it_says():
    model = build()
    refiner, discriminator = values(model.refiner), values(model.discriminator)
    losses = train_steps(model, updates=(1, 0), eagerly=True)
    assert set(losses) == {"regularization_loss"}
    assert moved(model.refiner, refiner) > 0
    assert moved(model.discriminator, discriminator) == 0
    refiner = values(model.refiner)
    losses = train_steps(model, updates=(0, 1), eagerly=True)
    assert set(losses) == {"discriminator_loss"}
    assert moved(model.refiner, refiner) == 0
    assert moved(model.discriminator, discriminator) > 0
    losses = train_steps(model, updates=(2, 1), eagerly=True)
    assert len(losses) == 3 and all(np.isfinite(value) for value in losses.values())
    assert int(model.refiner_optimizer.iterations) == 3 + 6
    assert int(model.discriminator_optimizer.iterations) == 3 + 3
    assert int(model.step) == 9


def test_history_fills_in_training_and_the_discriminator_is_shown_old_images():
    model = build(history_size=20)
    shown = []
    model.start_phase(schedule.Phase("test", 0, 3, 0, 1, 0))
    judge = model._judge
    model._judge = lambda real, refined: shown.append(refined) or judge(real, refined)
    for batch in steps_of(3, 1):
        model.train_step(batch)
        old = [image for images in shown[:-1] for image in images.numpy()]
        for image in shown[-1][2:].numpy() if old else ():
            assert any(np.array_equal(image, other) for other in old)
    assert int(model.history_buffer.filled) == 6
    assert len(shown) == 3


def test_history_draws_differ_between_steps_and_updates():
    model = build()
    seeds = []
    model.start_phase(schedule.Phase("test", 0, 2, 0, 2, 0))
    exchange = model.history_buffer.exchange

    def note(images, seed):
        seeds.append(tuple(seed.numpy()))
        return exchange(images, seed)

    model.history_buffer.exchange = note
    for batch in steps_of(2, 2):
        model.train_step(batch)
    assert len(set(seeds)) == 4


def test_every_loss_is_of_the_images_that_its_name_says():
    """R(x) = x + 0.5; D says "real" the louder the brighter: logits 0 and mean(x)."""
    model = build()
    lift = tf.keras.layers.Lambda(lambda x: x + 0.5)

    def judge(images):
        mean = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
        return tf.concat([tf.zeros_like(mean), mean], axis=-1)

    model.refiner = tf.keras.Sequential([lift])
    model.discriminator = tf.keras.Sequential([tf.keras.layers.Lambda(judge)])
    model.minimize = lambda *arguments: None
    model.start_phase(schedule.Phase("test", 0, 1, 1, 1, 0))
    synthetic_images = tf.zeros([4, 2, 32, 32, 1])
    model.train_step(
        {"synthetic_images": synthetic_images, "real_images": synthetic_images + 3.0}
    )
    refined_as_refined, refined_as_real = np.log1p(np.exp([0.5, -0.5]))
    assert model.take_means() == pytest.approx(
        {
            "regularization_loss": 0.5,
            "adversarial_loss": refined_as_real,
            "discriminator_loss": refined_as_refined + np.log1p(np.exp(-3.0)),
        }
    )


def test_objective_of_the_refiner_is_the_weighted_sum():
    model = build(regularization_weight=7.0)
    objectives = []
    model.minimize = lambda *arguments: objectives.append(float(arguments[2]))
    model.start_phase(schedule.Phase("test", 0, 1, 1, 1, 0))
    model.train_step(next(iter(steps_of(1, 2))))
    losses = model.take_means()
    expected = 7 * losses["regularization_loss"] + losses["adversarial_loss"]
    assert objectives == pytest.approx([expected, losses["discriminator_loss"]])


@pytest.mark.parametrize(
    "name, updates",
    [("refiner", (1, 0)), ("refiner", (1, 1)), ("discriminator", (0, 1))],
)
def test_step_on_sums_is_that_on_means_times_the_patches(name, updates):
    """Images of 64 px have 2 x 2 patches: SGD moves four times as far."""
    moves = {}
    for reduction, weight in (("sum", 0.02), ("mean", 0.02 * 32 * 32)):
        model = build(
            image_size=64, loss_reduction=reduction, regularization_weight=weight
        )
        network = getattr(model, name)
        before = values(network)
        model.start_phase(schedule.Phase("test", 0, 1, *updates, 0))
        images = next(iter(steps_of(1, sum(updates))))
        model.train_step({k: enlarged(x) for k, x in images.items()})
        moves[reduction] = [a - b for a, b in zip(values(network), before)]
    largest = max(np.abs(move).max() for move in moves["mean"])
    for of_sums, of_means in zip(moves["sum"], moves["mean"]):
        np.testing.assert_allclose(of_sums, 4 * of_means, atol=1e-3 * largest)


def test_weight_that_is_not_given_is_that_of_the_reduction():
    for reduction, weight in (("sum", 0.01), ("mean", 10.0)):
        model = build(loss_reduction=reduction, regularization_weight=None)
        assert model.regularization_weight == weight
    model = build(loss_reduction="sum", regularization_weight=0.0)
    assert model.regularization_weight == 0.0


def test_learning_rate_follows_the_steps_not_the_updates():
    model = build(learning_rate=0.5, halving_steps=4)
    before = values(model.discriminator)
    distances = []
    for step in (0, 3, 4, 8):
        model.step.assign(step)
        model.start_phase(schedule.Phase("test", step, step + 1, 0, 1, 0))
        for variable, value in zip(model.discriminator.trainable_variables, before):
            variable.assign(value)
        model.history_buffer.filled.assign(0)
        model.train_step(next(iter(steps_of(1, 1))))
        distances.append(moved(model.discriminator, before))
    assert np.divide(distances, distances[0]) == pytest.approx(
        [1, 1, 1 / 2, 1 / 4], rel=1e-4
    )


def test_regularization_weight_keeps_the_refiner_at_identity():
    """Mean |R(x) - x| after pre-training, and with the discriminator's pull."""
    after = {}
    for weight in (20.0, 0.0):
        model = build(base_maps=8, learning_rate=0.005, regularization_weight=20.0)
        train_steps(model, steps=100, updates=(1, 0))
        before = train_steps(model, steps=5, updates=(1, 0))["regularization_loss"]
        model.schedule.learning_rate = 0.1
        train_steps(model, steps=20, updates=(0, 1))
        model.regularization_weight = weight
        model.schedule.learning_rate = 0.02
        train_steps(model, steps=100)
        after[weight] = train_steps(model, steps=5)["regularization_loss"]
    assert before < 0.15
    assert after[20.0] < before
    assert after[0.0] > 2 * before


def test_two_replicas_equal_one():
    """Weights, losses and history, with batch norm over both replicas' images."""
    one = build(create_strategy("one_device", 4), synchronized=True)
    two = build(create_strategy("mirrored", 4))
    before = values(one.refiner)
    for updates in ((1, 0), (0, 1), (2, 1)):
        losses = [train_steps(model, 2, updates) for model in (one, two)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for name in ("refiner", "discriminator"):
        networks = [getattr(model, name) for model in (one, two)]
        for first, second in zip(*(network.weights for network in networks)):
            np.testing.assert_allclose(first, second, atol=1e-5, err_msg=first.name)
    # Losses are sums over pixels: long steps enlarge what rounding differs by.
    for copy in two.history_buffer.images.values:
        np.testing.assert_allclose(copy, one.history_buffer.images, atol=1e-4)
    assert moved(one.refiner, before) > 1e-3


def test_stock_and_synchronized_batch_norm_train_alike():
    """One replica takes the stock layer, several the synchronized one."""
    first, second = build(), build(synchronized=True)
    losses = [train_steps(model) for model in (first, second)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_losses_in_reduced_precision_follow_float32(precision):
    # A loss scale for float16 begins so high that the first updates are left out.
    rate = {"learning_rate": 0.01 if precision == "mixed_bfloat16" else 1e-4}
    full = train_steps(build(**rate), eagerly=True)
    reduced = train_steps(build(precision=precision, **rate), eagerly=True)
    for name, value in full.items():
        assert reduced[name] == pytest.approx(value, rel=0.05, abs=0.02), name
