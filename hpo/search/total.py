"""What all searches of a run may spend together: no further round of draws begins that would not end within it.

A round is the draw of one number in every search that did not stop early. Rounds begin whole and are finished, so that these
searches have equally many draws when the total ends them. What they are expected to cost, ``hpo.search.remaining`` reckons.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from hpo.config.experiment import Experiment
from hpo.records.limits import Limit, told
from hpo.records.search import Closed
from hpo.records.trainings import Trial
from hpo.search.plan import make_plan
from hpo.search.remaining import in_all

WALL = "wall-seconds"  # in the run's folder: those of the processes that worked on it, up to the last trial that ended


class Total:
    """The total budget of one run.

    Attributes:
        is_limited: whether there is one.

    Args:
        started: when this process began on it, by ``clock``.
        clock: seconds from any origin, never going back.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: Path,
        started: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        plan = make_plan(experiment)
        self._replicates, self._confirmations = plan.replicates, plan.confirmations + plan.baselines
        self._limit = plan.total
        self.is_limited = plan.total != Limit()
        self._folder = folder
        self._clock = clock
        self._began = started - _read_wall(folder)

    def exceeded(
        self, ended: Collection[Trial], judged: int, rounds: int, draws: Mapping[str, int]
    ) -> Closed | None:
        """Why no more than ``rounds - 1`` rounds may begin; None: ``rounds`` of them fit in.

        Args:
            ended: the trials that have ended.
            judged: the first draws of each search, all of which have ended, by which the others are judged.
            draws: of each search in so many rounds, by strategy: fewer where it stops early.
        """
        known = [t for t in ended if t.draw < judged]
        going = [t for t in known if draws[t.strategy] == rounds]
        trials = self._replicates * sum(draws.values())
        wall = self.wall_seconds() * len(known) / len(ended)
        expected = in_all(known, going, trials, self._confirmations, wall)
        unit = self._limit.exceeded(expected)
        if unit is None:
            return None
        return Closed(
            rounds=rounds - 1,
            reason=f"{counted_rounds(rounds)} with all confirmations were expected to take "
            f"{told(unit, expected[unit])} in all",
        )

    def wall_seconds(self) -> float:
        """While processes were at work on the run."""
        return self._clock() - self._began

    def keep_wall_seconds(self) -> None:
        """Write them down for a process that goes on with the run."""
        path = self._folder / WALL
        temporary = path.with_suffix(".tmp")
        temporary.write_text(f"{self.wall_seconds():.3f}\n")
        temporary.replace(path)


def counted_rounds(rounds: int) -> str:
    """``1 round of draws``, ``4 rounds of draws``."""
    return f"{rounds:,} round{'' if rounds == 1 else 's'} of draws"


def _read_wall(folder: Path) -> float:
    try:
        return float((folder / WALL).read_text())
    except (OSError, ValueError):
        return 0.0
