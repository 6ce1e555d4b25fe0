"""Refining with UNIT: the contract, any step, whatever the shards and replicas."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from dataset.shards import ShardSet, UserError, to_float, to_uint8
from flags import unit as unit_flags
from training import refining
from training.run import Run
from training.strategy import create_strategy
from unit import refine, train
from unit.model import UNIT

SETTINGS = {
    "num_images": 0,
    "num_steps": 3,
    "keep_steps": ["1", "3"],
    "learning_rate": 0.01,
    "base_maps": 2,
    "discriminator_scales": 2,
}


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory, write_images):
    """21 images: two whole groups of 8 and a part of one."""
    directory = tmp_path_factory.mktemp("data") / "synthetic"
    return write_images(directory, 1, patients=("p1", "p2", "p3"), images=7)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory, synthetic, flag_defaults):
    settings = {
        **flag_defaults(unit_flags.define_train),
        **SETTINGS,
        "synthetic_dir": synthetic.directory,
        "real_dir": synthetic.directory,
        "model_dir": str(tmp_path_factory.mktemp("unit") / "model"),
    }
    run = Run("unit.train", settings)
    with pytest.MonkeyPatch.context() as patch:
        # Three steps are done before their graph would have been made.
        eager = functools.partialmethod(UNIT.compile, run_eagerly=True)
        patch.setattr(UNIT, "compile", eager)
        train.train(run, **run.own)
    return run.model_dir


def make(model_dir, synthetic, output_dir, **changes):
    settings = {"step": 0, "images_per_shard": 5, "overwrite": False, **changes}
    places = {"data_dir": synthetic.directory, "output_dir": str(output_dir)}
    refine.main({"model_dir": model_dir, **places, **settings})
    return list(ShardSet(str(output_dir)).records())


@pytest.fixture(scope="module")
def refined_dir(model_dir, synthetic, tmp_path_factory):
    directory = tmp_path_factory.mktemp("refined") / "set"
    make(model_dir, synthetic, directory)
    return directory


@pytest.fixture(scope="module")
def refined(refined_dir):
    return list(ShardSet(refined_dir).records())


def assert_same(records, others):
    assert [r.id for r in records] == [r.id for r in others]
    for record, other in zip(records, others, strict=True):
        np.testing.assert_array_equal(record.image, other.image, err_msg=record.id)


def test_labels_order_ids_and_patients_are_kept(synthetic, refined):
    parents = list(synthetic.records())
    assert [r.id for r in refined] == [f"unit/{p.id}" for p in parents]
    assert [r.label for r in refined] == [p.label for p in parents]
    assert [r.patient for r in refined] == [p.patient for p in parents]


def test_refined_image_is_x_ab_without_noise(model_dir, synthetic, refined):
    run = Run("unit.train", refining.read_run(model_dir)["settings"])
    own = {k: v for k, v in run.own.items() if k not in TRAINING_ONLY}
    model = UNIT(image_size=32, seed=0, batch_size=1, **own)
    run.num_steps = 3
    run.restore(model)
    image = next(synthetic.records()).image[None, :, :, None]
    x_ab = model.decoder_b(model.encoder_a(to_float(image)))
    difference = to_uint8(x_ab)[0, :, :, 0].numpy().astype(int) - refined[0].image
    assert np.abs(difference).max() <= 1  # Another number of images at once.


TRAINING_ONLY = {"real_dir", "synthetic_dir", "num_images", "num_steps"}
TRAINING_ONLY |= {"keep_steps", "sample_steps"}


def test_image_n_is_the_same_for_any_shards(model_dir, synthetic, refined, tmp_path):
    assert_same(make(model_dir, synthetic, tmp_path / "a", images_per_shard=3), refined)
    assert_same(
        make(model_dir, synthetic, tmp_path / "b", images_per_shard=99), refined
    )


def test_image_n_is_the_same_for_any_number_of_replicas(
    model_dir, synthetic, refined, tmp_path, monkeypatch
):
    mirrored = create_strategy("mirrored", 0)
    monkeypatch.setattr(refining, "create_strategy", lambda *_: mirrored)
    assert_same(make(model_dir, synthetic, tmp_path / "set"), refined)


def test_kept_step_refines_differently(model_dir, synthetic, refined, tmp_path):
    first = make(model_dir, synthetic, tmp_path / "first", step=1)
    assert not np.array_equal(first[0].image, refined[0].image)


def test_stopped_writer_finishes_and_equals_uninterrupted(
    model_dir, synthetic, refined, tmp_path, monkeypatch
):
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
            make(model_dir, synthetic, tmp_path / "set")
    kept = tmp_path / "set" / "shard-00001-of-00005.tfrecord"
    stamp = kept.stat().st_mtime_ns
    assert_same(make(model_dir, synthetic, tmp_path / "set"), refined)
    assert kept.stat().st_mtime_ns == stamp  # What was finished is not redone.


def test_picture_shows_before_after_and_difference(refined_dir, synthetic, refined):
    content = (refined_dir / "before_after.png").read_bytes()
    picture = tf.io.decode_png(content).numpy()[..., 0]
    assert picture.shape == (3 * 64, 8 * 64)  # 32 px, enlarged twice.
    before, after, difference = picture[::2, ::2].reshape(3, 32, 8 * 32).astype(int)
    np.testing.assert_array_equal(before[:, :32], next(synthetic.records()).image)
    np.testing.assert_array_equal(after[:, -32:], refined[-1].image)
    np.testing.assert_array_equal(difference, np.clip(after - before + 128, 0, 255))


def test_manifest_names_the_parents_and_the_weights(refined_dir, synthetic):
    manifest = ShardSet(refined_dir).manifest
    assert manifest["inputs"] == {synthetic.directory: synthetic.digest}
    assert manifest["settings"]["step"] == 0
    assert len(manifest["settings"]["weights_sha256"]) == 64


def test_bad_input_is_refused(model_dir, synthetic, tmp_path, write_images):
    with pytest.raises(UserError, match="--step=2: .* has kept steps .1, 3. only"):
        make(model_dir, synthetic, tmp_path / "set", step=2)
    with pytest.raises(UserError, match="no training in it"):
        make(str(tmp_path), synthetic, tmp_path / "set")
    healthy = write_images(tmp_path / "healthy", 0)
    with pytest.raises(UserError, match="--data_dir=.* non_tumor, wanted tumor"):
        make(model_dir, healthy, tmp_path / "set")
    large = write_images(tmp_path / "large", 1, size=36)
    with pytest.raises(UserError, match="--data_dir=.* 36 px, .* trained on 32 px"):
        make(model_dir, large, tmp_path / "set")


def test_unfinished_training_refines_from_kept_steps_alone(
    model_dir, synthetic, refined, tmp_path
):
    for name in ("run.json", "kept", "checkpoints"):
        copy(f"{model_dir}/{name}", tmp_path / "model" / name)
    with pytest.raises(UserError, match="its training is not finished"):
        make(str(tmp_path / "model"), synthetic, tmp_path / "set")
    records = make(str(tmp_path / "model"), synthetic, tmp_path / "set", step=3)
    assert_same(records, refined)


def copy(source, target):
    if tf.io.gfile.isdir(source):
        for name in tf.io.gfile.listdir(source):
            copy(f"{source}/{name}", target / name)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        tf.io.gfile.copy(source, str(target))
