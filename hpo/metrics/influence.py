"""What each item does to a metric of the whole split, so that intervals over items hold for metrics that are no means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hpo.metrics.counts import Counts
from hpo.metrics.statistics import Array


def influence(counts: Counts, statistic: Callable[[NDArray[np.generic]], Array]) -> Array:
    """A value for each item, (items,), whose mean is the metric and whose spread is the jackknife's.

    They are Tukey's pseudo-values less the jackknife's estimate of bias: ``theta + (n - 1) (mean of all theta_(i) -
    theta_(i))`` with theta_(i) the metric without item i, so that ``std(ddof=1) / sqrt(n)`` is the jackknife's standard
    error (Efron and Tibshirani 1993, equation 11.5). Of accuracy they are 1 where an item is right and 0 where not.

    Args:
        counts: of two items or more.
        statistic: of ``hpo.metrics.statistics``.
    """
    n = len(counts)
    total = counts.sum(axis=0)
    kinds, item_kind = np.unique(counts.reshape(n, -1), axis=0, return_inverse=True)
    without = statistic(total - kinds.reshape(-1, *counts.shape[1:]))[item_kind.reshape(-1)]
    values: Array = statistic(total) + (n - 1) * (without.mean() - without)
    return values
