"""Functional ANOVA of a random forest: which parameters move the score over the whole space.

Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014. What is
decomposed is the surrogate, not the score itself: read shares together with the forest's out-of-bag R2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from hpo.stats.forest import Fit, Forest, Indices, draw, features, fit_forest, grow
from hpo.stats.parameters import Array, Categorical, Parameter, checked_trials
from hpo.stats.tree_marginals import Subset, TreeMarginals

RESAMPLES, RESAMPLE_TREES = 50, 16  # forests of the bootstrap and trees of each
CONFIDENCE = 0.95
GRID_POINTS = 50


@dataclass(frozen=True)
class Effect:
    """Main effect of one parameter, or the interaction of two beyond their main effects.

    Attributes:
        share: of the variance of a tree, mean over the trees; None where no tree varies.
        interval: share +- z times its bootstrap deviation over trials, cut to [0, 1]. It holds the variation from
            other trials, not the bias of a surrogate that fits badly.
    """

    parameters: tuple[str, ...]
    share: float | None
    interval: tuple[float, float] | None
    fit: Fit


@dataclass(frozen=True)
class Marginal:
    """Predicted score at ``values`` of one parameter, averaged over all others: mean and deviation over trees."""

    parameter: str
    values: tuple[Any, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    fit: Fit


@dataclass(frozen=True)
class Fanova:
    """Main effects in the order of the parameters, then interactions; marginals in the order of the parameters.

    What the shares of one ``fit`` leave to 1 is of interactions of three and more.
    """

    effects: tuple[Effect, ...]
    marginals: tuple[Marginal, ...]
    resamples: int
    resample_trees: int
    confidence: float


def _trees(parameters: Sequence[Parameter], model: Any) -> list[TreeMarginals]:
    return [TreeMarginals(parameters, estimator.tree_) for estimator in model.estimators_]


def _shares(trees: Sequence[TreeMarginals], subsets: Sequence[Subset]) -> Array | None:
    """Share of each effect, mean over the trees that vary; None where none does."""
    found = [tree.shares(subsets) for tree in trees if tree.variance > 0]
    return np.mean(found, axis=0) if found else None


def fanova(
    parameters: Sequence[Parameter], encoded: npt.ArrayLike, scores: npt.ArrayLike, *, seed: int
) -> Fanova:
    """Shares of variance of main effects and pairwise interactions, and marginals, from trials.

    A parameter that is inactive in a part of the trials is analysed in a forest over those in which it is active,
    together with all parameters active in all of these; a pair, where one of the two is active only where the other
    is. Shares of different forests are of different variances; ``fit`` tells them apart.

    Args:
        encoded: (n, p) codes of the configurations, NaN where inactive (``hpo.stats.parameters.encode``).
        scores: (n,) scores of the same trials, each trained in full: a pruned trial's last score is another quantity.

    Raises:
        ValueError: the shapes disagree, or a score is not finite.
    """
    x, y = checked_trials(parameters, encoded, scores)
    effects: list[Effect] = []
    marginals: list[Marginal] = []
    for rows, columns, own in _regimes(~np.isnan(x)):
        part = [parameters[j] for j in columns]
        found, curves = _analyse(part, own, x[np.ix_(rows, columns)], y[rows], seed)
        effects += found
        marginals += curves
    order = {parameter.name: j for j, parameter in enumerate(parameters)}
    effects.sort(key=lambda e: (len(e.parameters), [order[name] for name in e.parameters]))
    marginals.sort(key=lambda m: order[m.parameter])
    return Fanova(tuple(effects), tuple(marginals), RESAMPLES, RESAMPLE_TREES, CONFIDENCE)


def _regimes(active: npt.NDArray[np.bool_]) -> Iterator[tuple[Indices, Indices, set[int]]]:
    """Each set of trials that is where some parameters are active, and its parameters.

    Yields (trials, parameters active in all of them, places among these of those active in no other trial).
    """
    for pattern in np.unique(active, axis=1).T:
        own = np.flatnonzero((active == pattern[:, None]).all(axis=0))
        columns = np.flatnonzero(active[pattern].all(axis=0)) if pattern.any() else own
        yield np.flatnonzero(pattern), columns, set(np.searchsorted(columns, own).tolist())


def _analyse(
    parameters: Sequence[Parameter], own: set[int], encoded: Array, scores: Array, seed: int
) -> tuple[list[Effect], list[Marginal]]:
    """Effects and marginals of the parameters at ``own``, over trials in which all ``parameters`` are active."""
    mains: list[Subset] = [(j,) for j in range(len(parameters))]
    subsets = mains + [pair for pair in combinations(range(len(parameters)), 2) if own & set(pair)]
    names = [tuple(parameters[j].name for j in subset) for subset in subsets]
    mine = [i for i, subset in enumerate(subsets) if own & set(subset)]
    if len(scores) < 2 or np.ptp(scores) == 0:
        fit = Fit(len(scores), len(scores), 0, None)
        return [Effect(names[i], None, None, fit) for i in mine], []
    forest = fit_forest(parameters, encoded, scores, seed=seed)
    trees = _trees(parameters, forest.model)
    marginals = [_marginal(forest, trees, j) for j in sorted(own)]
    shares = _shares(trees, subsets)
    if shares is None:
        return [Effect(names[i], None, None, forest.fit) for i in mine], marginals
    drawn = draw(len(scores), seed)
    intervals = _intervals(parameters, encoded[drawn], scores[drawn], subsets, shares, seed)
    return [Effect(names[i], float(shares[i]), intervals[i], forest.fit) for i in mine], marginals


def _intervals(
    parameters: Sequence[Parameter],
    encoded: Array,
    scores: Array,
    subsets: Sequence[Subset],
    shares: Array,
    seed: int,
) -> list[tuple[float, float] | None]:
    """Interval of each share by forests on resampled trials; None where fewer than two of them vary."""
    random = np.random.default_rng(seed)
    columns = features(parameters, encoded)
    found = []
    for _ in range(RESAMPLES):
        rows = random.integers(len(scores), size=len(scores))
        grown = int(random.integers(2**31))
        model = grow(columns[rows], scores[rows], trees=RESAMPLE_TREES, seed=grown, out_of_bag=False)
        found.append(_shares(_trees(parameters, model), subsets))
    varying = [resampled for resampled in found if resampled is not None]
    if len(varying) < 2:
        return [None] * len(subsets)
    half = float(ndtri((1 + CONFIDENCE) / 2)) * np.std(varying, axis=0, ddof=1)
    low, high = np.clip(shares - half, 0, 1), np.clip(shares + half, 0, 1)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _marginal(forest: Forest, trees: Sequence[TreeMarginals], place: int) -> Marginal:
    """Marginal of the parameter at ``place`` of the forest's parameters."""
    parameter = forest.parameters[place]
    values = parameter.values if isinstance(parameter, Categorical) else parameter.grid(GRID_POINTS)
    codes = np.array([parameter.code(value) for value in values])
    curves = np.array([t.mean + t.marginal((place,))[t.axes[place].locate(codes)] for t in trees])
    mean, deviation = curves.mean(axis=0).tolist(), curves.std(axis=0, ddof=1).tolist()
    return Marginal(parameter.name, values, tuple(mean), tuple(deviation), forest.fit)
