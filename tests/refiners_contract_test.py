"""What any refiner promises: the same assertions over ours and the examples."""

import json
import shutil

import numpy as np
import pytest
import refiner_commands
import tensorflow as tf
from refiner_commands import EXAMPLES, NATIVE
from refusals import refused

from dataset import verify
from dataset.errors import UserError
from dataset.records import to_float, to_uint8
from dataset.shard_writer import write_shard_set
from dataset.shards import ShardSet
from munit.refine import build_refiner as build_munit
from munit.styles import drawn_styles
from refiners import refining
from simgan import networks
from simgan import refine as simgan_refine
from training import lanes
from training.checkpoints import read_run, restore_parts
from training.strategy import create_strategy
from unit.model import UNIT

pytestmark = pytest.mark.usefixtures("one_residual_block")


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    """Synthetic and real images of a class, and more synthetic ones to refine.

    The latter are 21: two whole groups of 8 and a part of one.
    """
    directory = tmp_path_factory.mktemp("sets")
    return {
        "synthetic": write_images(directory / "synthetic", 1, images=4, size=32),
        "real": write_images(directory / "real", 1, ("p3",), images=6, size=30),
        "more": write_images(directory / "more", 1, ("p4", "p5", "p6"), images=7),
    }


class Refiner:
    """A refiner that is trained, and what it made of the set `more`."""

    def __init__(self, name, folder, sets, flag_defaults):
        self.name = name
        self.flag_defaults = flag_defaults
        self.model_dir = folder / "model"
        places = {f"{part}_dir": sets[part].directory for part in ("real", "synthetic")}
        model_dir = str(self.model_dir)
        refiner_commands.train(name, flag_defaults, model_dir=model_dir, **places)
        self.directory = folder / "refined"
        self.refined = self.refine(sets["more"], self.directory)
        self.images = [record.image for record in self.refined.records()]

    def refine(self, synthetic, output_dir, model_dir=None, **settings):
        settings |= {"output_dir": str(output_dir)}
        settings |= {"model_dir": str(model_dir or self.model_dir)}
        refiner_commands.refine(
            self.name, self.flag_defaults, synthetic.directory, **settings
        )
        return ShardSet(str(output_dir))

    def images_of(self, synthetic, output_dir, **settings):
        """Uint8 images of the set when it is refined."""
        refined = self.refine(synthetic, output_dir, **settings)
        return [record.image for record in refined.records()]


@pytest.fixture(scope="module")
def refiner_of(sets, tmp_path_factory, flag_defaults):
    """A function of a name to its `Refiner`, trained once."""
    known = {}

    def find(name):
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            known[name] = Refiner(name, folder, sets, flag_defaults)
        return known[name]

    return find


@pytest.fixture(params=[*NATIVE, *EXAMPLES])
def refiner(request, refiner_of):
    return refiner_of(request.param)


@pytest.fixture(params=NATIVE)
def native(request, refiner_of):
    """Those of the project, which share the flags of `flags.training.define_refine`."""
    return refiner_of(request.param)


def test_training_ends_with_finished_json(refiner):
    assert (refiner.model_dir / "finished.json").exists()


def test_refined_set_passes_verification(refiner, sets, capsys):
    parent = sets["more"].directory
    verify.verify(data_dirs=[refiner.refined.directory], refined_from=parent)
    assert "21 images" in capsys.readouterr().out
    with refused("faults", "21 images"):
        other = sets["synthetic"].directory
        verify.verify(data_dirs=[refiner.refined.directory], refined_from=other)


def test_labels_order_patients_and_size_are_kept_and_ids_are_chains(refiner, sets):
    refined = refiner.refined
    assert len(refined.paths) == 3 and refined.image_size == 32
    assert refined.label_counts == sets["more"].label_counts
    for child, parent in zip(refined.records(), sets["more"].records(), strict=True):
        assert child.id == f"{refiner.name}/{parent.id}"
        assert (child.label, child.patient) == (parent.label, parent.patient)
        assert not np.array_equal(child.image, parent.image)


def test_image_is_refined_alike_in_another_set_at_another_place(
    refiner, sets, tmp_path
):
    records = list(sets["more"].records())[5:14]
    part = write_shard_set(
        str(tmp_path / "part"),
        lambda start, stop: iter(records[start:stop]),
        len(records),
        binary="tests",
        settings={},
    )
    images = refiner.images_of(part, tmp_path / "output")
    # A convolution may round by its place in a batch.
    difference = np.subtract(images, refiner.images[5:14], dtype=int)
    assert np.abs(difference).max() <= 1


def test_refined_set_can_be_refined_again(refiner, tmp_path):
    twice = refiner.refine(refiner.refined, tmp_path / "twice")
    parent = refiner.refined.directory
    verify.verify(data_dirs=[twice.directory], refined_from=parent)
    chain = f"{refiner.name}/{refiner.name}/brats/p4/"
    assert next(twice.records()).id.startswith(chain)


def test_refining_without_training_is_refused(refiner, sets, tmp_path):
    with pytest.raises((UserError, OSError)):
        refiner.refine(sets["more"], tmp_path / "output", tmp_path / "nothing")
    with pytest.raises(UserError):
        ShardSet(str(tmp_path / "output"))


def test_images_are_the_same_for_any_shards_and_replicas(
    native, sets, tmp_path, monkeypatch
):
    again = native.images_of(sets["more"], tmp_path / "small", images_per_shard=3)
    np.testing.assert_array_equal(again, native.images)
    mirrored = create_strategy("mirrored", 0)
    monkeypatch.setattr(refining, "create_strategy", lambda *_: mirrored)
    again = native.images_of(sets["more"], tmp_path / "large", images_per_shard=99)
    np.testing.assert_array_equal(again, native.images)


def test_step_that_is_kept_refines_without_the_end_of_the_training(
    native, sets, tmp_path
):
    model = tmp_path / "model"
    shutil.copytree(native.model_dir, model)
    (model / "finished.json").unlink()
    with refused(f"--model_dir={model}", "--step"):
        native.refine(sets["more"], tmp_path / "set", model)
    last = native.images_of(sets["more"], tmp_path / "last", model_dir=model, step=3)
    np.testing.assert_array_equal(last, native.images)
    first = native.images_of(sets["more"], tmp_path / "first", model_dir=model, step=1)
    assert not np.array_equal(first, last)


def test_stopped_writer_finishes_and_equals_uninterrupted(
    refiner_of, sets, tmp_path, monkeypatch
):
    refiner = refiner_of("simgan")
    write = tf.io.TFRecordWriter.write
    written = []

    def write_some(self, content):
        written.append(content)
        if len(written) == 13:
            raise KeyboardInterrupt
        write(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(tf.io.TFRecordWriter, "write", write_some)
        with pytest.raises(KeyboardInterrupt):
            refiner.refine(sets["more"], tmp_path / "set", images_per_shard=5)
    kept = tmp_path / "set" / "shard-00001-of-00005.tfrecord"
    stamp = kept.stat().st_mtime_ns
    images = refiner.images_of(sets["more"], tmp_path / "set", images_per_shard=5)
    np.testing.assert_array_equal(images, refiner.images)
    assert kept.stat().st_mtime_ns == stamp  # What was finished is not redone.


def test_picture_shows_before_after_and_difference(native, sets):
    content = (native.directory / "before_after.png").read_bytes()
    picture = tf.io.decode_png(content).numpy()[..., 0]
    assert picture.shape == (3 * 64, 8 * 64)  # 32 px, enlarged twice.
    before, after, difference = picture[::2, ::2].reshape(3, 32, 8 * 32).astype(int)
    np.testing.assert_array_equal(before[:, :32], next(sets["more"].records()).image)
    np.testing.assert_array_equal(after[:, -32:], native.images[-1])
    np.testing.assert_array_equal(difference, np.clip(after - before + 128, 0, 255))


def test_manifest_names_the_parents_and_the_weights(native, sets):
    manifest = native.refined.manifest
    assert manifest["inputs"] == {sets["more"].directory: sets["more"].digest}
    assert manifest["settings"]["step"] == 0
    assert len(manifest["settings"]["weights_sha256"]) == 64


def test_what_was_not_trained_for_is_refused(native, sets, tmp_path, write_images):
    output = tmp_path / "set"
    with refused("--step=2", native.model_dir, "[1, 3]"):
        native.refine(sets["more"], output, step=2)
    healthy = write_images(tmp_path / "healthy", 0)
    with refused(f"--data_dir={healthy.directory}", "non_tumor"):
        native.refine(healthy, output)
    large = write_images(tmp_path / "large", 1, size=36)
    with refused(f"--data_dir={large.directory}", "36 px", "32 px"):
        native.refine(large, output)
    with refused(f"--model_dir={tmp_path}"):
        native.refine(sets["more"], output, tmp_path)
    (tmp_path / "run.json").write_text('{"binary": "pggan.train", "settings": {}}')
    with refused(f"--model_dir={tmp_path}", "pggan.train", f"{native.name}.train"):
        native.refine(sets["more"], output, tmp_path)
    assert not output.exists()


def batch_of(sets):
    """The images of the set `more`, float32 [21, 32, 32, 1] in [-1, 1]."""
    images = np.stack([record.image for record in sets["more"].records()])
    return to_float(images[..., None])


def assert_refined_by(network, refiner, sets):
    """But for rounding: it depends on the number of images at once."""
    images = to_uint8(network(batch_of(sets))).numpy()[..., 0].astype(int)
    assert np.abs(images - refiner.images).max() <= 1


def test_unit_refines_to_x_ab_without_noise(refiner_of, sets):
    unit = refiner_of("unit")
    settings = read_run(str(unit.model_dir))["settings"]
    names = "base_maps shared_blocks norm_scale discriminator_scales gan_loss"
    names += " gan_weight reconstruction_weight kl_weight cycle_weight cycle_kl_weight"
    names += " learning_rate halving_steps weight_decay num_steps"
    own = {name: settings[name] for name in names.split()}
    model = UNIT(image_size=32, seed=0, batch_size=1, **own)
    checkpoint = lanes.checkpoint(model=model)
    path = refining.checkpoint_path(str(unit.model_dir))
    checkpoint.restore(path).assert_existing_objects_matched()
    assert_refined_by(lambda x_a: model.decoder_b(model.encoder_a(x_a)), unit, sets)


def munit_network(refiner):
    """The trained network of images and styles, and its style encoder."""
    settings = read_run(str(refiner.model_dir))["settings"]
    network, parts = build_munit(settings, 32)
    restore_parts(refining.checkpoint_path(str(refiner.model_dir)), **parts)
    return network, parts["style_encoder_b"]


def test_munit_refines_with_the_style_that_seed_and_id_draw(refiner_of, sets, tmp_path):
    munit = refiner_of("munit")
    network, _ = munit_network(munit)
    ids = [record.id for record in sets["more"].records()]
    styles = drawn_styles(0, 2)(ids)
    assert_refined_by(
        lambda images: network([images, tf.constant(styles)]), munit, sets
    )
    other = munit.images_of(sets["more"], tmp_path / "other", seed=1)
    assert np.abs(np.subtract(other, munit.images, dtype=int)).max() > 1


def test_munit_refines_with_the_styles_of_real_images(refiner_of, sets, tmp_path):
    munit = refiner_of("munit")
    network, style_encoder = munit_network(munit)
    real = sets["real"]
    refined = munit.refine(sets["more"], tmp_path / "set", real_dir=real.directory)
    inputs = [sets["more"], real]  # Which dataset.verify follows back to patients.
    assert refined.manifest["inputs"] == {s.directory: s.digest for s in inputs}
    assert refined.manifest["settings"]["real_dir"] == real.directory
    padded = [np.pad(record.image, 1)[..., None] for record in real.records()]
    styles = style_encoder(to_float(np.stack(padded)))
    images, used = batch_of(sets), set()
    for n, record in enumerate(refined.records()):
        image = tf.repeat(images[n : n + 1], len(styles), axis=0)
        could_be = to_uint8(network([image, styles])).numpy()[..., 0].astype(int)
        differences = np.abs(could_be - record.image).max(axis=(1, 2))
        assert differences.min() <= 1
        used.add(int(differences.argmin()))
    assert len(used) > 2


def test_munit_is_not_given_styles_of_other_images_than_it_has_learnt_from(
    refiner_of, sets, tmp_path, write_images
):
    munit = refiner_of("munit")
    healthy = write_images(tmp_path / "healthy", 0).directory
    with refused(f"--real_dir={healthy}", "non_tumor", "tumor"):
        munit.refine(sets["more"], tmp_path / "set", real_dir=healthy)
    large = write_images(tmp_path / "large", 1, size=36).directory
    with refused(f"--real_dir={large}", "36 px", "17 to 32 px"):
        munit.refine(sets["more"], tmp_path / "set", real_dir=large)
    assert not (tmp_path / "set").exists()


def test_simgan_refines_by_moving_averages(refiner_of, sets):
    """Not by the statistics of a batch, which would make images depend on others."""
    simgan = refiner_of("simgan")
    settings = read_run(str(simgan.model_dir))["settings"]
    checkpoint = refining.checkpoint_path(str(simgan.model_dir))
    network, parts = simgan_refine.build_refiner(settings, 32)
    restore_parts(checkpoint, **parts)
    assert_refined_by(lambda x: network(x, training=False), simgan, sets)
    by_batch = to_uint8(network(batch_of(sets), training=True)).numpy()[..., 0]
    assert np.abs(by_batch.astype(int) - simgan.images).max() > 3


def test_simgan_of_a_former_version_refines_as_ever(refiner_of, sets, tmp_path):
    """Its run.json lacks the flags that are new; its networks are the same."""
    simgan = refiner_of("simgan")
    former = tmp_path / "former"
    shutil.copytree(simgan.model_dir, former)
    content = json.loads((former / "run.json").read_text())
    new = ("block_kernel_size", "loss_reduction", "num_halvings")
    new += ("architecture", "output_activation", "block_scale", "refiner_rate_factor")
    for flag in new:
        del content["settings"][flag]
    (former / "run.json").write_text(json.dumps(content))
    images = simgan.images_of(sets["more"], tmp_path / "set", model_dir=former)
    np.testing.assert_array_equal(images, simgan.images)


@pytest.mark.parametrize(
    "changes",
    [
        {"block_kernel_size": 7},
        {"architecture": "eyes"},
        {"output_activation": "linear"},
    ],
)
def test_simgan_refines_with_the_network_of_its_training(changes, tmp_path):
    settings = {"num_blocks": 1, "base_maps": 4, "block_kernel_size": 3}
    settings |= {"architecture": "hands", "output_activation": "tanh", **changes}
    trained = networks.build_refiner(32, **settings)
    model = lanes.checkpoint(refiner=trained)
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "checkpoint"))
    network, parts = simgan_refine.build_refiner(settings, 32)
    restore_parts(path, **parts)
    images = 9 * tf.random.stateless_normal([2, 32, 32, 1], [0, 0])
    np.testing.assert_array_equal(network(images), trained(images))
