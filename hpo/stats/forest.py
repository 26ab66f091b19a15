"""A random forest over encoded trials: the surrogate of fANOVA and of the path from the default to the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo.stats.parameters import Array, Categorical, Parameter

TREES, DEPTH = 64, 64  # as Optuna's fANOVA
MOST_TRIALS = 1000  # a forest is grown on a draw of so many: the time is bounded, and the number said

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Fit:
    """What a forest rests on.

    Attributes:
        trials: number of trials that it was grown on, a seeded draw from ``available`` where those are more than
            ``MOST_TRIALS``.
        trees: 0 where the scores are constant or fewer than two, so that no forest was grown.
        r2: out-of-bag R2 of its predictions; None where the scores are constant or fewer than two.
    """

    trials: int
    available: int
    trees: int
    r2: float | None


@dataclass(frozen=True)
class Forest:
    """A random forest over encoded trials of ``parameters``."""

    parameters: tuple[Parameter, ...]
    model: Any
    fit: Fit

    def predict(self, encoded: npt.ArrayLike) -> Array:
        """Predicted scores (n,) of ``encoded`` (n, p)."""
        predicted: Array = self.model.predict(
            features(self.parameters, np.asarray(encoded, dtype=np.float64))
        )
        return predicted


def fit_forest(parameters: Sequence[Parameter], encoded: Array, scores: Array, *, seed: int) -> Forest:
    """A forest of ``TREES`` trees on ``encoded`` (n, p), at least two rows, at most ``MOST_TRIALS`` of them."""
    rows = draw(len(scores), seed)
    model = grow(features(parameters, encoded[rows]), scores[rows], trees=TREES, seed=seed, out_of_bag=True)
    r2 = float(model.oob_score_) if np.ptp(scores[rows]) > 0 else None
    return Forest(tuple(parameters), model, Fit(len(rows), len(scores), TREES, r2))


def draw(available: int, seed: int) -> Indices:
    """Indices of the trials that a forest is grown on, in order."""
    if available <= MOST_TRIALS:
        return np.arange(available)
    return np.sort(np.random.default_rng(seed).choice(available, MOST_TRIALS, replace=False))


def grow(columns: Array, scores: Array, *, trees: int, seed: int, out_of_bag: bool) -> Any:
    """Scikit-learn's forest on ``columns`` (n, q), which ``features`` gives."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(trees, max_depth=DEPTH, random_state=seed, oob_score=out_of_bag)
    return forest.fit(columns, scores)


def features(parameters: Sequence[Parameter], encoded: Array) -> Array:
    """(n, q): numbers as they are, one column a category, for CART has no splits by sets of categories."""
    columns = [
        encoded[:, [j]] == np.arange(len(p.values)) if isinstance(p, Categorical) else encoded[:, [j]]
        for j, p in enumerate(parameters)
    ]
    return np.hstack(columns).astype(np.float64)
