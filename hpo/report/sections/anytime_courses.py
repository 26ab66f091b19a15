"""What searches had found by what they had paid, strategy by strategy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo.records.run import Records
from hpo.records.selection import searches
from hpo.records.trainings import Trial
from hpo.report.sections.anytime_costs import Budget
from hpo.report.text import Units
from hpo.stats.anytime import AnytimeCurve, Replicate, anytime_curve, change_costs
from hpo.stats.crossed import Array

SEED = 0  # of the bootstrap


@dataclass(frozen=True)
class Course:
    """The searches of one strategy against one budget, and their curve at each cost where any of them improves."""

    name: str
    style: int
    budget: Budget
    replicates: tuple[Replicate, ...]
    curve: AnytimeCurve


def course_of(records: Records, budget: Budget, index: int) -> Course:
    """The searches of the strategy at ``index``, each with a complete trial, against ``budget``."""
    name = records.run.strategies[index]
    found = searches(sorted(records.trials, key=lambda t: t.draw))
    replicates = tuple(
        Replicate(np.array(budget.paid[search]), _scores(own))
        for search, own in found.items()
        if search[0] == name
    )
    maximize = records.run.metric.maximize
    grid = change_costs(replicates, maximize=maximize)
    return Course(
        name, index, budget, replicates, anytime_curve(replicates, grid, seed=SEED, maximize=maximize)
    )


def _scores(trials: Sequence[Trial]) -> Array:
    """NaN where a trial is not complete: a pruned trial's last score is no result."""
    return np.array([math.nan if t.score is None else t.score for t in trials])


def told(curve: AnytimeCurve, units: Units, place: int) -> str:
    """``81.3 % (80.0 to 82.5 %)``; ``-`` before every search has a score."""
    median = float(curve.median[place])
    if math.isnan(median):
        return "-"
    if curve.low is None or curve.high is None:
        return units.value(median)
    return f"{units.value(median)} ({units.interval((float(curve.low[place]), float(curve.high[place])))})"


def amount(cost: float) -> str:
    """A cost: ``1,024``, ``37.3``."""
    return f"{cost:,.0f}" if cost >= 1000 or cost.is_integer() else f"{cost:.4g}"
