"""Marginals of a regression tree and their variances under uniform draws of the space, without sampling.

A tree is constant on the box of each leaf, so both are sums over leaves (Hutter, Hoos and Leyton-Brown, An Efficient
Approach for Assessing Hyperparameter Importance, ICML 2014).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo.stats.forest import Indices
from hpo.stats.parameters import Array, Categorical, Parameter

Subset = tuple[int, ...]  # places of one or two parameters


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


class TreeMarginals:
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
