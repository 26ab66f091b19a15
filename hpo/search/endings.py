"""What ends searches together: the total budget of the run, and that a strategy can no longer change the comparison.

Both are decided once and written into the head of the records before any further draw, so that a resumed run holds to it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hpo.config.experiment import Experiment
from hpo.records.files import write_run
from hpo.records.limits import Limit
from hpo.records.metrics import METRICS
from hpo.records.run import Run
from hpo.records.search import EarlyStop
from hpo.records.trainings import Trial
from hpo.records.verdict_rule import ALPHA, LEAST_MARGIN
from hpo.search.storage import StudyStorage
from hpo.search.total import Total
from hpo.search.watchers import Watchers
from hpo.stats.early_stop import decided

TrialKey = tuple[str, int, int]  # strategy, replicate, draw
Condition = Callable[[], bool]


class Endings:
    """How many draws each search may make.

    Args:
        run: head of the records.
        records: every ended trial by its key, kept up to date by the caller.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: Path,
        run: Run,
        records: Mapping[TrialKey, Trial],
        studies: StudyStorage,
        watchers: Watchers,
        total: Total,
    ) -> None:
        self._experiment = experiment
        self._folder = folder
        self._run = run
        self._limits: dict[str, Limit] = {}
        self._records = records
        self._watchers = watchers
        self._total = total
        # Of draws that began, or may begin by the total. A round that began before a stop is not judged again.
        self._rounds = 1 + max((draw for *_, draw in records), default=0)
        if total.is_limited:
            every = [studies.study(s, r) for s in run.strategies for r in range(run.replicates)]
            self._rounds = max(self._rounds, *map(len, every))
        self._half = -(-run.trials // 2) if experiment.budget.stop_decided else None

    def limit_of(self, strategy: str) -> Limit:
        """What ends each search of a strategy."""
        if strategy not in self._limits:
            self._limits[strategy] = self._run.limit_of(strategy)
        return self._limits[strategy]

    def permit(self, strategy: str, number: int) -> Generator[Condition, None, bool]:
        """Whether the draw of this number may begin, once that can be told."""
        if self._half is not None and number >= self._half and self._run.early_stop is None:
            half = self._half
            yield lambda: self._run.early_stop is not None or self._ended(half)
            if self._run.early_stop is None:
                self._stop_early(half)
        if self._total.is_limited and number >= self._rounds:
            stopped = self._run.early_stop
            judged = max(judged_by(number), 0 if stopped is None else stopped.after)
            yield lambda: number < self._rounds or self._ended(judged)
            if self._rounds <= number < (self._run.limit.trials or 0):
                self._begin_round(judged)
        return number < (self.limit_of(strategy).trials or 0)

    def ended(self) -> None:
        """A trial has ended."""
        if self._total.is_limited:
            self._total.keep_wall_seconds()

    def _draws(self, most: int) -> dict[str, int]:
        """Of each search among its first so many, by strategy."""
        return {s: min(most, self.limit_of(s).trials or 0) for s in self._run.strategies}

    def _ended(self, draws: int) -> bool:
        """Whether so many first draws of every search have ended, as far as it makes them."""
        replicates, made = range(self._run.replicates), self._draws(draws)
        return all(
            (s, r, n) in self._records
            for n in reversed(range(draws))
            for s, own in made.items()
            if n < own
            for r in replicates
        )

    def _begin_round(self, judged: int) -> None:
        """Begin the next round, or close the searches where the total does not allow it."""
        rounds = self._rounds + 1
        closed = self._total.exceeded(self._records.values(), judged, rounds, self._draws(rounds))
        if closed is None:
            self._rounds = rounds
        else:
            self._tell(f"no further round of draws begins: {closed.reason}", closed=closed)

    def _stop_early(self, half: int) -> None:
        found = early_stop(self._experiment, self._records, half)
        told = (
            f"{', '.join(found.strategies)} make{'s' if len(found.strategies) == 1 else ''} no further draws"
        )
        self._tell(
            f"after {half} draws of each search {told if found.strategies else 'every strategy goes on'}: a strategy stops "
            "that can no longer change the comparison",
            early_stop=found,
        )

    def _tell(self, note: str, **changes: Any) -> None:
        self._run = self._run.model_copy(update=changes)
        self._limits.clear()
        write_run(self._folder, self._run)
        self._watchers.note(note)


def judged_by(number: int) -> int:
    """First draws of each search by which the round of this number, not the first, is judged, and which it awaits.

    All but the last before it, so that workers have something to do while its last trainings end. No others are looked at,
    whatever has ended, so that as many rounds begin with any number of workers.
    """
    return max(1, number - 1)


def early_stop(experiment: Experiment, records: Mapping[TrialKey, Trial], draws: int) -> EarlyStop:
    """The strategies that stop after the first ``draws`` of each search, all of which have ended.

    A trial that is not complete counts as the worst complete one of its search; where a search has none, nobody stops.
    """
    names, metric = experiment.strategies(), METRICS[experiment.task.metric]
    rows = []
    for name in names:
        for replicate in range(experiment.budget.replicates):
            known = [records[name, replicate, number].score for number in range(draws)]
            scores = [score if metric.maximize else -score for score in known if score is not None]
            if not scores:
                return EarlyStop(after=draws, strategies=())
            rows.append(scores + [min(scores)] * (draws - len(scores)))
    reference = experiment.reference()
    comparisons = len(names) - 1 if reference is not None else len(names) * (len(names) - 1) // 2
    found = decided(
        np.array(rows).reshape(len(names), -1, draws),
        experiment.budget.trials - draws,
        LEAST_MARGIN if metric.share else 0.0,
        () if reference is None else (names.index(reference),),
        ALPHA / 2 / comparisons,
    )
    return EarlyStop(after=draws, strategies=tuple(names[s] for s in found))
