"""By how much the same trained units score otherwise on another set of items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpo.stats.crossed import Array, Estimate, group_items, mean_squares

_NOISE = 1e-12  # below it a mean or a standard error is rounding, not data


def two_sets(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    first_groups: npt.ArrayLike | None = None,
    second_groups: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean of ``first`` (u, n) minus that of ``second`` (u, m): one sample of units, two independent samples of items.

    As ``hpo.stats.crossed.crossed`` with a term for the items of each set: V = max(A + B_1 + B_2, A, C_1 + C_2) with A the
    variance of the units' differences over u, B = (MS_I - MS_R) / un and C = MS_I / un of each set; Satterthwaite's degrees
    of freedom from A and both C. A second set of zeros leaves ``crossed`` of the first. With one unit each set has the
    variance of its items alone; a set of a single column, a score of the whole, tells nothing of its items.

    Args:
        first_groups, second_groups: (n,), (m,) group of each item; groups are then what is drawn.

    Raises:
        ValueError: the sets have different units, or none.
    """
    sets = [_columns(first, first_groups), _columns(second, second_groups)]
    units = len(sets[0])
    if units < 1 or len(sets[1]) != units:
        raise ValueError(f"both sets must have the same units, at least one, not {[x.shape for x in sets]}")
    mean = float(sets[0].mean() - sets[1].mean())
    parts = [_items(x) for x in sets]
    alone = sum(square for square, _, _ in parts)
    spread = sum(square**2 / df for square, _, df in parts if df)
    between, variance = 0.0, alone
    if units > 1:
        between = float((sets[0].mean(axis=1) - sets[1].mean(axis=1)).var(ddof=1)) / units
        variance = max(between + sum(square - residual for square, residual, _ in parts), between, alone)
        spread += between**2 / (units - 1)
    elif not any(df for _, _, df in parts):
        variance = float("inf")
    return Estimate(
        mean=mean if abs(mean) > _NOISE else 0.0,
        variance=variance if variance > _NOISE**2 else 0.0,
        df=variance**2 / spread if spread > 0 else float(max(units - 1, 1)),
        unit_variance=between if between > _NOISE**2 else 0.0,
        units=units,
        items=min(x.shape[1] for x in sets),
    )


def _columns(values: npt.ArrayLike, groups: npt.ArrayLike | None) -> Array:
    matrix = np.asarray(values, dtype=np.float64)
    return matrix if groups is None else group_items(matrix, groups)


def _items(values: Array) -> tuple[float, float, int]:
    """Of one set (u, n): MS_I / un, MS_R / un, and the degrees of freedom of the first; zeros where n is 1."""
    u, n = values.shape
    if n < 2:
        return 0.0, 0.0, 0
    if u == 1:
        return float(values.var(ddof=1)) / n, 0.0, n - 1
    _, items, residual = mean_squares(values)
    return items / (u * n), residual / (u * n), n - 1
