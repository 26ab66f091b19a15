"""When a trial is stopped: pure functions of the scores that earlier trials of the same study reached at the same rung.

Optuna's pruners keep notes in the storage while they decide, so that a decision asked for again after a kill may come
out otherwise; its Hyperband draws brackets from the study's name, so that paired draws of two strategies would be
stopped at different rungs. These do neither.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

MEDIAN_STARTUP = 2  # earlier trials trained to their end before the median says anything


@dataclass(frozen=True)
class Decision:
    """``reason`` is never empty."""

    prune: bool
    reason: str


@dataclass(frozen=True)
class Pruner:
    """A rule with its settings.

    Attributes:
        name: ``successive_halving``, ``hyperband``, ``median`` or ``none``.
        reduction_factor: of successive halving: one in so many goes on from each rung.
        rungs: examples seen at which a trial may be stopped, ascending.
        maximize: whether a higher score is the better one.
    """

    name: str
    reduction_factor: int
    rungs: tuple[int, ...]
    maximize: bool = True

    def decide(self, rung: int, score: float, draw: int, field: Field) -> Decision:
        """Whether draw ``draw`` stops at ``rung`` examples with ``score``, among the trials drawn before it."""
        if self.name == "none" or rung not in self.rungs:
            return Decision(False, "stopped at no rung")
        bracket = self.bracket(draw)
        rivals = field.at(rung, bracket)
        if self.name == "median":
            return _median(score, rivals, self.maximize)
        if self.rungs.index(rung) < bracket:
            return Decision(False, f"bracket {bracket} stops none at {rung} examples")
        return _halving(score, rivals, self.reduction_factor, self.maximize)

    def looks_at(self, complete: bool) -> bool:
        """Whether a trial is held against one that was or was not trained to its end."""
        return self.name != "none" and (complete or self.name != "median")

    def bracket(self, draw: int) -> int:
        """Bracket of a draw: how many of the first rungs stop nothing; always 0 in plain successive halving.

        Hyperband (Li et al. 2018, algorithm 1) starts about eta**s trials in the bracket that halves s times. Draws are
        dealt to the brackets in that proportion, in turn and without chance, so that paired draws share one.
        """
        if self.name != "hyperband":
            return 0
        return self._pattern[draw % len(self._pattern)]

    @cached_property
    def _pattern(self) -> list[int]:
        eta, most = self.reduction_factor, len(self.rungs)
        sizes = [math.ceil((most + 1) / (most - b + 1) * eta ** (most - b)) for b in range(most + 1)]
        return [b for turn in range(max(sizes)) for b in range(most + 1) if turn < sizes[b]]


class Field:
    """The ended trials of one study that one is held against, each added once.

    Scores are kept in order, so that a decision costs about the same however many trials there are.
    """

    def __init__(self, pruner: Pruner) -> None:
        self._pruner = pruner
        self._scores: dict[tuple[int, int], list[float]] = {}  # by rung and bracket, ascending

    def add(self, draw: int, scores: Mapping[int, float], *, complete: bool) -> None:
        """Add a trial.

        Args:
            scores: by rung, in examples.
            complete: whether it was trained to its end.
        """
        if self._pruner.looks_at(complete):
            bracket = self._pruner.bracket(draw)
            for rung, score in scores.items():
                insort(self._scores.setdefault((rung, bracket), []), score)

    def at(self, rung: int, bracket: int) -> Sequence[float]:
        """Scores at a rung, ascending."""
        return self._scores.get((rung, bracket), ())


def _halving(score: float, rivals: Sequence[float], factor: int, maximize: bool) -> Decision:
    """Asynchronous successive halving (Li et al. 2020, ASHA): the best one in ``factor`` of those seen so far go on."""
    better = len(rivals) - bisect_right(rivals, score) if maximize else bisect_left(rivals, score)
    place, all_of_them = better + 1, len(rivals) + 1
    kept = max(1, all_of_them // factor)
    return Decision(place > kept, f"{place} of {all_of_them} at this rung, the best {kept} go on")


def _median(score: float, rivals: Sequence[float], maximize: bool) -> Decision:
    """The median stopping rule (Golovin et al. 2017, Vizier) at one rung, among trials that were trained to their end."""
    count = len(rivals)
    if count < MEDIAN_STARTUP:
        return Decision(False, f"only {count} earlier trials were trained to their end")
    middle = (rivals[(count - 1) // 2] + rivals[count // 2]) / 2
    return Decision(
        score < middle if maximize else score > middle,
        f"{score:.4f} against the median {middle:.4f} of {count}",
    )
