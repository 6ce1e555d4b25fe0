"""Phases of a training: stretches of it whose steps are all alike."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Phase:
    """Steps `start` + 1 to `stop` of a training, each of one batch.

    Attributes:
      name: for people.
      start: number of steps before it.
      stop: number of steps at its end.
    """

    name: str
    start: int
    stop: int

    def batches_before(self, step):
        """The number of batches that the steps before `step` have taken."""
        return step


def phase_at(phases, done):
    """The phase of what comes after `done` steps or images; the end is the last's."""
    for phase in phases:
        if done < phase.stop:
            return phase
    return phases[-1]
