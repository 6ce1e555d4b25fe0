"""Streaming features to the disk: what is killed goes on to the same bytes."""

import keras_files
import numpy as np
import pytest
import tensorflow as tf

from dataset.errors import UserError
from features import extraction, networks
from features.extraction import JoinedFeatures, build_extractor, extract


class Means:
    """An extractor of two features that can stop in the middle."""

    num_features, blocks = 2, {"means": slice(0, 2)}

    def __init__(self, batches=None):
        self.batches = batches

    def __call__(self, images):
        if self.batches == 0:
            raise KeyboardInterrupt
        self.batches = self.batches and self.batches - 1
        images = tf.cast(images, tf.float32)
        return tf.stack(
            [tf.reduce_mean(images, [1, 2, 3]), tf.reduce_max(images, [1, 2, 3])], 1
        )


@pytest.fixture(scope="module")
def shard_set(write_images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extraction")
    return write_images(folder / "set", 1, images=85)  # 170: two batches and a part


def test_features_are_those_of_each_image_in_order(shard_set, tmp_path):
    features = extract(shard_set, Means(), str(tmp_path / "features.npy"))
    images = [record.image for record in shard_set.records()]
    assert features.dtype == np.float32
    np.testing.assert_allclose(features[:, 0], [i.mean() for i in images], rtol=1e-4)
    np.testing.assert_array_equal(features[:, 1], [i.max() for i in images])


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_killed_extraction_goes_on_to_the_same_bytes(shard_set, tmp_path, batches):
    whole, stopped = tmp_path / "whole.npy", str(tmp_path / "stopped.npy")
    extract(shard_set, Means(), str(whole))
    with pytest.raises(KeyboardInterrupt):
        extract(shard_set, Means(batches), stopped)
    with open(stopped + ".part", "ab") as file:
        file.write(b"torn")
    counted = Means(3 - batches)
    extract(shard_set, counted, stopped)
    assert counted.batches == 0  # What was done is not done again.
    assert (tmp_path / "whole.npy").read_bytes() == (
        tmp_path / "stopped.npy"
    ).read_bytes()


def test_finished_file_is_taken_as_it_is(shard_set, tmp_path):
    path = str(tmp_path / "features.npy")
    first = np.array(extract(shard_set, Means(), path))
    np.testing.assert_array_equal(extract(shard_set, Means(0), path), first)


def test_smaller_images_are_padded_in_the_middle(shard_set):
    seen = []

    def keep(images):
        seen.append(images.numpy())
        return images

    list(extraction.feature_batches(shard_set, keep, image_size=40))
    images = np.concatenate(seen)[..., 0]
    first = next(shard_set.records()).image
    np.testing.assert_array_equal(images[0, 4:-4, 4:-4], first)
    assert images[:, :4].max() == images[..., -4:].max() == 0


def test_joined_features_stand_side_by_side(shard_set):
    joined = JoinedFeatures([Means(), build_extractor("descriptors", "none")])
    assert joined.num_features == 2 + 214
    assert joined.blocks["means"] == slice(0, 2)
    assert joined.blocks["layout"] == slice(2, 66)
    images = np.zeros([3, 32, 32, 1], np.uint8)
    assert joined(images).shape == (3, 216)


@pytest.fixture(scope="module")
def densenet():
    return build_extractor("densenet121", "none", image_size=32)


def test_random_weights_are_a_function_of_the_seed(densenet):
    images = np.random.default_rng(0).integers(0, 256, [2, 40, 40, 1], np.uint8)
    features = densenet(images).numpy()
    assert features.shape == (2, 1024)
    again = build_extractor("densenet121", "none", image_size=32)
    np.testing.assert_array_equal(again(images).numpy(), features)
    other = build_extractor("densenet121", "none", image_size=32, seed=1)
    assert np.abs(other(images).numpy() - features).max() > 1e-3


def test_features_of_a_network_are_kerass_own(tmp_path, densenet):
    """Grey to three channels, the network's preprocessing, its pooled maps."""
    stock = networks.NETWORKS["densenet121"][0](
        include_top=False, weights=None, pooling="avg", input_shape=[32, 32, 3]
    )
    networks.draw_weights(stock, 3)
    path = str(tmp_path / "densenet.h5")
    keras_files.save_weights(stock, path)
    images = np.random.default_rng(0).integers(0, 256, [2, 32, 32, 1], np.uint8)
    from_file = build_extractor("densenet121", path, image_size=32)
    inputs = np.repeat(images, 3, axis=-1).astype(np.float32)
    expected = stock(networks.densenet.preprocess_input(inputs), training=False)
    np.testing.assert_allclose(from_file(images).numpy(), expected, atol=1e-4)
    assert from_file.facts["weights_sha256"]
    assert path in from_file.facts["description"]
    assert "random weights" in densenet.facts["description"]


def test_too_small_a_size_is_refused():
    with pytest.raises(UserError, match="--feature_size=50: expected 75 px"):
        build_extractor("inception_v3", "none", image_size=50)
