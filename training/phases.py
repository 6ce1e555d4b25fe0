"""Phases of a training: stretches of it whose steps are all alike."""

import dataclasses
from collections.abc import Sequence
from typing import Any


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

    def batches_before(self, step: int) -> int:
        """The number of batches that the steps before `step` have taken."""
        return step


def phase_at(phases: Sequence[Any], done: int) -> Any:
    """The phase of what comes after `done` steps or images; the end is the last's."""
    for phase in phases:
        if done < phase.stop:
            return phase
    return phases[-1]
