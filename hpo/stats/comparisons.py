"""Several comparisons of paired scores: Holm's step-down, the exact sign-flip test, correlation of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MOST_FLIPPED = 16  # units whose 2^u sign patterns are still enumerated


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values in the order given (Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(np.asarray(p_values), kind="stable")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def simultaneous_confidence(comparisons: int, confidence: float = 0.95) -> float:
    """Confidence of each of ``comparisons`` intervals for all to hold at ``confidence`` (Bonferroni)."""
    return 1 - (1 - confidence) / comparisons


def sign_flip(differences: npt.ArrayLike) -> float | None:
    """Exact two-sided p of a mean of 0 by flipping signs of the units' differences (u,); None above 16."""
    values = np.asarray(differences, dtype=np.float64)
    if not 1 <= len(values) <= MOST_FLIPPED:
        return None
    patterns = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
    means = np.abs((1 - 2 * patterns) @ values)
    # Sums of equal absolute values differ in the last bits by their order, and ties count as extreme.
    return float(np.mean(means >= abs(values.sum()) - 1e-9))


def least_sign_flip_p(units: int) -> float:
    """The least p that ``sign_flip`` can reach with ``units`` units."""
    return float(2 / 2**units)


def correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float | None:
    """Pearson's correlation of two equally long samples; None below 3 values or where one is constant."""
    a, b = np.ravel(first).astype(np.float64), np.ravel(second).astype(np.float64)
    if len(a) < 3 or np.ptp(a) < 1e-12 or np.ptp(b) < 1e-12:
        return None
    return float(np.corrcoef(a, b)[0, 1])
