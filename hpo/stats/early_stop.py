"""Which strategies can no longer change a comparison, half-way through its searches.

What a search may still gain is bounded by what it gained last. The expected best of n independent draws is concave in n,
since E max_(n+1) - E max_n is the integral of F^n (1 - F), F the distribution of scores, and falls with n. So h further
draws after h gain at most h / (h - n) times what the draws from n to h did, in expectation; the latter is estimated without
bias by the U-estimate at n (Tang et al., ACL 2020). Draws that learn from results may gain more: how often the rule then
errs is simulated (``python -m benchmarks early_stop``).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from hpo.stats.tuning import expected_best_u

Array = npt.NDArray[np.float64]


def decided(
    scores: Array, further: int, margin: float, kept: Collection[int], alpha: float
) -> tuple[int, ...]:
    """The strategies that need no further draws: each lies below every one that goes on by more than ``margin``.

    That holds of two strategies where, over replicates, the lower bound of the mean of what the one has reached less what
    the other may still reach is above the margin: one-sided, by Student's t at ``alpha``, paired by replicate.

    Args:
        scores: (strategies, replicates, draws) validation scores so far, higher is better; at least 2 of the last two.
        further: draws of each search that are left.
        kept: strategies that always go on, such as the reference.
    """
    best, reachable = scores.max(axis=2), optimistic(scores, further)
    below = _below(best, reachable, margin, alpha)
    ascending = [int(s) for s in np.argsort(reachable.mean(axis=1), kind="stable") if s not in kept]
    for count in range(len(ascending), 0, -1):
        lagging = ascending[:count]
        others = [t for t in range(len(scores)) if t not in lagging]
        if others and below[np.ix_(lagging, others)].all():
            return tuple(sorted(lagging))
    return ()


def optimistic(scores: Array, further: int) -> Array:
    """(strategies, replicates) the best that each search may be expected to reach with ``further`` draws, or less."""
    draws = scores.shape[2]
    before = draws // 2
    earlier = np.apply_along_axis(lambda own: expected_best_u(own, draws=before)[-1], 2, scores)
    best = scores.max(axis=2)
    reached: Array = best + (best - earlier) * further / (draws - before)
    return reached


def _below(best: Array, reachable: Array, margin: float, alpha: float) -> npt.NDArray[np.bool_]:
    """(strategies, strategies) whether the first surely stays below the second by more than ``margin``."""
    replicates = best.shape[1]
    lead = best[None, :, :] - reachable[:, None, :]  # [s, t]: of t over what s may reach
    deviation = lead.std(axis=2, ddof=1) / np.sqrt(replicates)
    low = lead.mean(axis=2) - stdtrit(replicates - 1, 1 - alpha) * deviation
    sure: npt.NDArray[np.bool_] = low > margin
    return sure
