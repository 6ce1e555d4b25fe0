"""A detector that guides G: its loss, what becomes of images, none without weight."""

import shutil

import interruption
import numpy as np
import pytest
import tensorflow as tf
from refusals import refused
from small_trainings import PGGAN as SMALL

from flags import pggan as pggan_flags
from pggan import growth, losses
from pggan.guide import open_guide
from pggan.model import PGGAN
from training.checkpoints import num_bytes
from training.strategy import create_strategy


class Brightness(tf.Module):
    """A detector that calls bright images tumors: sigmoid(slope (mean + 0.5))."""

    def __init__(self, slope):
        super().__init__()
        self.slope = tf.Variable(slope)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1])])
    def __call__(self, images):
        means = tf.reduce_mean(images, axis=[1, 2, 3])
        return tf.sigmoid(self.slope * (means + 0.5))


@pytest.fixture(scope="module")
def detector_dir(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("detector"))
    tf.saved_model.save(Brightness(8.0), folder)
    return folder


def test_guide_loss_by_hand():
    """0.6 log(0.6 / p) + 0.4 log(0.4 / (1 - p))."""
    p = tf.constant([0.6, 0.5, 0.9, 0.2, 1.0, 0.0])
    values = losses.guide_loss(p, 0.6).numpy()
    assert values[:4] == pytest.approx([0, 0.0201355, 0.3112388, 0.3819085], abs=1e-5)
    assert values[4] > values[2] and values[5] > values[3]
    assert np.isfinite(values).all()


def test_guide_gives_the_probability_of_the_class_that_is_generated(detector_dir):
    images = tf.fill([2, 8, 8, 1], -0.25)  # sigmoid(8 * 0.25)
    tumor = open_guide(detector_dir, 1.0, "tumor")(images)
    np.testing.assert_allclose(tumor, [1 / (1 + np.exp(-2))] * 2, rtol=1e-5)
    other = open_guide(detector_dir, 1.0, "non_tumor")(images)
    np.testing.assert_allclose(other, 1 - tumor, rtol=1e-5)
    assert open_guide(detector_dir, 0.0, "tumor") is None


def build(strategy, guide_dir, weight, resolution=8):
    tf.keras.utils.set_random_seed(1)
    with strategy.scope():
        model = PGGAN(
            resolution=resolution,
            latent_size=8,
            fmap_base=32,
            fmap_max=8,
            stddev_group=4,
            learning_rate=0.01,
            ema_decay=0.5,
            gradient_penalty_weight=10.0,
            penalty_size="current",
            drift_weight=0.001,
            guide=open_guide(guide_dir, weight, "tumor"),
            guide_weight=weight,
            seed=0,
            batch_size=8,
        )
        model.start_phase(growth.Phase(8, False, 0, 10**6), first_step=True)
    return model


def train_steps(model, steps):
    """On real images that the detector is sure of: nearly white, with some noise."""
    noise = tf.random.stateless_normal([steps * 8, 8, 8, 1], seed=[0, 0])
    batch = {"real_images": 0.6 + 0.1 * noise, "alpha": tf.ones([steps * 8])}
    batches = tf.data.Dataset.from_tensor_slices(batch).batch(8)
    model.fit(batches, epochs=1, verbose=0, shuffle=False)
    return model.take_means()


def judge(model, detector_dir):
    """Probabilities of the class of 200 generated images."""
    latents = tf.random.stateless_normal([200, 8], [3, 4])
    images = model.generators["8px"]([latents, tf.ones([200])])
    return open_guide(detector_dir, 1.0, "tumor")(images).numpy()


def test_confidence_in_generated_images_falls_and_their_label_stays(detector_dir):
    strategy = create_strategy("one_device", 8)
    plain, guided = (build(strategy, detector_dir, w) for w in (0.0, 100.0))
    of_plain, of_guided = (train_steps(m, 300) for m in (plain, guided))
    confidence, guided_confidence = (judge(m, detector_dir) for m in (plain, guided))
    assert confidence.mean() > 0.9
    assert guided_confidence.mean() == pytest.approx(0.6, abs=0.1)
    assert (guided_confidence > 0.5).mean() > 0.9
    assert "guide_loss" not in of_plain and of_guided["guide_loss"] > 0


def test_detector_is_frozen_in_no_checkpoint_and_asked_at_the_last_resolution_alone(
    detector_dir,
):
    strategy = create_strategy("one_device", 8)
    guided = build(strategy, detector_dir, 1.0)
    sums_of_its_loss = 2 * 4
    plain = build(strategy, None, 0.0)
    assert num_bytes(guided) == num_bytes(plain) + sums_of_its_loss
    before = judge(guided, detector_dir)
    images = tf.random.stateless_uniform([4, 8, 8, 1], [0, 0], -1, 1)
    judged = guided.guide(images).numpy()
    assert "guide_loss" in train_steps(guided, 2)
    np.testing.assert_array_equal(guided.guide(images), judged)
    assert np.abs(judge(guided, detector_dir) - before).max() > 0
    growing = build(strategy, detector_dir, 1.0, resolution=16)
    assert "guide_loss" not in train_steps(growing, 1)


@pytest.mark.long
def test_two_replicas_equal_one(detector_dir):
    one = build(create_strategy("one_device", 8), detector_dir, 10.0)
    two = build(create_strategy("mirrored", 8), detector_dir, 10.0)
    means = [train_steps(model, 2) for model in (one, two)]
    assert means[0] == pytest.approx(means[1], rel=1e-3, abs=1e-5)


@pytest.fixture
def settings(flag_defaults, write_images, tmp_path):
    data_dir = write_images(tmp_path / "tumor", 1, images=5, size=8).directory
    defaults = flag_defaults(pggan_flags.define_train)
    return {**defaults, **SMALL, "data_dir": data_dir, "num_epochs": 0.0}


def test_weight_0_is_the_plain_training_to_the_last_bit(
    settings, detector_dir, tmp_path
):
    folders = [str(tmp_path / name) for name in ("plain", "without", "guided")]
    guides = [{}, {"guide_dir": detector_dir}]
    guides += [{"guide_dir": detector_dir, "guide_weight": 5.0}]
    for folder, guide in zip(folders, guides):
        own = {**settings, **guide, "model_dir": folder}
        interruption.start("pggan.train", own, eagerly=True)
    plain, without, guided = map(interruption.final_weights, folders)
    interruption.assert_bits_equal(plain, without)
    with pytest.raises(AssertionError):
        interruption.assert_bits_equal(plain, guided)
    assert "guide_loss" in interruption.log_lines(folders[2])[-1]


def test_training_is_continued_with_the_same_guide_alone(settings, tmp_path):
    guide = str(tmp_path / "guide")
    own = {**settings, "model_dir": str(tmp_path / "model"), "guide_weight": 2.0}
    own["guide_dir"] = guide
    tf.saved_model.save(Brightness(1.0), guide)
    interruption.start("pggan.train", own, eagerly=True)
    shutil.rmtree(guide)
    tf.saved_model.save(Brightness(1.0), guide)  # Exported once more.
    interruption.start("pggan.train", own, eagerly=True)
    shutil.rmtree(guide)
    tf.saved_model.save(Brightness(2.0), guide)
    with refused(f"--guide_dir: what {guide} holds has changed", "SHA-256"):
        interruption.start("pggan.train", own, eagerly=True)


def cut_graph(folder):
    path = folder / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:100])


def remove_variables(folder):
    shutil.rmtree(folder / "variables")


def empty_variables(folder):
    (folder / "variables/variables.data-00000-of-00001").write_bytes(b"")


def test_what_is_no_detector_is_refused(settings, tmp_path):
    own = {**settings, "model_dir": str(tmp_path / "model"), "guide_weight": 2.0}
    with refused("--guide_weight=2", "--guide_dir"):
        interruption.start("pggan.train", own)
    (tmp_path / "empty").mkdir()
    with refused(f"--guide_dir={tmp_path / 'empty'}", "classifier.export"):
        own = {**own, "guide_dir": str(tmp_path / "empty")}
        interruption.start("pggan.train", own)
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with refused(f"--guide_dir={tmp_path / 'other'}", "not a detector"):
        interruption.start("pggan.train", {**own, "guide_dir": str(tmp_path / "other")})
    for harm in (cut_graph, remove_variables, empty_variables):
        folder = tmp_path / harm.__name__
        tf.saved_model.save(Brightness(1.0), str(folder))
        harm(folder)
        with refused(f"--guide_dir={folder}", "not a detector"):
            interruption.start("pggan.train", {**own, "guide_dir": str(folder)})
    assert not (tmp_path / "model").exists()
