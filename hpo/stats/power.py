"""How many further searches, seeds or test items would tell a difference, and which of them limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import nctdtr, stdtrit

from hpo.stats.crossed import mean_squares, welch

MOST_UNITS = 10_000
MOST_ITEMS = 10_000_000


@dataclass(frozen=True)
class Components:
    """Variance of a difference from one unit, one seed in it, one item, and the former two by items."""

    unit: float
    seed: float
    item: float
    unit_item: float
    seed_item: float

    def parts(self, units: int, seeds: int, items: int) -> tuple[float, float, float, float]:
        """Shares of units, seeds, items and interactions in the variance of the mean of such a design."""
        runs = units * seeds
        return (
            self.unit / units,
            self.seed / runs,
            self.item / items,
            self.unit_item / (units * items) + self.seed_item / (runs * items),
        )


@dataclass(frozen=True)
class Needed:
    """Further units, seeds a unit, or items, each alone beside what is there; None: it alone cannot tell.

    Attributes:
        difference: that would be told at ``power``.
        limit: the source with the largest share in the variance now; interactions shrink with each and count for none.
    """

    difference: float
    power: float
    units: int | None
    seeds: int | None
    items: int | None
    limit: Literal["units", "seeds", "items"]


def components(differences: npt.ArrayLike) -> Components:
    """Components from ``differences`` (u, s, n), u and n at least 2, by expected mean squares, cut at 0.

    With one seed a unit (s = 1) seeds cannot be told from units: their share stands under ``unit``.
    """
    values = np.asarray(differences, dtype=np.float64)
    u, s, n = values.shape
    square_unit, square_item, residual = mean_squares(values.mean(axis=1))
    between = max(0.0, (square_unit - residual) / n)
    seed = seed_item = 0.0
    if s > 1:
        within = [mean_squares(unit) for unit in values]
        seed_item = float(np.mean([w[2] for w in within]))
        seed = max(0.0, float(np.mean([w[0] - w[2] for w in within])) / n)
    return Components(
        unit=max(0.0, between - seed / s),
        seed=seed,
        item=max(0.0, (square_item - residual) / u),
        unit_item=max(0.0, residual - seed_item / s),
        seed_item=seed_item,
    )


def t_power(difference: float, variance: float, df: float, alpha: float) -> float:
    """Power of the two-sided t-test at ``alpha``; ``variance``: of the estimate of ``difference``."""
    if variance <= 0:
        return 1.0
    critical = float(stdtrit(df, 1 - alpha / 2))
    shift = abs(difference) / math.sqrt(variance)
    # scipy's function is NaN far out in its tails, where its value is below 1e-16.
    tails = np.nan_to_num([nctdtr(df, shift, critical), nctdtr(df, shift, -critical)])
    return float(1 - tails[0] + tails[1])


def design_power(found: Components, design: tuple[int, int, int], difference: float, alpha: float) -> float:
    """Power of the test of ``hpo.stats.crossed`` in a ``design`` of (units, seeds, items)."""
    units, _, items = design
    unit, seed, item, both = found.parts(*design)
    variance = unit + seed + item + both
    spread = (unit + seed + both) ** 2 / (units - 1) + (item + both) ** 2 / (items - 1)
    return min(
        t_power(difference, variance, variance**2 / spread if spread > 0 else items - 1, alpha),
        t_power(difference, unit + seed + both, units - 1, alpha),
    )


def needed(
    differences: npt.ArrayLike, difference: float, *, alpha: float = 0.05, power: float = 0.8
) -> Needed:
    """What would tell a true ``difference`` with the variances seen in ``differences`` (u, s, n), u at least 2.

    A single column (n = 1) holds scores of the whole split: units alone are planned.
    """
    u, s, n = np.shape(differences)
    if n == 1:
        spread = float(np.asarray(differences, dtype=np.float64).mean(axis=(1, 2)).var(ddof=1))
        further = _further(lambda k: t_power(difference, spread / k, k - 1, alpha) >= power, u, MOST_UNITS)
        return Needed(difference, power, further, None, None, "units")
    found = components(differences)
    unit, seed, item, _ = found.parts(u, s, n)
    shares = {"units": unit, "seeds": seed, "items": item}

    def reach(units: int, seeds: int, items: int) -> bool:
        return design_power(found, (units, seeds, items), difference, alpha) >= power

    return Needed(
        difference=difference,
        power=power,
        units=_further(lambda k: reach(k, s, n), u, MOST_UNITS),
        seeds=_further(lambda k: reach(u, k, n), s, MOST_UNITS) if s > 1 else None,
        items=_further(lambda k: reach(u, s, k), n, MOST_ITEMS),
        limit=max(shares, key=lambda name: shares[name]),  # type: ignore[arg-type]
    )


def welch_power(
    variances: tuple[float, float], sizes: tuple[int, int], difference: float, alpha: float
) -> float:
    """Power of Welch's test of the means of independent units with such variances, ``sizes`` of them."""
    variance, df = welch(variances, sizes)
    return t_power(difference, variance, df, alpha)


def needed_unpaired(
    first: npt.ArrayLike, second: npt.ArrayLike, difference: float, *, alpha: float = 0.05, power: float = 0.8
) -> Needed:
    """What would tell a true ``difference`` of means of independent units (u,) and (v,), u and v at least 2.

    Both get as many further units, whose variances are those seen.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    variances, now = (float(a.var(ddof=1)), float(b.var(ddof=1))), min(len(a), len(b))

    def reach(units: int) -> bool:
        sizes = (len(a) + units - now, len(b) + units - now)
        return welch_power(variances, sizes, difference, alpha) >= power

    return Needed(difference, power, _further(reach, now, MOST_UNITS), None, None, "units")


def _further(enough: Callable[[int], bool], now: int, most: int) -> int | None:
    """The least count to add to ``now`` for ``enough``, which is monotone; None above ``most``."""
    low, high = now - 1, now
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return max(high - now, 0)
