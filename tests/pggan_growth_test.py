"""The growth schedule as a table."""

import pytest

from dataset.errors import UserError
from pggan import growth
from training.phases import phase_at


def schedule(**changes):
    settings = {"stabilize_kimg": [0.2], "fade_kimg": [0.1], "batch_size": 10}
    return growth.schedule(16, **{**settings, **changes})


def test_phases_of_a_training():
    assert [(p.name, p.start, p.stop) for p in schedule()] == [
        ("004px-stabilise", 0, 200),
        ("008px-fade", 200, 300),
        ("008px-stabilise", 300, 500),
        ("016px-fade", 500, 600),
        ("016px-stabilise", 600, 800),
    ]


def test_the_papers_schedule_has_13_phases_and_100_epochs():
    kimg = growth.kimg_of_epochs(256, num_epochs=100, num_images=4679)
    phases = growth.schedule(
        256, stabilize_kimg=[kimg], fade_kimg=[kimg], batch_size=16
    )
    assert len(phases) == 13
    assert phases[-1].stop / 4679 == pytest.approx(100, rel=0.001)


def test_one_length_per_resolution():
    phases = schedule(stabilize_kimg=["0.1", "0.2", "0.4"], fade_kimg=["0.05", "0.3"])
    assert [p.stop - p.start for p in phases] == [100, 50, 200, 300, 400]


@pytest.mark.parametrize(
    ("images_shown", "resolution", "alpha"),
    [
        (0, 4, 1),
        (199, 4, 1),
        (200, 8, 0),
        (250, 8, 0.5),
        (299, 8, 0.99),
        (300, 8, 1),
        (500, 16, 0),
        (525, 16, 0.25),
        (600, 16, 1),
        (799, 16, 1),
        (800, 16, 1),
    ],
)
def test_resolution_and_alpha_are_functions_of_the_images_shown(
    images_shown, resolution, alpha
):
    phase = phase_at(schedule(), images_shown)
    assert phase.resolution == resolution
    assert growth.alpha_at(phase, images_shown) == alpha


@pytest.mark.parametrize("resolution", [0, 2, 48, 100])
def test_resolution_is_a_power_of_two(resolution):
    with pytest.raises(UserError, match=f"--resolution={resolution}: expected a power"):
        growth.resolutions(resolution)


def test_a_list_of_another_length_is_refused():
    with pytest.raises(UserError, match="--fade_kimg: 3 numbers, expected 1 or 2"):
        schedule(fade_kimg=[1, 2, 3])


def test_a_phase_without_a_step_is_refused():
    with pytest.raises(UserError, match="--stabilize_kimg=0.001: not one batch of 10"):
        schedule(stabilize_kimg=[0.001])
