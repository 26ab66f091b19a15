"""PED-ANOVA: which parameters tell the best trials from all trials.

Watanabe, Bansal and Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces, IJCAI
2023, sec. 4 and algorithm 1; conditional parameters by Baba, Ozaki and Watanabe, Conditional PED-ANOVA, KDD 2026,
theorem 4.2. An importance is a divergence of two densities. It is no share of the score's variance, and the
importances of several parameters have no sum that means anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from hpo.stats.parameters import Array, Categorical, Numerical, Parameter, checked_trials

Indices = npt.NDArray[np.intp]

QUANTILE = 0.1  # the paper's gamma'
MOST_CELLS = 50  # of a discretised range
PRIOR_WEIGHT = 1.0  # of the prior beside one a trial
RESAMPLES = 100
CONFIDENCE = 0.95

_LEAST_BANDWIDTH = 0.5 / 1.64  # in cells: 90 % of a kernel within one cell
_FLOOR = 1e-12  # keeps a density above 0 where a kernel's mass is rounded away


@dataclass(frozen=True)
class Importance:
    """How far the best trials' values of one parameter are from those of all trials.

    Attributes:
        value: quantile^2 times the Pearson divergence, from 0 and without an upper end; None where no trial has
            the parameter.
        interval: ``value`` +- z times its bootstrap deviation over trials, cut at 0.
        trials: number of trials in which the parameter is active.
    """

    parameter: str
    value: float | None
    interval: tuple[float, float] | None
    trials: int


@dataclass(frozen=True)
class PedAnova:
    """Importances in the order of the parameters.

    Attributes:
        quantile: the one asked for.
        top: number of ``trials`` that reach its score, ties included; fewer than 5 are too few for a density.
    """

    importances: tuple[Importance, ...]
    quantile: float
    top: int
    trials: int
    resamples: int
    confidence: float


def ped_anova(
    parameters: Sequence[Parameter],
    encoded: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    seed: int,
    quantile: float = QUANTILE,
) -> PedAnova:
    """Importance of each parameter for reaching the best ``quantile`` of the trials, higher scores being better.

    The baseline is the density of all trials: what the sampler preferred anyway counts for nothing.

    Args:
        encoded: (n, p) codes of the configurations, NaN where inactive (``hpo.stats.parameters.encode``).
        scores: (n,) scores of the same trials, each trained in full.

    Raises:
        ValueError: the shapes disagree, a score is not finite, there is none, or ``quantile`` is not in (0, 1).
    """
    x, y = checked_trials(parameters, encoded, scores)
    if not 0 < quantile < 1 or len(y) == 0:
        raise ValueError(f"a quantile in (0, 1) of at least one trial, not {quantile} of {len(y)}")
    cells = [_cells(parameter, x[:, j]) for j, parameter in enumerate(parameters)]
    values = _values(parameters, cells, y, quantile)
    deviations = _deviations(parameters, cells, y, quantile, seed)
    return PedAnova(
        tuple(map(_importance, parameters, cells, values, deviations)),
        quantile,
        int(_is_top(y, quantile).sum()),
        len(y),
        RESAMPLES,
        CONFIDENCE,
    )


def _importance(parameter: Parameter, cells: Indices, value: float, deviation: float) -> Importance:
    trials = int((cells >= 0).sum())
    if trials == 0:
        return Importance(parameter.name, None, None, 0)
    half = float(ndtri((1 + CONFIDENCE) / 2)) * deviation
    return Importance(parameter.name, value, (max(value - half, 0.0), value + half), trials)


def _is_top(scores: Array, quantile: float) -> npt.NDArray[np.bool_]:
    """Trials at least as good as the last of the best ``quantile``."""
    rank = math.ceil(quantile * len(scores))
    top: npt.NDArray[np.bool_] = scores >= np.sort(scores)[-rank]
    return top


def _cells(parameter: Parameter, codes: Array) -> Indices:
    """Cell (n,) of each code, the nearest of evenly spaced values; -1 where inactive."""
    place = codes
    if isinstance(parameter, Numerical):
        low, high = parameter.code(parameter.low), parameter.code(parameter.high)
        # A value midway belongs to the lower cell, whatever the last bit of its code.
        place = np.ceil((codes - low) / (high - low) * (_cell_count(parameter) - 1) - 0.5 - 1e-9)
    return np.where(np.isnan(codes), -1, place).astype(np.intp)


def _cell_count(parameter: Parameter) -> int:
    """Number of categories, or of cells of a range: one a step, fewer where steps are many or logarithmic."""
    if isinstance(parameter, Categorical):
        return len(parameter.values)
    if parameter.step is None:
        return MOST_CELLS
    steps = round((parameter.high - parameter.low) / parameter.step) + 1
    return min(math.ceil(math.log2(steps)) + 1 if parameter.log else steps, MOST_CELLS)


def _values(
    parameters: Sequence[Parameter], cells: Sequence[Indices], scores: Array, quantile: float
) -> list[float]:
    """Importance of each parameter; 0 where no best trial, or no trial at all, has it.

    Over the trials that have it: (best / all)^2 alpha^2 / beta times the divergence, alpha and beta the shares of
    the best and of all trials that have it, both 1 for an unconditional parameter.
    """
    top = _is_top(scores, quantile)
    values = []
    for parameter, own in zip(parameters, cells, strict=True):
        best, every = own[top & (own >= 0)], own[own >= 0]
        if len(best) == 0:
            values.append(0.0)
            continue
        alpha, beta = len(best) / top.sum(), len(every) / len(scores)
        divergence = _divergence(_density(parameter, best), _density(parameter, every))
        values.append(float(top.mean() ** 2 * alpha**2 / beta * divergence))
    return values


def _divergence(top: Array, baseline: Array) -> float:
    """Pearson divergence of two densities on the same cells: mean of (ratio - 1)^2 under ``baseline``."""
    top, baseline = top + _FLOOR, baseline + _FLOOR
    return float(baseline @ (top / baseline - 1) ** 2)


def _density(parameter: Parameter, cells: Indices) -> Array:
    """Parzen estimate of the probability of each cell: a kernel on every trial's cell and a wide prior."""
    counts = np.bincount(cells, minlength=_cell_count(parameter))
    observed = np.flatnonzero(counts)
    weights = counts[observed]
    if isinstance(parameter, Categorical):
        kernels = _categorical_kernels(observed, len(counts))
    else:
        kernels = _numerical_kernels(observed, _bandwidth(observed, weights), len(counts))
    mixture = np.append(weights, PRIOR_WEIGHT) / (weights.sum() + PRIOR_WEIGHT)
    density: Array = mixture @ kernels
    return density


def _categorical_kernels(observed: Indices, count: int) -> Array:
    """(observed + 1, count): each category with a little mass on all others, then the uniform prior."""
    kernels = np.full((len(observed) + 1, count), PRIOR_WEIGHT / (len(observed) + 1))
    kernels[np.arange(len(observed)), observed] += 1
    normalised: Array = kernels / kernels.sum(axis=1, keepdims=True)
    return normalised


def _numerical_kernels(observed: Indices, bandwidth: float, count: int) -> Array:
    """(observed + 1, count): truncated normals on the cells' numbers, then one as wide as the range at its middle."""
    centres = np.append(observed, (count - 1) / 2)[:, None]
    widths = np.append(np.full(len(observed), bandwidth), count)[:, None]
    edges = ndtr((np.arange(count + 1) - 0.5 - centres) / widths)
    kernels: Array = np.diff(edges, axis=1) / (edges[:, -1:] - edges[:, :1])
    return kernels


def _bandwidth(observed: Indices, weights: Indices) -> float:
    """Scott's rule (Multivariate Density Estimation, 1992) on weighted cells, with the paper's least bandwidth."""
    total, cumulated = weights.sum(), np.cumsum(weights)
    mean = observed @ weights / total
    deviation = math.sqrt((observed - mean) ** 2 @ weights / max(1, total - 1))
    first = np.searchsorted(cumulated, total // 4, side="left")
    third = np.searchsorted(cumulated, total * 3 // 4, side="right")
    spread = observed[min(third, len(observed) - 1)] - observed[first]
    return float(max(1.059 * min(spread / 1.34, deviation) * total**-0.2, _LEAST_BANDWIDTH))


def _deviations(
    parameters: Sequence[Parameter],
    cells: Sequence[Indices],
    scores: Array,
    quantile: float,
    seed: int,
) -> list[float]:
    """Bootstrap deviation of each importance over trials."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(RESAMPLES):
        rows = random.integers(len(scores), size=len(scores))
        found.append(_values(parameters, [own[rows] for own in cells], scores[rows], quantile))
    deviations: list[float] = np.std(found, axis=0, ddof=1).tolist()
    return deviations
