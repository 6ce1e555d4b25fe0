"""The order of updates, as tables."""

import pytest

from dataset.errors import UserError
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
