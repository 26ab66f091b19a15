"""Wilcoxon's signed-rank test of paired scores, exact with ties and zeros, and of all pairs with Holm.

Zeros are ranked with the rest and their ranks split evenly between the signs (Pratt, JASA 54, 1959; so does
Demsar, JMLR 7, 2006, sec. 3.1.3, who drops one of an odd number). Dropping them, as Wilcoxon did, can make a
difference significant by making it smaller, and gives those blocks no weight in which two strategies are level.
It is also what the diagrams and matrices of the literature are computed with (Ismail-Fawaz et al. 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from hpo.stats.comparisons import holm
from hpo.stats.ranks import Array, midranks, rounded, score_table

MOST_EXACT = 300  # blocks whose 2^n signs are still enumerated; a pair takes a few hundredths of a second

Method = Literal["exact", "normal approximation"]


@dataclass(frozen=True)
class SignedRank:
    """A signed-rank test of paired scores.

    Attributes:
        zeros: blocks without a difference, among ``blocks``.
        statistic: T, the smaller of the sums of ranks of positive and of negative differences.
        p: two-sided.
        effect: rank-biserial correlation, (positive - negative) / all ranks (Kerby 2014): 1 where the first
            scores higher in every block, 0 where neither does on the whole, -1 where the second does.
        method: how ``p`` was computed.
    """

    blocks: int
    zeros: int
    statistic: float
    p: float
    effect: float
    method: Method


@dataclass(frozen=True, eq=False)
class Pairwise:
    """The signed-rank test of all pairs of k strategies.

    Attributes:
        p: (k, k) of each pair alone; 1 on the diagonal.
        holm_p: (k, k) adjusted for the k (k - 1) / 2 pairs.
        effect: (k, k) rank-biserial correlation, positive where the row scores higher than the column.
        method: how ``p`` was computed.
    """

    p: Array
    holm_p: Array
    effect: Array
    method: Method


def paired_differences(first: npt.ArrayLike, second: npt.ArrayLike) -> Array:
    """``first`` - ``second``, each (blocks,), to 12 significant digits of the larger score.

    Raises:
        ValueError: they are not two equally long, finite samples of at least one block.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise ValueError(
            f"paired scores must be two vectors of one length over 0, not {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a score is not finite: give failed runs a score or leave their block out")
    return rounded(a - b, scale=np.maximum(np.abs(a), np.abs(b)))


def signed_rank(first: npt.ArrayLike, second: npt.ArrayLike) -> SignedRank:
    """Wilcoxon's signed-rank test of ``first`` against ``second``, each (blocks,).

    Raises:
        ValueError: as ``paired_differences``.
    """
    differences = paired_differences(first, second)
    blocks, signs = len(differences), np.sign(differences).astype(np.int64)
    doubled = np.rint(2 * midranks(np.abs(differences))).astype(np.int64)  # whole numbers in spite of ties
    surplus = int((signs * doubled).sum())  # of the positive over the negative; split zeros cancel
    flipped = doubled[signs != 0]
    exact = blocks <= MOST_EXACT
    return SignedRank(
        blocks=blocks,
        zeros=int((signs == 0).sum()),
        statistic=(blocks * (blocks + 1) - abs(surplus)) / 4,
        p=_exact_p(flipped, surplus) if exact else _normal_p(flipped, surplus),
        effect=surplus / (blocks * (blocks + 1)),
        method="exact" if exact else "normal approximation",
    )


def _exact_p(ranks: npt.NDArray[np.int64], surplus: int) -> float:
    """Share of the equally likely 2^n signs of whole ``ranks`` whose signed sum is as far from 0 as ``surplus``."""
    total = int(ranks.sum())
    chance = np.zeros(total + 1)  # of each sum of the positive ranks
    chance[0] = 1.0
    for rank in ranks:
        chance[rank:] = (chance[rank:] + chance[:-rank]) / 2
        chance[:rank] /= 2
    extreme = np.abs(2 * np.arange(total + 1) - total) >= abs(surplus)
    return min(1.0, float(chance[extreme].sum()))


def _normal_p(ranks: npt.NDArray[np.int64], surplus: int) -> float:
    """The same by a normal distribution with the variance that signs of these ranks, ties included, have."""
    variance = float((ranks.astype(np.float64) ** 2).sum())
    return float(2 * ndtr(-abs(surplus) / math.sqrt(variance))) if variance else 1.0


def pairwise(scores: npt.ArrayLike) -> Pairwise:
    """The signed-rank test of all pairs of strategies of ``scores`` (blocks, strategies), with Holm.

    Raises:
        ValueError: as ``score_table``.
    """
    table = score_table(scores)
    rows, columns = np.triu_indices(table.shape[1], k=1)
    tests = [signed_rank(table[:, i], table[:, j]) for i, j in zip(rows, columns, strict=True)]
    p, holm_p = np.ones((2, table.shape[1], table.shape[1]))
    effect = np.zeros_like(p)
    for matrix, values in ((p, [test.p for test in tests]), (holm_p, holm([test.p for test in tests]))):
        matrix[rows, columns] = matrix[columns, rows] = values
    effect[rows, columns] = [test.effect for test in tests]
    return Pairwise(p=p, holm_p=holm_p, effect=effect - effect.T, method=tests[0].method)


def least_p(blocks: int) -> float:
    """The least two-sided p that ``blocks`` blocks can give, 2 / 2^N: all of them differ, and in one direction.

    Raises:
        ValueError: there is no block.
    """
    if blocks < 1:
        raise ValueError(f"at least 1 block is needed, not {blocks}")
    return math.ldexp(1.0, 1 - blocks)


def blocks_needed(strategies: int, alpha: float = 0.05) -> int:
    """The fewest blocks with which Holm's p of any of the pairs of ``strategies`` could be below ``alpha`` at all.

    Raises:
        ValueError: there are fewer than 2 strategies, or ``alpha`` is not between 0 and 1.
    """
    if strategies < 2 or not 0 < alpha < 1:
        raise ValueError(f"2 strategies and an alpha in (0, 1) are needed, not {strategies} and {alpha}")
    blocks = 1
    while math.comb(strategies, 2) * least_p(blocks) >= alpha:
        blocks += 1
    return blocks
