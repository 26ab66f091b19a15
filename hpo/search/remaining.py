"""What a run still has before it: expected is that what is still to come costs what has ended did on average."""

from __future__ import annotations

import math
from collections.abc import Collection

from hpo.records.charges import Charged, charged_examples, charged_seconds, spent_examples, spent_seconds
from hpo.records.limits import Limit
from hpo.records.trainings import Confirmation, Trial


class Remaining:
    """Of one search and its confirmations, or of the baseline, which has no search, in what they are charged."""

    def __init__(self) -> None:
        self._charged = Charged(by_cost=True)
        self._full: list[float] = []  # device-seconds of each training to its end
        self._confirmed = 0

    @property
    def ended(self) -> int:
        """Trials that have ended."""
        return self._charged.trials

    @property
    def mean(self) -> float:
        """Device-seconds of a trial; one has ended."""
        return self._charged.seconds / self._charged.trials

    def trial(self, trial: Trial) -> None:
        """A trial has ended."""
        self._charged.add(trial)
        if trial.state == "complete":
            self._full.append(charged_seconds(trial))

    def confirmation(self, confirmation: Confirmation) -> None:
        """A confirmation has ended."""
        self._confirmed += 1
        self._full.append(charged_seconds(confirmation))

    def of_search(self, limit: Limit) -> float:
        """Device-seconds of the search; 0: it is over; infinite: nothing tells as yet."""
        return self._charged.seconds_left(limit)

    def of_confirmations(self, most: int) -> float:
        """Device-seconds of so many confirmations, less those that have ended; infinite: nothing tells as yet."""
        if not self._full:
            return math.inf
        return (most - self._confirmed) * sum(self._full) / len(self._full)


def in_all(
    ended: Collection[Trial],
    alike: Collection[Trial],
    trials: int,
    confirmations: int,
    wall_seconds: float,
) -> dict[str, float]:
    """What a run of so many trials and confirmations spends, by unit of ``hpo.records.limits.Limit``.

    Work that several trials share is counted once; a confirmation costs what a complete trial is charged.

    Args:
        ended: the trials that have ended.
        alike: those of them, at least one, that the further ones are like.
        trials: in all.
        wall_seconds: that those that have ended took.
    """
    complete = [t for t in ended if t.state == "complete"]
    each = confirmations / max(1, len(complete))
    examples, seconds = (each * sum(map(of, complete)) for of in (charged_examples, charged_seconds))
    further = (trials - len(ended)) / len(alike)
    spent, again = spent_seconds(ended), further * spent_seconds(alike)
    return {
        "trials": trials,
        "examples": spent_examples(ended) + further * spent_examples(alike) + examples,
        "device_seconds": spent + again + seconds,
        "wall_seconds": wall_seconds * (1 + again / max(spent, 1e-9)) + seconds,
    }
