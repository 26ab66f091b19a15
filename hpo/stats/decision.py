"""From an interval to a word: better, equivalent or inconclusive; what is level with the best; open ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from hpo.stats.comparisons import simultaneous_confidence
from hpo.stats.crossed import Estimate


class Outcome(StrEnum):
    """What a comparison shows; the sign of the difference says for whom."""

    RELEVANT = "better by a relevant margin"
    BETTER = "better"
    DIFFERENT = "statistically different, practically equivalent"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"


def decide(
    estimate: Estimate, holm_p: float, margin: float, comparisons: int, *, alpha: float, enough: bool
) -> Outcome:
    """Judge one of ``comparisons`` differences.

    Better: Holm's p below ``alpha`` and the interval at 1 - alpha beside 0; by a relevant margin when the simultaneous
    interval lies beyond ``margin`` (0: none is known). Equivalent: the interval at 1 - 2 alpha within +-``margin`` (two
    one-sided tests, Schuirmann 1987).

    Args:
        alpha: level of the family of comparisons.
        enough: whether there are the units that any verdict needs.
    """
    if not enough:
        return Outcome.INCONCLUSIVE
    better = holm_p < alpha and _nearest_to_zero(estimate.interval(1 - alpha)) > 0
    low, high = estimate.interval(1 - 2 * alpha)
    equivalent = -margin < low and high < margin
    if better and equivalent:
        return Outcome.DIFFERENT
    if better:
        together = estimate.interval(simultaneous_confidence(comparisons, 1 - alpha))
        relevant = margin > 0 and _nearest_to_zero(together) > margin
        return Outcome.RELEVANT if relevant else Outcome.BETTER
    return Outcome.EQUIVALENT if equivalent else Outcome.INCONCLUSIVE


def _nearest_to_zero(interval: tuple[float, float]) -> float:
    """Distance of ``interval`` from 0; 0 where it contains 0."""
    low, high = interval
    return max(low, -high, 0.0)


def not_separable(best: str, names: Sequence[str], better: Mapping[tuple[str, str], bool]) -> tuple[str, ...]:
    """Those ``names`` that ``best`` is not shown to beat, itself included. ``better[a, b]``: a beats b."""
    return tuple(name for name in names if name == best or not better[best, name])


def rank_intervals(
    names: Sequence[str], better: Mapping[tuple[str, str], bool]
) -> dict[str, tuple[int, int]]:
    """Ranks that each name may have (1 is best): from 1 + those shown better to k - those shown worse.

    With familywise error control of ``better`` these cover all true ranks together (Mogstad et al., Review of
    Economic Studies 91, 2024).
    """
    return {
        name: (
            1 + sum(better[other, name] for other in names if other != name),
            len(names) - sum(better[name, other] for other in names if other != name),
        )
        for name in names
    }
