"""Trials set side by side at common rungs, as the statistics of pruning read them."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.records.run import Records
from hpo.records.trainings import Audited, Rung, Trial
from hpo.stats import pruning

MOST_LEVELS = 10


@dataclass(frozen=True)
class Levels:
    """Trainings (each configuration of a search once) at common rungs.

    Attributes:
        rungs: in what ``Run.resource`` counts, the ends of trainings not among them.
        trials: strategy to its trainings, with scores at ``rungs`` in the sign with which higher is better.
    """

    rungs: tuple[int, ...]
    trials: dict[str, list[pruning.Trial]]

    @property
    def all(self) -> list[pruning.Trial]:
        """The trainings of every strategy."""
        return [trial for own in self.trials.values() for trial in own]


def rows_of_strategies(records: Records) -> list[tuple[str, str | None]]:
    """(label, strategy) of each row of a table by strategy, and of all strategies together (None) last where several."""
    rows: list[tuple[str, str | None]] = [(name, name) for name in records.run.strategies]
    return [*rows, ("all strategies", None)] if len(rows) > 1 else rows


def levels(records: Records) -> Levels:
    """The trainings of ``records`` at the run's rungs, or at those where scores were recorded, at most 10 of them.

    At a rung a training has the score of its last evaluation up to it. A pruned training that was evaluated nowhere,
    so that nobody knows where it was stopped, is left out.
    """
    audited = {(a.strategy, a.replicate, a.draw): a for a in records.audited}
    first = [t for t in records.trials if t.duplicate_of is None]
    named = sorted(records.run.search.rungs)
    found = [_Training(t, audited.get((t.strategy, t.replicate, t.draw)), named) for t in first]
    seen = sorted({at for training in found for at in training.places})
    rungs = _thinned(seen)
    sign = 1 if records.run.metric.maximize else -1
    return Levels(
        rungs,
        {
            name: [
                aligned
                for training in found
                if training.trial.strategy == name and (aligned := training.aligned(rungs, sign)) is not None
            ]
            for name in records.run.strategies
        },
    )


class _Training:
    """A trial with what an audit added: its evaluations before its end, each with the rung for which it stands."""

    def __init__(self, trial: Trial, audited: Audited | None, named: Sequence[int]) -> None:
        self.trial = trial
        rungs = [*trial.rungs, *(audited.rungs if audited is not None else ())]
        score = trial.score if audited is None else audited.score
        self._final = score if score is not None and math.isfinite(score) else None
        kept = [rung for rung in rungs if math.isfinite(rung.score)]
        first = [rung for rung in trial.rungs if math.isfinite(rung.score)]
        stopped = len(first) if trial.state == "pruned" else 0
        before_end = kept[: max(len(kept) - 1, stopped)] if self._final is not None else kept
        self._scores = [rung.score for rung in before_end]
        self.places = _places(before_end, named)
        own = _places(first, named)
        self._stopped = own[-1] if own and trial.state == "pruned" else None

    def aligned(self, rungs: Sequence[int], sign: int) -> pruning.Trial | None:
        """Scores at ``rungs``; one before the first evaluation has the score of that."""
        pruned = self.trial.state == "pruned"
        if pruned and (self._stopped is None or not rungs):
            return None
        reached = bisect_right(rungs, self.places[-1]) if self.places else 0
        stop = None
        if self._stopped is not None:
            stop = min(bisect_left(rungs, self._stopped), len(rungs) - 1)
            reached = max(reached, stop + 1)
        last = [max(bisect_right(self.places, at) - 1, 0) for at in rungs[:reached]]
        final = None if self._final is None else sign * self._final
        return pruning.Trial([sign * self._scores[i] for i in last], stop, final)


def _places(rungs: Sequence[Rung], named: Sequence[int]) -> list[int]:
    """For each evaluation the rung for which it stands, as batches end a little behind it; else where it was itself."""
    places: list[int] = []
    for rung in rungs:
        index = bisect_right(named, rung.examples) - 1
        stands = index >= 0 and named[index] not in places
        places.append(named[index] if stands else rung.examples)
    return places


def _thinned(seen: Sequence[int]) -> tuple[int, ...]:
    """At most ``MOST_LEVELS`` of ``seen``, evenly by their number, the last among them."""
    if len(seen) <= MOST_LEVELS:
        return tuple(seen)
    return tuple(seen[math.ceil((i + 1) * len(seen) / MOST_LEVELS) - 1] for i in range(MOST_LEVELS))
