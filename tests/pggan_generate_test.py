"""Generating: image n is image n, and a stopped writer finishes."""

import interruption
import numpy as np
import pytest
import tensorflow as tf
from refusals import refused

from dataset.shards import ShardSet
from flags import pggan as pggan_flags
from pggan import generate, train
from training.run import Run
from training.strategy import create_strategy


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory, write_images, flag_defaults):
    directory = tmp_path_factory.mktemp("pggan")
    shard_set = write_images(directory / "real", 0, images=4, size=8)
    run = Run(
        "pggan.train",
        {
            **flag_defaults(pggan_flags.define_train),
            "data_dir": shard_set.directory,
            "model_dir": str(directory / "model"),
            "resolution": 8,
            "num_epochs": 0.0,
            "stabilize_kimg": [0.016],
            "fade_kimg": [0.016],
            "fmap_base": 32,
            "fmap_max": 8,
            "latent_size": 8,
        },
    )
    train.train(run, **run.model_flags)
    return run.folder.path


def make(model_dir, output_dir, num_images, **changes):
    settings = {
        "seed": 5,
        "use_ema": True,
        "images_per_shard": 7,
        "overwrite": False,
        **changes,
    }
    generate.generate(
        model_dir=model_dir,
        output_dir=str(output_dir),
        num_images=num_images,
        **settings,
    )
    return list(ShardSet(str(output_dir)).records())


@pytest.fixture(scope="module")
def images(model_dir, tmp_path_factory):
    return make(model_dir, tmp_path_factory.mktemp("set") / "all", 40)


def assert_same(records, others):
    assert [r.id for r in records] == [r.id for r in others]
    for record, other in zip(records, others, strict=True):
        np.testing.assert_array_equal(record.image, other.image, err_msg=record.id)


def test_images_differ_and_have_the_class_and_no_patient(images):
    assert len({record.image.tobytes() for record in images}) == 40
    assert {(r.label, r.patient) for r in images} == {(0, "")}
    assert images[7].id == "pggan/model-non_tumor/0000007"


def test_image_n_is_the_same_for_any_number_of_images_and_shards(
    model_dir, images, tmp_path
):
    fewer = make(model_dir, tmp_path / "fewer", 19, images_per_shard=5)
    assert_same(fewer, images[:19])


def test_image_n_is_the_same_for_any_number_of_replicas(
    model_dir, images, tmp_path, monkeypatch
):
    mirrored = create_strategy("mirrored", 0)
    monkeypatch.setattr(generate, "create_strategy", lambda *_: mirrored)
    assert_same(make(model_dir, tmp_path / "mirrored", 40), images)


def test_another_seed_gives_other_images(model_dir, images, tmp_path):
    others = make(model_dir, tmp_path / "other", 5, seed=6)
    assert not np.array_equal(others[0].image, images[0].image)


def test_a_killed_writer_finishes_and_equals_uninterrupted(model_dir, draw, tmp_path):
    """SIGKILL at random moments, twice, of the binary itself."""
    folder = tmp_path / "set"
    settings = {"seed": 5, "images_per_shard": 7}
    make(model_dir, tmp_path / "whole", 700, **settings)
    flags = {"model_dir": model_dir, "num_images": 700, "output_dir": str(folder)}
    for _ in range(2):
        number = len(shards(folder)) + draw.randint(2, 20)
        killed = interruption.interrupt(
            "pggan.generate",
            {**settings, **flags},
            lambda n=number: len(shards(folder)) >= n,
        )
        assert killed.returncode == -9, killed.stderr
        with refused(folder):
            ShardSet(str(folder))
    kept = {path: path.stat().st_mtime_ns for path in shards(folder)}
    assert len(kept) < 100
    last = interruption.run("pggan.generate", {**settings, **flags})
    assert last.returncode == 0, last.stderr
    own, whole = (ShardSet(str(tmp_path / name)) for name in ("set", "whole"))
    assert own.manifest["shards"] == whole.manifest["shards"]  # Hashes included.
    # What was finished is not redone.
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())


def shards(folder):
    """The paths of the finished shards."""
    return list(folder.glob("shard-*.tfrecord"))


def test_there_is_a_preview(model_dir, tmp_path):
    make(model_dir, tmp_path / "set", 10)
    content = (tmp_path / "set" / "preview.png").read_bytes()
    assert tf.io.decode_png(content).shape == [3 * 64, 4 * 64, 1]


def test_an_unfinished_training_is_refused(model_dir, tmp_path):
    with refused(f"--model_dir={tmp_path}", "run.json"):
        make(str(tmp_path), tmp_path / "set", 1)
    tf.io.gfile.copy(f"{model_dir}/run.json", str(tmp_path / "run.json"))
    with refused(f"--model_dir={tmp_path}", "not finished"):
        make(str(tmp_path), tmp_path / "set", 1)
