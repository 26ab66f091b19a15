"""When a trial is stopped: pure functions of the scores that earlier trials of the same study reached at the same rung.

Optuna's pruners keep notes in the storage while they decide, so that a decision asked for again after a kill may come
out otherwise; its Hyperband draws brackets from the study's name, so that paired draws of two strategies would be
stopped at different rungs. These do neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np

MEDIAN_STARTUP = 2  # earlier trials trained to their end before the median says anything


@dataclass(frozen=True)
class Decision:
    """``reason`` is never empty."""

    prune: bool
    reason: str


@dataclass(frozen=True)
class Field:
    """The trials that one is held against.

    Attributes:
        scores: draw to (rung in examples to score).
        complete: the draws that were trained to their end.
    """

    scores: Mapping[int, Mapping[int, float]]
    complete: Set[int]


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
        rivals = {other: scores[rung] for other, scores in field.scores.items() if rung in scores}
        if self.name == "median":
            ended = [value for other, value in rivals.items() if other in field.complete]
            return _median(score, ended, self.maximize)
        bracket = self._bracket(draw)
        if self.rungs.index(rung) < bracket:
            return Decision(False, f"bracket {bracket} stops none at {rung} examples")
        same = [value for other, value in rivals.items() if self._bracket(other) == bracket]
        return _halving(score, same, self.reduction_factor, self.maximize)

    def _bracket(self, draw: int) -> int:
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


def _halving(score: float, rivals: list[float], factor: int, maximize: bool) -> Decision:
    """Asynchronous successive halving (Li et al. 2020, ASHA): the best one in ``factor`` of those seen so far go on."""
    field = sorted([*rivals, score], reverse=maximize)
    kept = max(1, len(field) // factor)
    place = field.index(score) + 1
    text = f"{place} of {len(field)} at this rung, the best {kept} go on"
    return Decision(place > kept, text)


def _median(score: float, rivals: list[float], maximize: bool) -> Decision:
    """The median stopping rule (Golovin et al. 2017, Vizier) at one rung, among trials that were trained to their end."""
    if len(rivals) < MEDIAN_STARTUP:
        return Decision(False, f"only {len(rivals)} earlier trials were trained to their end")
    middle = float(np.median(rivals))
    return Decision(
        score < middle if maximize else score > middle,
        f"{score:.4f} against the median {middle:.4f} of {len(rivals)}",
    )
