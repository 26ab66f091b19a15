"""Trade-offs: the configurations that no other beats in both cost and score."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def pareto_front(costs: npt.ArrayLike, scores: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Indices of the points that no other dominates, by ascending cost; O(n log n).

    One point dominates another if it costs no more, scores no less, and differs. Of points equal in both only the
    first counts, so the front has each pair of values once.

    Args:
        costs: (n,) lower is better, in any unit.
        scores: (n,) higher is better.

    Raises:
        ValueError: ``costs`` and ``scores`` are not equally long in one dimension, or a value is not finite.
    """
    cost, score = np.asarray(costs, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if cost.ndim != 1 or cost.shape != score.shape:
        raise ValueError(f"costs {cost.shape} and scores {score.shape} must be equally long in one dimension")
    if not (np.isfinite(cost).all() and np.isfinite(score).all()):
        raise ValueError("a cost or a score is not finite")
    order = np.lexsort((-score, cost))  # stable, so the first of equal points leads
    ordered = score[order]
    best_before = np.concatenate(([-np.inf], np.maximum.accumulate(ordered)[:-1]))[: len(order)]
    front: npt.NDArray[np.intp] = order[ordered > best_before]
    return front
