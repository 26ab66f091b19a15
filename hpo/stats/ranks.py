"""Ranks of strategies over blocks: Friedman's test, Nemenyi's critical difference, the groups of its diagram.

The procedure is Demsar's (JMLR 7, 2006, sec. 3.2), but with pairwise Wilcoxon-Holm for the groups: mean ranks of
two strategies, and so Nemenyi's test of them, depend on the others (Benavoli et al., JMLR 17, 2016).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, fdtrc

Array = npt.NDArray[np.float64]

SIGNIFICANT_DIGITS = 12


@dataclass(frozen=True)
class FriedmanStatistic:
    """Friedman's chi-square on k - 1 degrees of freedom, and Iman and Davenport's F on (k - 1, (k - 1)(N - 1))."""

    chi2: float
    chi2_p: float
    f: float
    f_p: float


@dataclass(frozen=True)
class Friedman:
    """Friedman's test that all strategies rank alike.

    Attributes:
        mean_ranks: (k,), 1 is best.
        uncorrected: as in Demsar (2006) and most papers; too careful where blocks have ties.
        corrected: for ties, as in ``scipy.stats.friedmanchisquare`` and R; the same where there are none.
    """

    blocks: int
    strategies: int
    mean_ranks: tuple[float, ...]
    uncorrected: FriedmanStatistic
    corrected: FriedmanStatistic


def rounded(values: npt.ArrayLike, scale: npt.ArrayLike | None = None) -> Array:
    """``values`` to 12 significant digits of ``scale``, by default of themselves.

    Equal scores, and equal differences of scores, must tie, and in floats they often do not: 0.91 - 0.90 is not
    0.94 - 0.93, and a mean over seeds depends on their order. Such errors are in the 16th digit; no score is
    known to 12.

    Args:
        scale: broadcasts with ``values``. A difference has the errors of what was subtracted, so it needs that.
    """
    array = np.asarray(values, dtype=np.float64)
    size = np.abs(array if scale is None else np.asarray(scale, dtype=np.float64))
    exponent = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    unit = 10.0 ** np.clip(SIGNIFICANT_DIGITS - 1 - exponent, -300, 300)
    result: Array = np.rint(array * unit) / unit
    return result


def midranks(values: npt.ArrayLike) -> Array:
    """Ranks of ``values`` (n,) from 1 for the least; ties get the mean of their ranks."""
    _, place, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def score_table(scores: npt.ArrayLike, least_blocks: int = 1) -> Array:
    """``scores`` as an array (blocks, strategies).

    Raises:
        ValueError: there are fewer than 2 strategies or than ``least_blocks`` blocks, or a score is not finite.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < least_blocks or table.shape[1] < 2:
        raise ValueError(
            f"scores must be (blocks, strategies), at least {least_blocks} by 2, not {table.shape}"
        )
    if not np.isfinite(table).all():
        raise ValueError("a score is not finite: give failed runs a score or leave their block out")
    return table


def block_ranks(scores: npt.ArrayLike, *, maximize: bool = True) -> Array:
    """Ranks within each block, (blocks, strategies): 1 is best, ties get their mean rank.

    Args:
        maximize: whether higher scores are better.

    Raises:
        ValueError: as ``score_table``.
    """
    table = rounded(score_table(scores))
    return np.array([midranks(block) for block in (-table if maximize else table)])


def friedman(scores: npt.ArrayLike, *, maximize: bool = True) -> Friedman:
    """Friedman's test of ``scores`` (blocks, strategies) (Demsar 2006, sec. 3.2.2; Conover 1999, sec. 5.8).

    Args:
        maximize: whether higher scores are better.

    Raises:
        ValueError: as ``score_table``, for 2 blocks.
    """
    ranks = block_ranks(score_table(scores, least_blocks=2), maximize=maximize)
    n, k = ranks.shape
    return Friedman(
        blocks=n,
        strategies=k,
        mean_ranks=tuple(float(rank) for rank in ranks.mean(axis=0)),
        uncorrected=_statistic(ranks, n * k * (k * k - 1) / 12),
        corrected=_statistic(ranks, float(((ranks - (k + 1) / 2) ** 2).sum())),
    )


def _statistic(ranks: Array, total: float) -> FriedmanStatistic:
    """Both statistics from the rank sums, where ``total`` is the sum of squares of the N k ranks.

    With it as it is without ties, 12 N / (k (k + 1)) [sum R_j^2 - k (k + 1)^2 / 4] comes out. All sums are of
    multiples of 1/4, hence exact in floats.
    """
    n, k = ranks.shape
    between = float(((ranks.sum(axis=0) - n * (k + 1) / 2) ** 2).sum())
    if between == 0:  # also where every block is one tie and the total is 0
        return FriedmanStatistic(0.0, 1.0, 0.0, 1.0)
    chi2 = (k - 1) * between / total
    chi2_p = float(chdtrc(k - 1, chi2))
    residual = n * total - between
    if residual == 0:
        return FriedmanStatistic(chi2, chi2_p, math.inf, _agreement_p(ranks))
    f = (n - 1) * between / residual
    return FriedmanStatistic(chi2, chi2_p, f, float(fdtrc(k - 1, (k - 1) * (n - 1), f)))


def _agreement_p(ranks: Array) -> float:
    """Exact p of all blocks ranked the same, where F is infinite: arrangements of a block ^ -(blocks - 1)."""
    n, k = ranks.shape
    _, ties = np.unique(ranks[0], return_counts=True)
    arrangements = math.factorial(k) // math.prod(math.factorial(int(tie)) for tie in ties)
    return math.exp((1 - n) * math.log(arrangements))


def critical_difference(strategies: int, blocks: int, alpha: float = 0.05) -> float:
    """Nemenyi's least significant difference of mean ranks, q_alpha sqrt(k (k + 1) / (6 N)) (Demsar 2006, sec. 3.2.2).

    q_alpha is the quantile of the studentized range for k groups and infinite degrees of freedom by sqrt(2).

    Raises:
        ValueError: there are fewer than 2 strategies or no block.
    """
    if strategies < 2 or blocks < 1:
        raise ValueError(f"at least 2 strategies and 1 block are needed, not {strategies} and {blocks}")
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, strategies, np.inf)) / math.sqrt(2)
    return q * math.sqrt(strategies * (strategies + 1) / (6 * blocks))


def cliques(
    mean_ranks: Sequence[float], p_values: npt.ArrayLike, alpha: float = 0.05
) -> tuple[tuple[int, ...], ...]:
    """Bars of the critical-difference diagram: what stands together in it and differs in no pair.

    Args:
        mean_ranks: (k,); strategies are taken in their order, equal ones as given.
        p_values: (k, k) symmetric, of all pairs and adjusted for their number; below ``alpha`` a pair differs.

    Returns:
        The maximal runs of at least two neighbours without a different pair, as indices by mean rank, best first.

    Raises:
        ValueError: ``p_values`` is not (k, k).
    """
    count, p = len(mean_ranks), np.asarray(p_values, dtype=np.float64)
    if p.shape != (count, count):
        raise ValueError(f"p-values of {count} strategies must be ({count}, {count}), not {p.shape}")
    order = np.argsort(np.asarray(mean_ranks), kind="stable")
    different = p[np.ix_(order, order)] < alpha
    groups, covered = [], 1
    for start in range(count):
        stop = start + 1
        while stop < count and not different[start:stop, stop].any():
            stop += 1
        if stop > max(covered, start + 1):  # else it is alone, or within the group before
            groups.append(tuple(int(index) for index in order[start:stop]))
        covered = max(covered, stop)
    return tuple(groups)
