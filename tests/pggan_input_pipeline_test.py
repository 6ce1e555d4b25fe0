"""Real images as PGGAN sees them."""

import numpy as np
import pytest
import tensorflow as tf

from dataset.errors import UserError
from pggan import growth, input_pipeline


@pytest.fixture(scope="module")
def shard_set(tmp_path_factory, write_images):
    directory = tmp_path_factory.mktemp("real")
    return write_images(directory / "tumor", 1, images=5, size=15)


def batches(shard_set, phase, first_image=None):
    dataset = input_pipeline.phase_batches(
        shard_set,
        phase,
        resolution=16,
        batch_size=4,
        seed=3,
        first_image=phase.start if first_image is None else first_image,
        last_image=phase.stop,
    )
    return list(dataset.as_numpy_iterator())


def test_240_px_move_by_0_to_15_px_in_256_each_offset_as_often():
    image = tf.ones([240, 240, 1])
    tops, lefts = [], []
    for n in range(320):
        placed = input_pipeline.place(image, 256, seed=[n, 1]).numpy()[..., 0]
        assert (placed == 1).sum() == 240 * 240 and (placed == -1).sum() == 7936
        rows, columns = np.nonzero(placed == 1)
        tops.append(rows.min())
        lefts.append(columns.min())
    assert set(tops) == set(lefts) == set(range(16))
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.2


def test_without_a_seed_the_image_is_in_the_middle():
    placed = input_pipeline.place(tf.ones([240, 240, 1]), 256)
    assert (placed[8:248, 8:248] == 1).numpy().all()


def test_fade_of_the_reals():
    image = tf.reshape(tf.constant([0.0, 0.0, 0.0, 1.0]), [1, 2, 2, 1])
    faded = input_pipeline.fade(image, tf.constant([0.5]))
    np.testing.assert_allclose(faded[0, :, :, 0], [[0.125, 0.125], [0.125, 0.625]])


def test_small_phases_see_averages(shard_set):
    full = batches(shard_set, growth.Phase(16, False, 0, 8))
    small = batches(shard_set, growth.Phase(4, False, 0, 8))
    for large, little in zip(full, small):
        average = large["real_images"].reshape(4, 4, 4, 4, 4, 1).mean(axis=(2, 4))
        np.testing.assert_allclose(little["real_images"], average, atol=1e-6)


def test_reals_of_a_fade_have_the_alpha_of_their_number(shard_set):
    faded = batches(shard_set, growth.Phase(16, True, 100, 108))
    alphas = np.concatenate([batch["alpha"] for batch in faded])
    np.testing.assert_allclose(alphas, np.arange(8) / 8)
    first = faded[0]["real_images"][0, ..., 0]
    np.testing.assert_array_equal(first[::2, ::2], first[1::2, 1::2])


def test_a_phase_can_start_at_any_image(shard_set):
    phase = growth.Phase(16, True, 40, 64)
    whole = batches(shard_set, phase)
    for start in (4, 12, 20):
        rest = batches(shard_set, phase, 40 + start)
        assert len(rest) == (24 - start) // 4
        for before, after in zip(whole[start // 4 :], rest):
            np.testing.assert_array_equal(before["real_images"], after["real_images"])


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="--data_dir: images are 240 px, --resolution"):
        input_pipeline.check_size(240, 64, "data_dir")
    with pytest.raises(UserError, match="--image_size=60"):
        input_pipeline.check_size(32, 64, "data_dir")
