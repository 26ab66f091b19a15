"""Comparisons of strategies on the test items: estimates, a family's correction, what each comparison is decided to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hpo.records.run import Run
from hpo.records.verdict_rule import ALPHA, LEAST_SEARCHES, LEAST_SEEDS
from hpo.report.scores import Scores, paired
from hpo.stats.comparisons import correlation, holm, sign_flip, simultaneous_confidence
from hpo.stats.crossed import Array, Estimate, crossed, group_items, unpaired
from hpo.stats.decision import Outcome, decide
from hpo.stats.power import Needed, needed, needed_unpaired

_ROUNDING = 1e-24  # a variance below it is rounding, not data


@dataclass(frozen=True)
class Comparison:
    """``first`` minus ``second`` on the test items, in the metric's unit.

    Attributes:
        favours: whom the difference favours, whether or not it is shown; None where it is 0.
        seeds: fresh seeds a unit.
        p, holm_p: of no difference, alone and among the comparisons of its family.
        simultaneous: the interval that holds together with the others of its family.
        sign_flip_p: exact, over units; None where there are too many.
        correlation_units, correlation_items: of the two sides' unit means, and of their scores item by item.
        enough: whether there are the units, with any spread, that a verdict needs; without them no p is told.
        needed: what would tell a difference as large as this or as the margin; None where it cannot be planned.
    """

    first: str
    second: str
    favours: str | None
    estimate: Estimate
    seeds: int
    p: float
    holm_p: float
    simultaneous: tuple[float, float]
    sign_flip_p: float | None
    correlation_units: float | None
    correlation_items: float | None
    enough: bool
    outcome: Outcome
    needed: Needed | None

    @property
    def distinguished(self) -> bool:
        """Whether a difference is shown, relevant or not."""
        return self.outcome in {Outcome.RELEVANT, Outcome.BETTER, Outcome.DIFFERENT}

    def swapped(self) -> Comparison:
        """``second`` minus ``first``."""
        estimate = replace(self.estimate, mean=-self.estimate.mean)
        low, high = self.simultaneous
        return replace(
            self, first=self.second, second=self.first, estimate=estimate, simultaneous=(-high, -low)
        )


@dataclass(frozen=True)
class Decided:
    """One comparison within its family: p of no difference, alone and corrected, whether units suffice, and the outcome."""

    p: float
    holm_p: float
    enough: bool
    outcome: Outcome


def decide_family(estimates: Sequence[Estimate], margin: float, least: int) -> list[Decided]:
    """The outcome of each difference of one family, with Holm's correction over all of them.

    Args:
        margin: of practical equivalence, in the unit of ``estimates``.
        least: units that a verdict needs (``least_units``).
    """
    p_values = [_p_value(estimate) for estimate in estimates]
    found = []
    for estimate, p, holm_p in zip(estimates, p_values, holm(p_values), strict=True):
        enough = estimate.units >= least and not _without_spread(estimate)
        outcome = decide(estimate, holm_p, margin, len(estimates), alpha=ALPHA, enough=enough)
        found.append(Decided(p, holm_p, enough, outcome))
    return found


def least_units(replicates: int) -> int:
    """Searches that a verdict needs, or fresh seeds where there is one search."""
    return LEAST_SEARCHES if replicates > 1 else LEAST_SEEDS


def compare(run: Run, sides: Iterable[tuple[Scores, Scores]], margin: float) -> tuple[Comparison, ...]:
    """Compare each pair; Holm and the simultaneous interval over all of them.

    Pairs are formed where replicates, seeds and data order were shared; else the units are independent samples.
    """
    sides = list(sides)
    if run.search.shared_draws is False:
        matrices = [(a, b, a.matrix(), b.matrix()) for a, b in sides]
        estimates = [unpaired(x.mean(axis=(1, 2)), y.mean(axis=(1, 2))) for _, _, x, y in matrices]
    else:
        matrices = [(a, b, *paired(a, b)) for a, b in sides]
        matrices = [found for found in matrices if found[2].size]
        estimates = [crossed((x - y).mean(axis=1), groups_of(run, x)) for _, _, x, y in matrices]
    decided = decide_family(estimates, margin, least_units(run.replicates))
    return tuple(
        _comparison(run, found, estimate, one, (len(matrices), margin))
        for found, estimate, one in zip(matrices, estimates, decided, strict=True)
    )


def groups_of(run: Run, matrix: Array) -> tuple[int, ...] | None:
    """Groups of the columns of ``matrix``, where they are items."""
    return run.split.groups if matrix.shape[-1] > 1 else None


def _without_spread(estimate: Estimate) -> bool:
    """Whether all scores of the whole split differ by the same: a variance of 0 tells nothing of further units."""
    return estimate.items == 1 and estimate.variance < _ROUNDING


def _p_value(estimate: Estimate) -> float:
    """Two-sided p of no difference; 1 where nothing is known of the spread."""
    return 1.0 if _without_spread(estimate) else estimate.p_value()


def _comparison(
    run: Run,
    sides: tuple[Scores, Scores, Array, Array],
    estimate: Estimate,
    decided: Decided,
    family: tuple[int, float],
) -> Comparison:
    first, second, x, y = sides
    count, margin = family
    shared = run.search.shared_draws is not False
    name = first.name if run.metric.better(estimate.mean, 0.0) else second.name
    target = max(abs(estimate.mean), margin)
    return Comparison(
        first=first.name,
        second=second.name,
        favours=name if estimate.mean else None,
        estimate=estimate,
        seeds=x.shape[1],
        p=decided.p,
        holm_p=decided.holm_p,
        simultaneous=estimate.interval(simultaneous_confidence(count, 1 - ALPHA)),
        sign_flip_p=sign_flip((x - y).mean(axis=(1, 2))) if shared else None,
        correlation_units=correlation(x.mean(axis=(1, 2)), y.mean(axis=(1, 2))) if shared else None,
        correlation_items=correlation(x, y) if shared and x.shape[2] > 1 else None,
        enough=decided.enough,
        outcome=decided.outcome,
        needed=None if _without_spread(estimate) else _needed(run, x, y, target, ALPHA / count),
    )


def _needed(run: Run, x: Array, y: Array, target: float, alpha: float) -> Needed | None:
    """What would tell ``target``, planned from ``x`` and ``y`` (units, seeds, n); None with a single unit of either."""
    if min(len(x), len(y)) < 2:
        return None
    if run.search.shared_draws is False:
        return needed_unpaired(x.mean(axis=(1, 2)), y.mean(axis=(1, 2)), target, alpha=alpha)
    differences = x - y
    units, seeds, n = differences.shape
    groups = groups_of(run, differences)
    if groups is not None:
        flat = group_items(differences.reshape(units * seeds, n), groups)
        differences = flat.reshape(units, seeds, -1)
    return needed(differences, target, alpha=alpha)
