"""Refiners' input: pairing, flips, the chosen images, starting anywhere."""

import numpy as np
import pytest

from dataset.errors import UserError
from dataset.records import parse
from refiners import domains
from training.input import ChosenImages


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    """Synthetic images of 16 px, real ones of 15 px."""
    directory = tmp_path_factory.mktemp("sets")
    return (
        write_images(directory / "synthetic", 1, images=6, size=16),
        write_images(directory / "real", 1, images=6, size=15),
    )


def batches(sets, first_step=0, num_steps=12, batch_size=2, seed=3):
    pairs = domains.paired_series(
        *sets,
        size=16,
        start=first_step * batch_size,
        stop=num_steps * batch_size,
        seed=seed,
    )
    return list(pairs.batch(batch_size).as_numpy_iterator())


def test_batches_are_images_in_range_of_the_larger_size(sets):
    batch = batches(sets)[0]
    for name in ("synthetic_images", "real_images"):
        assert batch[name].shape == (2, 16, 16, 1) and batch[name].dtype == np.float32
        assert batch[name].min() >= -1 and batch[name].max() <= 1
    assert (batch["real_images"][:, -1] == -1).all()


def test_batches_from_a_later_step_are_the_same(sets):
    whole, later = batches(sets), batches(sets, first_step=5)
    for batch, other in zip(whole[5:], later, strict=True):
        for name, images in batch.items():
            np.testing.assert_array_equal(images, other[name])


def unflipped(image):
    """An image or its mirror image: the same for both."""
    return min(image.tobytes(), image[:, ::-1].tobytes())


def test_each_epoch_pairs_images_anew(sets):
    """12 images of either set in 3 epochs: no pair but by chance twice."""
    pairs = [
        (unflipped(batch["synthetic_images"][0]), unflipped(batch["real_images"][0]))
        for batch in batches(sets, num_steps=36, batch_size=1)
    ]
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 12
    assert len(set(pairs)) > 24


def test_about_half_of_the_images_are_flipped_and_by_step_and_domain(sets):
    stored = {
        parse(sets[0].serialized(n))["image"].numpy().tobytes() for n in range(12)
    }
    images = np.concatenate(
        [batch["synthetic_images"] for batch in batches(sets, num_steps=60)]
    )
    levels = np.round((images + 1) * 127.5).astype(np.uint8)
    kept = [level.tobytes() in stored for level in levels]
    assert 0.35 < np.mean(kept) < 0.65
    mirrored = [level[:, ::-1].tobytes() in stored for level in levels]
    assert all(np.add(kept, mirrored) == 1)


def test_another_seed_gives_another_order(sets):
    first, second = batches(sets)[0], batches(sets, seed=4)[0]
    assert not np.array_equal(first["real_images"], second["real_images"])


def test_chosen_images_are_distinct_and_a_function_of_the_seed(sets):
    def chosen(num_images, seed):
        images = ChosenImages(sets[0], num_images, seed, "synthetic_dir")
        return [images.serialized(n) for n in range(len(images))]

    everything = [sets[0].serialized(n) for n in range(12)]
    assert chosen(0, 1) == everything
    assert len(set(chosen(5, 1))) == 5 and set(chosen(5, 1)) < set(everything)
    assert chosen(5, 1) == chosen(5, 1) != chosen(5, 2)


def test_more_images_than_there_are_is_refused(sets):
    with pytest.raises(
        UserError, match="--real_dir=.*: has 12 images, .*num_images=13"
    ):
        ChosenImages(sets[1], 13, 0, "real_dir")
