"""Order of updates (Shrivastava et al., 2017, algorithm 1)."""

import dataclasses

from dataset.errors import UserError
from training import phases as training_phases


@dataclasses.dataclass(frozen=True)
class Phase(training_phases.Phase):
    """Steps that are all alike, each of several updates.

    Attributes:
      refiner_updates: updates of the refiner per step, which come first.
      discriminator_updates: updates of the discriminator per step.
      first_batch: number of batches before it; each update takes one.
    """

    refiner_updates: int
    discriminator_updates: int
    first_batch: int

    @property
    def updates(self):
        """Updates per step."""
        return self.refiner_updates + self.discriminator_updates

    def batches_before(self, step):
        return self.first_batch + (step - self.start) * self.updates


def phases(
    num_steps,
    *,
    pretrain_refiner_steps,
    pretrain_discriminator_steps,
    refiner_updates,
    discriminator_updates,
):
    """The phases of a training of `num_steps` steps; the arguments are flags.

    Raises:
      UserError: nothing is left of the steps after pre-training.
    """
    before = pretrain_refiner_steps + pretrain_discriminator_steps
    if num_steps <= before:
        raise UserError(
            f"--num_steps={num_steps}: no step is left after --pretrain_refiner_steps="
            f"{pretrain_refiner_steps} and --pretrain_discriminator_steps="
            f"{pretrain_discriminator_steps}."
        )
    parts = [
        ("refiner alone", pretrain_refiner_steps, 1, 0),
        ("discriminator alone", pretrain_discriminator_steps, 0, 1),
        ("both", num_steps - before, refiner_updates, discriminator_updates),
    ]
    result, start, batch = [], 0, 0
    for name, steps, *updates in parts:
        if steps:
            phase = Phase(name, start, start + steps, *updates, batch)
            result.append(phase)
            start, batch = phase.stop, phase.batches_before(phase.stop)
    return tuple(result)
