"""Functional ANOVA of a random forest: which parameters move the score over the whole space.

Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014. A tree is
constant on the box of each leaf, so its marginals and their variances under uniform draws of the space are sums over
leaves, without sampling. What is decomposed is the surrogate, not the score itself: read shares together with the
forest's out-of-bag R2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from hpo.stats.parameters import Array, Categorical, Parameter, checked_trials

TREES, DEPTH = 64, 64  # as Optuna's fANOVA
RESAMPLES, RESAMPLE_TREES = 50, 16  # forests of the bootstrap and trees of each
CONFIDENCE = 0.95
MOST_TRIALS = 1000  # a forest is grown on a draw of so many: the time is bounded, and the number said
GRID_POINTS = 50

Indices = npt.NDArray[np.intp]
Subset = tuple[int, ...]  # places of one or two parameters


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


@dataclass(frozen=True)
class Forest:
    """A random forest over encoded trials of ``parameters``."""

    parameters: tuple[Parameter, ...]
    model: Any
    fit: Fit

    def predict(self, encoded: npt.ArrayLike) -> Array:
        """Predicted scores (n,) of ``encoded`` (n, p)."""
        predicted: Array = self.model.predict(
            _features(self.parameters, np.asarray(encoded, dtype=np.float64))
        )
        return predicted


def fit_forest(parameters: Sequence[Parameter], encoded: Array, scores: Array, *, seed: int) -> Forest:
    """A forest of ``TREES`` trees on ``encoded`` (n, p), at least two rows, at most ``MOST_TRIALS`` of them."""
    rows = _draw(len(scores), seed)
    model = _grow(_features(parameters, encoded[rows]), scores[rows], trees=TREES, seed=seed, out_of_bag=True)
    r2 = float(model.oob_score_) if np.ptp(scores[rows]) > 0 else None
    return Forest(tuple(parameters), model, Fit(len(rows), len(scores), TREES, r2))


def _draw(available: int, seed: int) -> Indices:
    """Indices of the trials used, in order."""
    if available <= MOST_TRIALS:
        return np.arange(available)
    return np.sort(np.random.default_rng(seed).choice(available, MOST_TRIALS, replace=False))


def _grow(features: Array, scores: Array, *, trees: int, seed: int, out_of_bag: bool) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(trees, max_depth=DEPTH, random_state=seed, oob_score=out_of_bag)
    return forest.fit(features, scores)


def _features(parameters: Sequence[Parameter], encoded: Array) -> Array:
    """(n, q): numbers as they are, one column a category, for CART has no splits by sets of categories."""
    columns = [
        encoded[:, [j]] == np.arange(len(p.values)) if isinstance(p, Categorical) else encoded[:, [j]]
        for j, p in enumerate(parameters)
    ]
    return np.hstack(columns).astype(np.float64)


@dataclass(frozen=True)
class _Axis:
    """How the leaves of a tree divide one parameter into atoms, on each of which the tree is constant.

    Attributes:
        edges: (atoms + 1,) ascending ends of the atoms, in codes.
        index, sign: (leaves, w) what to add where, so that the running sum over atoms is 1 on those of a leaf.
        share: (leaves,) share of the parameter's values on a leaf.
    """

    edges: Array
    index: Indices
    sign: Array
    share: Array

    @property
    def sizes(self) -> Array:
        """Share of the parameter's values on each atom."""
        sizes: Array = np.diff(self.edges) / (self.edges[-1] - self.edges[0])
        return sizes

    def locate(self, codes: Array) -> Indices:
        """Atom of each code; as in a tree, a threshold belongs to its left side."""
        return np.maximum(np.searchsorted(self.edges, codes) - 1, 0)


def _numerical_axis(lower: Array, upper: Array) -> _Axis:
    """Axis from the bounds (leaves, 1) of the leaves."""
    bounds = np.hstack((lower, upper))
    edges = np.unique(np.append(bounds, [0.0, 1.0]))
    sign = np.broadcast_to(np.array([1.0, -1.0]), bounds.shape)
    return _Axis(edges, np.searchsorted(edges, bounds), sign, bounds[:, 1] - bounds[:, 0])


def _categorical_axis(lower: Array, upper: Array) -> _Axis:
    """Axis from the bounds (leaves, categories) of the categories' columns of 0 and 1."""
    chosen = lower > 0
    allowed = np.where(chosen.any(axis=1, keepdims=True), chosen, upper == 1)
    sign = np.diff(allowed.astype(np.float64), prepend=0, append=0)
    index = np.broadcast_to(np.arange(sign.shape[1]), sign.shape)
    edges = np.arange(sign.shape[1]) - 0.5
    return _Axis(edges.astype(np.float64), index, sign, allowed.mean(axis=1, dtype=np.float64))


def _leaves(tree: Any) -> tuple[Array, Array, Array]:
    """Lower and upper bounds (leaves, q) of the leaves' boxes in the unit cube, and their values (leaves,)."""
    lower = np.zeros((tree.node_count, tree.n_features))
    upper = np.ones_like(lower)
    nodes = np.zeros(1, dtype=np.intp)
    while len(nodes):
        inner = nodes[tree.children_left[nodes] >= 0]
        left, right = tree.children_left[inner], tree.children_right[inner]
        lower[left] = lower[right] = lower[inner]
        upper[left] = upper[right] = upper[inner]
        upper[left, tree.feature[inner]] = lower[right, tree.feature[inner]] = tree.threshold[inner]
        nodes = np.concatenate((left, right))
    leaves = tree.children_left < 0
    return lower[leaves], upper[leaves], tree.value[leaves, 0, 0]


class _TreeAnova:
    """Marginals of one tree and their variances under uniform draws of the space."""

    def __init__(self, parameters: Sequence[Parameter], tree: Any) -> None:
        lower, upper, values = _leaves(tree)
        ends = np.cumsum([len(p.values) if isinstance(p, Categorical) else 1 for p in parameters])[:-1]
        columns = zip(parameters, np.split(lower, ends, axis=1), np.split(upper, ends, axis=1), strict=True)
        self.axes = [
            _categorical_axis(low, up) if isinstance(p, Categorical) else _numerical_axis(low, up)
            for p, low, up in columns
        ]
        self._shares = np.array([axis.share for axis in self.axes])
        volumes = self._shares.prod(axis=0)
        self.mean = float(volumes @ values)
        self._values = values - self.mean
        self.variance = float(volumes @ self._values**2)

    def marginal(self, subset: Subset) -> Array:
        """Prediction less its mean, averaged over all parameters but ``subset``, on the atoms of those."""
        weight = (self._values * np.delete(self._shares, subset, axis=0).prod(axis=0))[:, None]
        index = np.zeros(weight.shape, dtype=np.intp)
        axes = [self.axes[j] for j in subset]
        for axis in axes:
            index = (index[:, :, None] * len(axis.edges) + axis.index[:, None, :]).reshape(len(index), -1)
            weight = (weight[:, :, None] * axis.sign[:, None, :]).reshape(len(weight), -1)
        shape = [len(axis.edges) for axis in axes]
        sums = np.bincount(index.ravel(), weight.ravel(), minlength=math.prod(shape))
        table = np.asarray(sums, dtype=np.float64).reshape(shape)
        for dimension in range(len(axes)):
            table = table.cumsum(axis=dimension)
        inner: Array = table[(slice(-1),) * len(axes)]
        return inner

    def shares(self, subsets: Sequence[Subset]) -> list[float]:
        """Share of the tree's variance in each effect; ``subsets`` are ordered by length."""
        found: dict[Subset, float] = {}
        for subset in subsets:
            square: Array = self.marginal(subset) ** 2
            for j in reversed(subset):
                square = square @ self.axes[j].sizes
            parts = sum(found[(j,)] for j in subset) if len(subset) > 1 else 0.0
            found[subset] = max(float(square) - parts, 0.0)
        return [found[subset] / self.variance for subset in subsets]


def _trees(parameters: Sequence[Parameter], model: Any) -> list[_TreeAnova]:
    return [_TreeAnova(parameters, estimator.tree_) for estimator in model.estimators_]


def _shares(trees: Sequence[_TreeAnova], subsets: Sequence[Subset]) -> Array | None:
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
    drawn = _draw(len(scores), seed)
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
    features = _features(parameters, encoded)
    found = []
    for _ in range(RESAMPLES):
        rows = random.integers(len(scores), size=len(scores))
        grown = int(random.integers(2**31))
        model = _grow(features[rows], scores[rows], trees=RESAMPLE_TREES, seed=grown, out_of_bag=False)
        found.append(_shares(_trees(parameters, model), subsets))
    varying = [resampled for resampled in found if resampled is not None]
    if len(varying) < 2:
        return [None] * len(subsets)
    half = float(ndtri((1 + CONFIDENCE) / 2)) * np.std(varying, axis=0, ddof=1)
    low, high = np.clip(shares - half, 0, 1), np.clip(shares + half, 0, 1)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _marginal(forest: Forest, trees: Sequence[_TreeAnova], place: int) -> Marginal:
    """Marginal of the parameter at ``place`` of the forest's parameters."""
    parameter = forest.parameters[place]
    values = parameter.values if isinstance(parameter, Categorical) else parameter.grid(GRID_POINTS)
    codes = np.array([parameter.code(value) for value in values])
    curves = np.array([t.mean + t.marginal((place,))[t.axes[place].locate(codes)] for t in trees])
    mean, deviation = curves.mean(axis=0).tolist(), curves.std(axis=0, ddof=1).tolist()
    return Marginal(parameter.name, values, tuple(mean), tuple(deviation), forest.fit)
