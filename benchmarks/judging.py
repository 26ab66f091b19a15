"""The report's verdict on scores of known truth, and whether it was right."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmarks.simulated import Bools
from hpo.records.verdict_rule import LEAST_MARGIN
from hpo.report.comparing import decide_family, least_units
from hpo.stats.crossed import Array, Estimate, crossed
from hpo.stats.decision import Outcome

DIFFERENT = {Outcome.RELEVANT, Outcome.BETTER, Outcome.DIFFERENT}
EQUIVALENT = {Outcome.EQUIVALENT, Outcome.DIFFERENT}


@dataclass(frozen=True)
class Judged:
    """The pairs of one family, first minus second in the order of ``family``; so is every ``truth``."""

    estimates: tuple[Estimate, ...]
    outcomes: tuple[Outcome, ...]

    def different(self) -> Bools:
        """Whether each pair is said to differ, relevantly or not."""
        return np.array([outcome in DIFFERENT for outcome in self.outcomes])

    def equivalent(self) -> Bools:
        """Whether each pair is said to be practically equivalent."""
        return np.array([outcome in EQUIVALENT for outcome in self.outcomes])

    def better(self, truth: Array) -> Bools:
        """Whether each pair is said to differ, and does so in that direction."""
        means = np.array([estimate.mean for estimate in self.estimates])
        right: Bools = self.different() & (means * truth > 0)
        return right

    def false_better(self, truth: Array) -> bool:
        """Whether any pair is said to differ that does not, or does in the other direction."""
        return bool((self.different() & ~self.better(truth)).any())

    def covered(self, truth: Array, confidence: float) -> Bools:
        """Whether each pair's interval holds the truth."""
        intervals = np.array([estimate.interval(confidence) for estimate in self.estimates])
        held: Bools = (intervals[:, 0] <= truth) & (truth <= intervals[:, 1])
        return held


def family(strategies: int, reference: int | None = None) -> list[tuple[int, int]]:
    """The pairs that a run compares: all of them, or those of the reference."""
    return [pair for pair in combinations(range(strategies), 2) if reference is None or reference in pair]


def judge(correct: Bools, margin: float, reference: int | None = None) -> Judged:
    """The report's verdict on each pair of the family of ``correct`` (strategies, searches, seeds, items)."""
    strategies, searches = correct.shape[:2]
    units = correct.mean(axis=2) if searches > 1 else correct[:, 0].astype(np.float64)
    estimates = [crossed(units[a] - units[b]) for a, b in family(strategies, reference)]
    decided = decide_family(estimates, margin, least_units(searches))
    return Judged(tuple(estimates), tuple(one.outcome for one in decided))


def verdict_allowed(searches: int, seeds: int) -> bool:
    """Whether so many searches, or seeds of a single one, can end in anything but "inconclusive"."""
    return (searches if searches > 1 else seeds) >= least_units(searches)


def margin_of(validation: Array) -> float:
    """The report's margin from the fresh seeds' ``validation`` accuracy (strategies, searches, seeds)."""
    if validation.shape[-1] == 1:
        return LEAST_MARGIN
    return max(LEAST_MARGIN, float(np.sqrt(validation.var(axis=-1, ddof=1).mean())))


def differences(values: Array) -> Array:
    """First minus second of ``values`` (strategies,) for all pairs, in the order of ``itertools.combinations``."""
    return np.array([a - b for a, b in combinations(values, 2)])
