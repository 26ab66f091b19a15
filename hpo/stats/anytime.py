"""Best score so far against cost, over replicates of a search: the anytime curve.

It supposes nothing about how trials were drawn or pruned, so it serves samplers that learn from earlier trials
(TPE, GP, CMA-ES) and studies with a pruner, for which the expected best of independent draws is not defined
(Sivaprasad et al., ICML 2020, report performance against the tuning budget in the same way).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEAST_REPLICATES = 3  # with fewer, resampling replicates says nothing about their spread
RESAMPLES = 2_000
_CELLS = 2_000_000  # of a block of resampled curves


@dataclass(frozen=True)
class Replicate:
    """One search: cost at which each trial ended, and its score.

    Attributes:
        costs: (T,) epochs, seconds or another unit spent by the search when the trial ended, ascending; all
            spent counts: pruned, failed and repeated trials too.
        scores: (T,) score of each trial, NaN where it is not complete: a pruned trial's last score is no result.

    Raises:
        ValueError: the shapes differ, or a cost is not finite or below the one before it, or a score is infinite.
    """

    costs: Array
    scores: Array

    def __post_init__(self) -> None:
        if self.costs.ndim != 1 or self.costs.shape != self.scores.shape:
            raise ValueError(f"costs and scores must be rows alike: {self.costs.shape}, {self.scores.shape}")
        if not np.isfinite(self.costs).all() or (np.diff(self.costs) < 0).any():
            raise ValueError("costs must be finite and ascending")
        if np.isinf(self.scores).any():
            raise ValueError("scores must be finite, or NaN where a trial is not complete")


@dataclass(frozen=True)
class AnytimeCurve:
    """Median over replicates of the best score so far, with a bootstrap percentile interval.

    Attributes:
        costs: (G,) the grid.
        median: (G,) NaN where a replicate has no score yet, so that all values are over the same replicates.
        low: (G,) lower end of the pointwise interval, None below ``LEAST_REPLICATES`` replicates.
        high: (G,) upper end.
        replicates: number of replicates under each value.
    """

    costs: Array
    median: Array
    low: Array | None
    high: Array | None
    confidence: float
    replicates: int


def best_so_far(replicate: Replicate, grid: npt.ArrayLike, *, maximize: bool = True) -> Array:
    """(G,) best score of the trials that ended at or before each cost of ``grid``, NaN before the first score.

    A replicate keeps its best beyond its last trial.
    """
    best = np.fmax.accumulate(replicate.scores) if maximize else np.fmin.accumulate(replicate.scores)
    steps: Array = np.concatenate([[np.nan], best])
    return steps[np.searchsorted(replicate.costs, np.asarray(grid), side="right")]


def change_costs(replicates: Sequence[Replicate], *, maximize: bool = True) -> Array:
    """Costs, ascending, at which the best of any replicate changes, and the last cost of all.

    As a grid they give the step functions without loss, with far fewer points than trials.

    Raises:
        ValueError: no replicate has a trial.
    """
    if not any(replicate.costs.size for replicate in replicates):
        raise ValueError("there is no trial")
    changes = [np.array([max(replicate.costs[-1] for replicate in replicates if replicate.costs.size)])]
    for replicate in replicates:
        best = best_so_far(replicate, replicate.costs, maximize=maximize)
        before = np.concatenate([[np.nan], best[:-1]])
        changes.append(replicate.costs[~np.isnan(best) & (best != before)])
    return np.unique(np.concatenate(changes))


def anytime_curve(
    replicates: Sequence[Replicate],
    grid: npt.ArrayLike,
    *,
    seed: int,
    maximize: bool = True,
    confidence: float = 0.95,
) -> AnytimeCurve:
    """Median of ``best_so_far`` over ``replicates`` at each cost of ``grid``, with the interval of a bootstrap.

    Whole replicates are resampled. The interval shows the spread and is no test: it never leaves the range of
    the replicates, which holds the median of the searches with probability 1 - 2^(1-K) at most, so 75 % at three
    replicates, 87.5 % at four and 94 % at five.

    Args:
        replicates: independent searches of one strategy on one task.
        grid: (G,) costs, such as ``change_costs``.
        seed: of the resampling.

    Raises:
        ValueError: there is no replicate, or ``confidence`` is not within 0 and 1.
    """
    if not replicates:
        raise ValueError("there is no replicate")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be within 0 and 1, not {confidence}")
    costs = np.asarray(grid, dtype=np.float64)
    best = np.stack([best_so_far(replicate, costs, maximize=maximize) for replicate in replicates])
    shared = ~np.isnan(best.sum(axis=0))
    median = _on(shared, np.median(best[:, shared], axis=0))
    low = high = None
    if len(replicates) >= LEAST_REPLICATES:
        low, high = (_on(shared, end) for end in _interval(best[:, shared], confidence, seed))
    return AnytimeCurve(costs, median, low, high, confidence, len(replicates))


def _on(where: npt.NDArray[np.bool_], values: Array) -> Array:
    """``values`` where ``where`` holds, NaN elsewhere."""
    row = np.full(where.shape, np.nan)
    row[where] = values
    return row


def _interval(best: Array, confidence: float, seed: int) -> Array:
    """(2, G) percentiles of the median of resampled rows of ``best`` (K, G)."""
    count, width = best.shape
    rows = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    ends = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    interval = np.empty((2, width))
    columns = max(1, _CELLS // rows.size)
    for first in range(0, width, columns):
        block = slice(first, first + columns)
        interval[:, block] = np.quantile(np.median(best[:, block][rows], axis=1), ends, axis=0)
    return interval
