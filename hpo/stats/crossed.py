"""Mean and interval over two crossed samples: training units (searches or seeds) and test items.

Both are samples of what a claim is about, so both belong into its variance. The mean squares are those of a
two-way table without replication (Scheffe, The Analysis of Variance, 1959, ch. 4); the degrees of freedom are
Satterthwaite's (Biometrics Bulletin 2, 1946).

The crossed interval alone is too narrow in its far tails where units are few: over all pairs of five identical
strategies, three or five searches each and 1,000 items, Holm's test on it found a "better" one in 16 % and 9 %
of simulated runs. So it is never narrower, nor its p smaller, than Student's over the units alone: 3 % and 5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

Array = npt.NDArray[np.float64]

_NOISE = 1e-12  # below it a mean or a standard error is rounding, not data


@dataclass(frozen=True)
class Estimate:
    """A mean over ``units`` x ``items`` with its variance, in the unit of the values (squared).

    Attributes:
        df: degrees of freedom of ``variance``.
        unit_variance: variance of the mean over units with the items as they are, on units - 1 degrees of freedom.
        items: number of items, or of groups of items where they were grouped.
    """

    mean: float
    variance: float
    df: float
    unit_variance: float
    units: int
    items: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Student's interval mean +- t sqrt(variance) at ``confidence``, at least as wide as over units alone."""
        half = max(float(stdtrit(df, (1 + confidence) / 2)) * math.sqrt(v) for v, df in self._sources())
        return self.mean - half, self.mean + half

    def p_value(self) -> float:
        """Two-sided p of a mean of 0: the largest level at which the interval still holds 0."""
        if self.variance == 0:
            return 1.0 if self.mean == 0 else 0.0
        return max(float(2 * stdtr(df, -abs(self.mean) / math.sqrt(v))) for v, df in self._sources() if v > 0)

    def _sources(self) -> tuple[tuple[float, float], ...]:
        """(variance, degrees of freedom) of each interval that must hold."""
        both = (self.variance, self.df)
        return (both,) if self.units == 1 else (both, (self.unit_variance, self.units - 1.0))


def mean_squares(values: Array) -> tuple[float, float, float]:
    """Mean squares of units, items and residual of ``values`` (u, n), u and n at least 2."""
    u, n = values.shape
    mean = values.mean()
    unit, item = values.mean(axis=1) - mean, values.mean(axis=0) - mean
    residual = values - mean - unit[:, None] - item[None, :]
    return (
        float(n * (unit**2).sum() / (u - 1)),
        float(u * (item**2).sum() / (n - 1)),
        float((residual**2).sum() / ((u - 1) * (n - 1))),
    )


def crossed(values: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Estimate:
    """Mean of ``values`` (u, n) with the variance of drawing units and items anew.

    V = max((MS_J + MS_I - MS_R) / un, MS_J / un, MS_I / un); a single unit has the items' variance alone. A single
    column (n = 1) holds scores of the whole split: Student's over units alone, and nothing known of a single one.

    Args:
        groups: (n,) group of each item; groups, not items, are then the second sample (``group_items``).

    Raises:
        ValueError: there is no unit, or there is a single group.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if groups is not None:
        matrix = group_items(matrix, groups)
    if matrix.ndim != 2 or matrix.shape[0] < 1 or matrix.shape[1] < (1 if groups is None else 2):
        raise ValueError(f"values must be (units, items) with at least 2 groups, not {matrix.shape}")
    u, n = matrix.shape
    if n == 1:
        known = u > 1
        variance = float(matrix.var(ddof=1)) / u if known else math.inf
        return _estimate(matrix, variance, u - 1.0 if known else 1.0, variance)
    if u == 1:
        return _estimate(matrix, float(matrix.var(ddof=1)) / n, float(n - 1), 0.0)
    units, items, residual = (square / (u * n) for square in mean_squares(matrix))
    variance = max(units + items - residual, units, items)
    spread = units**2 / (u - 1) + items**2 / (n - 1)
    return _estimate(matrix, variance, variance**2 / spread if spread > 0 else float(n - 1), units)


def unpaired(first: npt.ArrayLike, second: npt.ArrayLike) -> Estimate:
    """``first`` minus ``second``, means of independent units (u,) and (v,), by Welch (Biometrika 34, 1947)."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    mean, units = float(a.mean() - b.mean()), min(len(a), len(b))
    if units < 2:
        return Estimate(mean, math.inf, 1.0, 0.0, units, 1)
    variance, df = welch((float(a.var(ddof=1)), float(b.var(ddof=1))), (len(a), len(b)))
    return Estimate(mean if abs(mean) > _NOISE else 0.0, variance, df, 0.0, units, 1)


def welch(variances: tuple[float, float], sizes: tuple[int, int]) -> tuple[float, float]:
    """Variance of a difference of two independent means, and its degrees of freedom; ``sizes`` at least 2."""
    parts = [variance / n for variance, n in zip(variances, sizes, strict=True)]
    spread = sum(part**2 / (n - 1) for part, n in zip(parts, sizes, strict=True))
    return sum(parts), sum(parts) ** 2 / spread if spread > 0 else sum(sizes) - 2.0


def _estimate(matrix: Array, variance: float, df: float, unit_variance: float) -> Estimate:
    mean = float(matrix.mean())
    return Estimate(
        mean=mean if abs(mean) > _NOISE else 0.0,
        variance=variance if variance > _NOISE**2 else 0.0,
        df=df,
        unit_variance=unit_variance if unit_variance > _NOISE**2 else 0.0,
        units=matrix.shape[0],
        items=matrix.shape[1],
    )


def group_items(values: npt.ArrayLike, groups: npt.ArrayLike) -> Array:
    """One column a group from ``values`` (u, n): (u, g), whose unit means and mean are those over items.

    Groups differ in size, so the mean over items is a ratio of sums; a column is its linearised contribution
    (Cochran, Sampling Techniques, 1977, sec. 6.3): mean + (g / n) (sum of the group - mean * its size).
    """
    matrix, labels = np.asarray(values, dtype=np.float64), np.asarray(groups)
    _, column = np.unique(labels, return_inverse=True)
    member = np.eye(column.max() + 1)[column]  # (n, g)
    mean = matrix.mean()
    columns: Array = mean + (matrix - mean) @ member * (member.shape[1] / matrix.shape[1])
    return columns
