"""Batches of a phase: a pair of them for each update."""

import pytest

from refiners.training import phase_batches
from simgan import schedule
from simgan.model import SimGAN

PHASES = schedule.phases(
    6,
    pretrain_refiner_steps=2,
    pretrain_discriminator_steps=1,
    refiner_updates=2,
    discriminator_updates=1,
)


@pytest.fixture(scope="module")
def sets(tmp_path_factory, write_images):
    """12 synthetic images of 16 px, as many real ones of 15 px."""
    directory = tmp_path_factory.mktemp("sets")
    return (
        write_images(directory / "synthetic", 1, images=6, size=16),
        write_images(directory / "real", 1, images=6, size=15),
    )


def batches(sets, phase):
    steps = {"first_step": phase.start, "last_step": phase.stop}
    dataset = phase_batches(
        SimGAN, phase, *sets, size=16, batch_size=2, seed=3, **steps
    )
    return list(dataset.as_numpy_iterator())


def test_a_step_has_a_batch_of_either_kind_for_each_update(sets):
    for phase, updates in zip(PHASES, (1, 1, 3), strict=True):
        steps = batches(sets, phase)
        assert len(steps) == phase.stop - phase.start
        for images in steps[0].values():
            assert images.shape == (2, updates, 16, 16, 1)
            assert images.min() >= -1 and images.max() <= 1
        assert (steps[0]["real_images"][:, :, -1] == -1).all()  # Padded.


def unflipped(image):
    """An image or its mirror image: the same for both."""
    return min(image.tobytes(), image[:, ::-1].tobytes())


def test_updates_of_all_phases_go_through_epochs_without_a_gap(sets):
    """12 batches of 2 are two epochs of 12 images; every image comes twice."""
    for name in ("synthetic_images", "real_images"):
        seen = []
        for phase in PHASES:
            for step in batches(sets, phase):
                for update in range(phase.updates):
                    seen += map(unflipped, step[name][:, update])
        assert len(seen) == 24 and len(set(seen[:12])) == len(set(seen[12:])) == 12
