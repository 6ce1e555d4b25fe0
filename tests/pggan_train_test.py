"""Training PGGAN: refusals, its step, replicas, precision."""

import interruption
import numpy as np
import pytest
import tensorflow as tf
from refusals import refused
from small_trainings import PGGAN as SMALL

from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from flags import pggan as pggan_flags
from pggan import growth
from pggan.model import PGGAN
from training import lanes
from training.model import optimizer_for_precision
from training.strategy import create_strategy


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory, write_images):
    directory = tmp_path_factory.mktemp("real") / "tumor"
    return write_images(directory, 1, images=5, size=8).directory


@pytest.fixture
def settings(flag_defaults, data_dir, tmp_path):
    own = {"data_dir": data_dir, "model_dir": str(tmp_path / "model")}
    defaults = flag_defaults(pggan_flags.define_train)
    return {**defaults, **SMALL, "deterministic": False, **own}


def start(settings):
    interruption.start("pggan.train", settings, eagerly=True)


def test_dry_run_writes_nothing(settings, tmp_path, capsys):
    start({**settings, "dry_run": True})
    assert not (tmp_path / "model").exists()
    output = capsys.readouterr().out
    assert "steps: 10" in output and "10 tumor" in output


def test_images_of_two_classes_are_refused(settings, tmp_path, write_images):
    sets = [write_images(tmp_path / str(label), label, size=8) for label in (0, 1)]
    records = [record for s in sets for record in ShardSet(s.directory).records()]
    both = write_shard_set(
        str(tmp_path / "both"),
        lambda first, last: iter(records[first:last]),
        len(records),
        binary="tests",
        settings={},
    )
    with refused(f"--data_dir={both.directory}", "non_tumor and tumor"):
        start({**settings, "data_dir": both.directory})


def test_a_missing_set_is_refused(settings):
    with refused("nowhere"):
        start({**settings, "data_dir": "nowhere"})


def test_a_group_that_crosses_replicas_is_refused(settings):
    with refused("--stddev_group=4 ", " 2 ", "--batch_size=4"):
        start({**settings, "strategy": "mirrored"})


def test_a_batch_that_does_not_divide_among_replicas_is_refused(settings):
    with refused("--batch_size=5 ", " 2 "):
        start({**settings, "strategy": "mirrored", "batch_size": 5})


def test_a_loss_that_is_not_finite_stops_the_training(settings):
    said = ["_loss is", "at step", settings["model_dir"], "--learning_rate"]
    with refused(*said, "No checkpoint is kept"):
        start({**settings, "learning_rate": 1e30})


def build(strategy, precision="float32", *, eagerly=False, **changes):
    """A model in its fade; `eagerly` for the few steps that need no graph."""
    settings = {"batch_size": 8, "penalty_size": "current", **changes}
    tf.keras.mixed_precision.set_global_policy(precision)
    tf.keras.utils.set_random_seed(1)
    with strategy.scope():
        model = PGGAN(
            resolution=8,
            latent_size=8,
            fmap_base=32,
            fmap_max=8,
            stddev_group=4,
            learning_rate=0.1,
            ema_decay=0.5,
            gradient_penalty_weight=10.0,
            drift_weight=0.001,
            seed=0,
            **settings,
        )
        # Adam hides a gradient that is too big by a factor; SGD shows it.
        for name in ("generator", "discriminator"):
            sgd = optimizer_for_precision(tf.keras.optimizers.SGD(0.01))
            sgd.build(getattr(model, name + "s")["8px"].trainable_variables)
            setattr(model, name + "_optimizer", sgd)
        fade = growth.Phase(8, True, 0, 100)
        model.start_phase(fade, first_step=False, run_eagerly=eagerly)
    return model


def train_steps(model, steps=3):
    images = tf.random.stateless_normal([steps * 8, 8, 8, 1], seed=[0, 0])
    batch = {"real_images": images, "alpha": tf.linspace(0.0, 1.0, steps * 8)}
    batches = tf.data.Dataset.from_tensor_slices(batch).batch(8)
    history = model.fit(batches, epochs=1, verbose=0, shuffle=False).history
    tf.keras.mixed_precision.set_global_policy("float32")
    return history


class OneWeight(tf.keras.Model):
    """G: an image of grey `weight`. D: `weight` times the image's mean."""

    def __init__(self, weight, size=None):
        super().__init__()
        constant = tf.keras.initializers.Constant(weight)
        self.weight = self.add_weight(name="weight", shape=[], initializer=constant)
        self.image_size = size

    def call(self, inputs):
        first, _ = inputs
        if self.image_size:
            return self.weight * tf.ones([len(first), *[self.image_size] * 2, 1])
        return self.weight * tf.reduce_mean(first, axis=[1, 2, 3])


def test_step_descends_the_objective_of_each_network():
    """By hand: D(x) = 2 mean(x), real images 1, G's 1/4; |grad D| = 2 / sqrt(64)."""
    model = build(tf.distribute.get_strategy(), batch_size=4)
    model.generators = {"8px": OneWeight(0.25, size=8)}
    model.averaged_generators = {"8px": OneWeight(0.25, size=8)}
    model.discriminators = {"8px": OneWeight(2.0)}
    for name in ("generator", "discriminator"):
        sgd = tf.keras.optimizers.SGD(0.01)
        sgd.build(getattr(model, name + "s")["8px"].trainable_variables)
        setattr(model, name + "_optimizer", sgd)
    model.train_step({"real_images": tf.ones([4, 8, 8, 1]), "alpha": tf.ones([4])})
    # D's slope by its weight w: of D(G(z)) - D(x), 10 (w / 8 - 1)^2, 0.001 D(x)^2.
    slope = (0.25 - 1) + 10 * 2 * (2 / 8 - 1) / 8 + 0.001 * 2 * 2
    weight = 2 - 0.01 * slope
    assert float(model.discriminators["8px"].weight) == pytest.approx(weight)
    assert float(model.generators["8px"].weight) == pytest.approx(0.25 + 0.01 * weight)
    assert model.take_means() == pytest.approx(
        {
            "discriminator_loss": 2 * 0.25 - 2,
            "gradient_penalty": (2 / 8 - 1) ** 2,
            "drift": 2.0**2,
            "generator_loss": -weight * 0.25,
        }
    )


@pytest.mark.parametrize("size, times", [(8, 1), (4, 2)])
def test_gradient_is_penalized_at_the_size_that_is_asked_for(size, times):
    """D with the slope `times` on images of `size` px, which are enlarged to 8 px."""
    penalties = {}
    for penalty_size in ("current", "final"):
        model = build(create_strategy("one_device", 8), penalty_size=penalty_size)
        model.resolution_key = f"{size}px"
        model.discriminators = {
            model.resolution_key: tf.keras.layers.Lambda(
                lambda inputs: times / size * tf.reduce_sum(inputs[0], axis=[1, 2, 3])
            )
        }
        model.minimize = lambda *arguments: None
        alpha = tf.ones([8])
        model.train_step({"real_images": tf.ones([8, size, size, 1]), "alpha": alpha})
        penalties[penalty_size] = model.take_means()["gradient_penalty"]
    expected = {"current": (times - 1) ** 2, "final": 0}
    assert penalties == pytest.approx(expected, abs=1e-6)


def test_two_replicas_equal_one():
    """Weights after three steps of SGD to 1e-5, sums in another order apart."""
    one = build(create_strategy("one_device", 8))
    two = build(create_strategy("mirrored", 8))
    before = one.generators["8px"].get_weights()
    losses = [train_steps(model) for model in (one, two)]
    for name, value in losses[0].items():
        assert value == pytest.approx(losses[1][name], rel=1e-4, abs=1e-5)
    for kind in ("generators", "discriminators", "averaged_generators"):
        weights = [getattr(model, kind)["8px"].get_weights() for model in (one, two)]
        for first, second in zip(*weights, strict=True):
            np.testing.assert_allclose(first, second, atol=1e-5)
    after = one.generators["8px"].get_weights()
    assert max(np.abs(a - b).max() for a, b in zip(before, after)) > 1e-3


def test_losses_in_reduced_precision_follow_float32():
    precisions = ("float32", "mixed_bfloat16", "mixed_float16")
    strategy = tf.distribute.get_strategy()
    full, *others = (train_steps(build(strategy, p, eagerly=True)) for p in precisions)
    for reduced in others:
        for name in ("discriminator_loss", "generator_loss", "gradient_penalty"):
            assert reduced[name] == pytest.approx(full[name], rel=0.1, abs=0.05)


def test_average_of_weights_moves_by_one_minus_decay():
    model = build(tf.distribute.get_strategy(), eagerly=True)
    slow = model.averaged_generators["8px"].get_weights()
    train_steps(model, steps=1)
    fast = model.generators["8px"].get_weights()
    for old, new, average in zip(
        slow, fast, model.averaged_generators["8px"].get_weights(), strict=True
    ):
        np.testing.assert_allclose(average, (old + new) / 2, atol=1e-6)


def test_adam_starts_anew_with_each_phase():
    model = build(tf.distribute.get_strategy())
    adam = tf.keras.optimizers.Adam(0.125)
    adam.build(model.generators["8px"].trainable_variables)
    for variable in adam.variables:
        variable.assign(tf.ones_like(variable))
    adam.learning_rate = 0.125
    model.generator_optimizer = model.discriminator_optimizer = adam
    model.start_phase(growth.Phase(8, False, 100, 200), first_step=True)
    assert float(adam.learning_rate) == 0.125
    assert not any(np.any(variable) for variable in lanes.state(adam))
