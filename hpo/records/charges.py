"""What trainings would have cost alone, which is charged, and what they cost together, which is spent."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from hpo.records.limits import Limit
from hpo.records.trainings import Audited, Confirmation, Trial

NO_TIME = 1e-9  # seconds that trials take at least whose records charge none: so that there is something left


def charged_examples(trial: Trial) -> int:
    """Examples that this trial would have been trained on alone, those of shared segments included."""
    return trial.segments[-1].examples if trial.segments else 0


def spent_examples(trials: Iterable[Trial]) -> int:
    """Examples that these trials were trained on together, those of a segment that several share once."""
    seen: dict[str, int] = {}
    for trial in trials:
        before = 0
        for segment in trial.segments:
            seen.setdefault(segment.key, segment.examples - before)
            before = segment.examples
    return sum(seen.values())


def charged_seconds(item: Trial | Confirmation | Audited) -> float:
    """Device-seconds that this item would have cost alone: what its strategy's budget, or the audit, is charged."""
    if not isinstance(item, Audited) and item.charged is not None:
        return item.charged
    test = 0.0
    if isinstance(item, Confirmation):
        test = item.test_seconds + sum(scores.seconds for scores in item.shifts.values())
    passed = sum(p.seconds for p in item.passes)
    return sum(s.seconds for s in item.segments) + passed + sum(r.seconds for r in item.rungs) + test


def spent_seconds(items: Collection[Trial | Confirmation]) -> float:
    """Device-seconds that these items cost together: work of one key is counted once, and again if done again."""
    work: dict[str, float] = {}
    for item in items:
        for segment in item.segments:
            work.setdefault(segment.key, segment.seconds)
        for through in item.passes:
            work.setdefault(through.key, through.spent)
        for rung in item.rungs:
            work.setdefault(rung.evaluation, rung.seconds)
        if isinstance(item, Confirmation):
            work.setdefault(item.test_evaluation, item.test_seconds)
            for scores in item.shifts.values():
                work.setdefault(scores.evaluation, scores.seconds)
    return sum(work.values()) + sum(item.retrained_seconds + (item.charged or 0.0) for item in items)


class Charged:
    """What the trials of one search are charged: each is counted once, as it ends.

    Args:
        by_cost: whether what they cost is asked for, and not their number alone.

    Attributes:
        trials: that were counted.
        seconds: device-seconds that they are charged.
    """

    def __init__(self, *, by_cost: bool) -> None:
        self._by_cost = by_cost
        self.trials = self._examples = 0
        self.seconds = 0.0

    def add(self, trial: Trial) -> None:
        """Count the next trial that ended."""
        self.trials += 1
        if self._by_cost:
            self._examples += charged_examples(trial)
            self.seconds += charged_seconds(trial)

    def reaches(self, limit: Limit) -> bool:
        """Whether a search with this limit begins no further trial."""
        return limit.reached(self._amounts()) is not None

    def seconds_left(self, limit: Limit) -> float:
        """Device-seconds until the limit is reached, were trials to cost as those that ended; infinite: none has."""
        if not self.trials:
            return math.inf
        return max(limit.times(self._amounts()) - 1, 0.0) * max(self.seconds, NO_TIME)

    def _amounts(self) -> dict[str, float]:
        return {"trials": self.trials, "examples": self._examples, "device_seconds": self.seconds}
