"""A run of MLflow as this process knows it, and what is logged of its metrics. Nothing here imports mlflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isclose

Point = tuple[str, int]  # name of a metric, step
Measured = tuple[float, int]  # value, when: milliseconds since the epoch

ENDED = frozenset({"complete", "pruned", "failed"})  # values of tag hpo.state after which a run takes no more
ROUNDING = 1e-9  # relative, of a sum that is added up in another order


class Logged:
    """What is known to be logged of one metric of one run."""

    def __init__(self, points: Mapping[int, Measured]) -> None:
        self._steps = set(points)
        self._step = max(points, default=-1)
        self._last: Measured = points.get(self._step, (0.0, 0))

    def news(self, step: int, told: Measured) -> Measured | None:
        """What is to be logged of a point, if anything.

        Of steps logged before, only the last may have another value, once a failed trial was trained again: what stands at
        those before hangs on the order in which trainings ended, which nobody knows any more.
        """
        value, at = told
        if step != self._step:
            return None if step in self._steps else told
        if isclose(value, self._last[0], rel_tol=ROUNDING):
            return None
        return value, max(at, self._last[1] + 1)  # MLflow shows the latest

    def add(self, step: int, told: Measured) -> None:
        """Count a point that was logged."""
        if step >= self._step:
            self._step, self._last = step, told
        self._steps.add(step)


@dataclass
class MirroredRun:
    """A run of MLflow as this process knows it.

    Attributes:
        status: MLflow's: RUNNING, FINISHED, FAILED or KILLED.
        state: tag hpo.state: ``running``, ``interrupted``, or one of ENDED.
        logged: what is logged, by metric; a metric that an earlier process may have logged is looked up once.
        fresh: made by this process, so that there is nothing to look up.
        taken: made or taken over by this process.
    """

    id: str
    status: str
    state: str
    fresh: bool
    taken: bool
    deleted: bool = False
    logged: dict[str, Logged] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether everything about this run has been logged."""
        return self.state in ENDED and self.status != "RUNNING" and not self.deleted
