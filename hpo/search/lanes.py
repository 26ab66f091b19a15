"""Trainings that begin in a fixed order, and how soon that of one such lane is to go on beside those of others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import NamedTuple

from hpo.runtime.jobs import Done, Job

Condition = Callable[[], bool]
# It yields a job and is sent what that came to, or yields a condition and is sent None when it holds.
Training = Generator[Job | Condition, Done | None, None]


class Urgency(NamedTuple):
    """Less goes first.

    Attributes:
        phase: of the run.
        left: work before the lane, negative, so that of one phase the lane with most of it goes first.
    """

    phase: int = 0
    left: float = 0.0


class Lane:
    """Trainings of which each begins after those before it have begun; what comes of them does not hang on other lanes.

    Args:
        trainings: may hold conditions: those behind one begin when it holds.
        urgency: of the lane as it stands.

    Attributes:
        aside: trainings begun that neither ended nor are in an executor's hands.
    """

    def __init__(
        self, trainings: Iterable[Training | Condition], urgency: Callable[[], Urgency] = Urgency
    ) -> None:
        self._trainings: Iterator[Training | Condition] = iter(trainings)
        self._condition: Condition | None = None
        self._next: Training | None = None
        self.urgency = urgency
        self.aside = 0
        self.over = False

    def is_open(self) -> bool:
        """Whether a training may begin."""
        while self._next is None and not self.over:
            if self._condition is not None and not self._condition():
                return False
            self._condition = None
            item = next(self._trainings, None)
            if item is None:
                self.over = True
            elif isinstance(item, Generator):
                self._next = item
            else:
                self._condition = item
        return self._next is not None

    def take(self) -> Training:
        """The next training; the lane is open."""
        taken, self._next = self._next, None
        assert taken is not None, "nothing may begin"
        return taken
