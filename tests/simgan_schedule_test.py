"""The order of updates and the learning rate, as tables."""

import pytest

from dataset.shards import UserError
from simgan import schedule
from training.phases import phase_at

UPDATES = {"refiner_updates": 2, "discriminator_updates": 1}


def phases(num_steps=20, refiner=5, discriminator=3):
    return schedule.phases(
        num_steps,
        pretrain_refiner_steps=refiner,
        pretrain_discriminator_steps=discriminator,
        **UPDATES,
    )


def test_phases_in_steps_updates_and_batches():
    rows = [
        (p.start, p.stop, p.refiner_updates, p.discriminator_updates, p.first_batch)
        for p in phases()
    ]
    assert rows == [(0, 5, 1, 0, 0), (5, 8, 0, 1, 5), (8, 20, 2, 1, 8)]
    assert phases()[-1].batches_before(20) == 8 + 12 * 3


def test_phase_without_steps_is_left_out():
    assert [p.name for p in phases(refiner=0)] == ["discriminator alone", "both"]
    assert [p.name for p in phases(refiner=0, discriminator=0)] == ["both"]


def test_phase_at_each_boundary():
    names = [phase_at(phases(), step).name for step in (0, 4, 5, 7, 8, 19, 20)]
    assert names == ["refiner alone"] * 2 + ["discriminator alone"] * 2 + ["both"] * 3


def test_pretraining_that_leaves_no_step_is_refused():
    with pytest.raises(UserError, match="--num_steps=8: no step is left after"):
        phases(num_steps=8)


@pytest.mark.parametrize(
    "num_halvings, halvings",
    [(1, [0, 0, 1, 1, 1, 1]), (2, [0, 0, 1, 1, 2, 2]), (0, [0, 0, 1, 1, 2, 6])],
)
def test_learning_rate_is_halved_at_15000_and_as_often_as_said(num_halvings, halvings):
    steps = (0, 14_999, 15_000, 29_999, 30_000, 99_999)
    rates = [
        float(schedule.LearningRate(step, 1e-4, 15_000, num_halvings)(7))
        for step in steps
    ]
    assert rates == pytest.approx([1e-4 / 2**n for n in halvings])
