"""Effect sizes over tasks and runs: interquartile mean, performance profile, probability of improvement.

Scores are one array of runs for each task, of any lengths, higher is better. The measures are those of Agarwal et
al., Deep RL at the Edge of the Statistical Precipice (NeurIPS 2021, sec. 4), and, for paired runs, of Bouthillier et
al., Accounting for Variance in Machine Learning Benchmarks (MLSys 2021, app. C).

Intervals are percentile intervals of a stratified bootstrap: the runs of each task are drawn anew, the tasks stay, so
they speak of these tasks. Of equal runs the interval has no width, and of a handful it is too narrow (a task with one
run adds none at all): it describes an effect, and a verdict never rests on it alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Array = npt.NDArray[np.float64]
Scores = Sequence[npt.ArrayLike]
Statistic = Callable[[list[Array]], Array]

LEAST_REPEATS = 2000
MEANINGFUL = 0.75  # Bouthillier et al. 2021, app. C: the least P(A > B) that is worth a change

_CELLS = 2**20  # counts held at a time while resampling


@dataclass(frozen=True)
class Effect:
    """An estimate with its bootstrap interval.

    Attributes:
        runs: over all tasks; in a comparison those of the side with fewer in a task, so pairs where runs are paired.
    """

    value: float
    low: float
    high: float
    tasks: int
    runs: int


@dataclass(frozen=True)
class Profile:
    """Share of runs above each of ``taus`` (t,) with its pointwise bootstrap band."""

    taus: Array
    share: Array
    low: Array
    high: Array
    tasks: int
    runs: int


def interquartile_mean(
    scores: Scores, *, seed: int, repeats: int = LEAST_REPEATS, confidence: float = 0.95
) -> Effect:
    """Mean of the middle half of all runs of all tasks (Agarwal et al. 2021, sec. 4.3), in the unit of the scores.

    Of n runs floor(n / 4) are cut at each end, as rliable does through ``scipy.stats.trim_mean(..., 0.25)``: where 4
    does not divide n, somewhat more than half is kept. Runs are pooled, so a task with more of them weighs more.

    Raises:
        ValueError: no task, an empty task, a score that is not finite, or too few ``repeats``.
    """
    tasks = _checked(scores)
    pooled = np.concatenate(tasks)
    order = np.argsort(pooled, kind="stable")
    n, cut = len(pooled), len(pooled) // 4
    middle = pooled[order[n // 2]]
    deviations = pooled[order] - middle  # exactly 0 of equal scores, whatever the counts

    def trimmed(draws: list[Array]) -> Array:
        counts = np.concatenate(draws, axis=1)[:, order]
        reached = counts.cumsum(axis=1)
        kept = np.clip(reached, cut, n - cut) - np.clip(reached - counts, cut, n - cut)
        means: Array = middle + kept @ deviations / (n - 2 * cut)
        return means

    value, low, high = _bootstrap([len(task) for task in tasks], trimmed, seed, repeats, confidence)
    return Effect(float(value), float(low), float(high), tasks=len(tasks), runs=n)


def performance_profile(
    scores: Scores,
    taus: npt.ArrayLike,
    *,
    seed: int,
    repeats: int = LEAST_REPEATS,
    confidence: float = 0.95,
) -> Profile:
    """Share of all runs of all tasks with a score above each of ``taus`` (t,) (Agarwal et al. 2021, sec. 4.2).

    Runs are pooled as in ``interquartile_mean``. The band holds at each tau, not at all of them together. Memory is
    that of ``repeats`` x t numbers.

    Raises:
        ValueError: as ``interquartile_mean``; or ``taus`` are none, not in one dimension, or not numbers.
    """
    tasks, thresholds = _checked(scores), np.asarray(taus, dtype=np.float64)
    if thresholds.ndim != 1 or not len(thresholds) or np.isnan(thresholds).any():
        raise ValueError("taus must be numbers in one dimension, at least one")
    pooled = np.concatenate(tasks)
    above = (pooled[:, None] > thresholds).astype(np.float64)

    def shares(draws: list[Array]) -> Array:
        found: Array = np.concatenate(draws, axis=1) @ above / len(pooled)
        return found

    share, low, high = _bootstrap([len(task) for task in tasks], shares, seed, repeats, confidence)
    return Profile(thresholds, share, low, high, tasks=len(tasks), runs=len(pooled))


def probability_of_improvement(
    first: Scores,
    second: Scores,
    *,
    paired: bool,
    seed: int,
    repeats: int = LEAST_REPEATS,
    confidence: float = 0.95,
) -> Effect:
    """P(first > second) in a task, averaged over tasks of equal weight; ties count half.

    Unpaired, each run of the one is held against each of the other: Mann and Whitney's U / (n m), as Agarwal et al.
    2021, sec. 4.3, for runs that share nothing. Paired, run i is held against run i alone: Bouthillier et al. 2021,
    app. C, for runs that share a replicate's seeds and data; pairs are then drawn anew as pairs. The two are
    different quantities where shared luck moves both of a pair.

    Raises:
        ValueError: as ``interquartile_mean``; or the tasks, or the runs of a task where paired, differ in number.
    """
    a, b = _checked(first), _checked(second)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} tasks cannot be held against {len(b)}")
    if paired and any(len(x) != len(y) for x, y in zip(a, b, strict=True)):
        raise ValueError("paired runs must be equally many in each task")
    sizes = [len(x) for x in a]
    fewer = sum(min(len(x), len(y)) for x, y in zip(a, b, strict=True))
    if paired:
        statistic = _paired([_wins(x, y) for x, y in zip(a, b, strict=True)])
    else:
        statistic = _unpaired([_wins(x[:, None], y) for x, y in zip(a, b, strict=True)])
        sizes += [len(y) for y in b]
    value, low, high = _bootstrap(sizes, statistic, seed, repeats, confidence)
    return Effect(float(value), float(low), float(high), tasks=len(a), runs=fewer)


def meaningful(improvement: Effect, least_runs: int) -> bool | None:
    """Whether the interval of P(A > B) is above 0.5 and reaches beyond 0.75 (Bouthillier et al. 2021, app. C).

    None below ``least_runs`` (``runs_needed``): three wins in three runs have the interval from 1 to 1 too.
    """
    if improvement.runs < least_runs:
        return None
    return improvement.low > 0.5 and improvement.high > MEANINGFUL


def runs_needed(probability: float = MEANINGFUL, *, alpha: float = 0.05, power: float = 0.95) -> int:
    """Runs of each side that tell P(A > B) = ``probability`` from 0.5, by Noether (JASA 82, 1987).

    (z(1 - alpha) + z(power))^2 / (6 (probability - 1/2)^2), ``alpha`` one-sided: the two-sample Wilcoxon test with two
    equal sides. Bouthillier et al. 2021, app. C.3, take it as a number of pairs: 29 for 0.75 at their 5 % for both
    errors; a power of 80 % gives 17. Paired runs show their signs alone, and a sign test needs half as many again (4
    for the 6, Noether 1987): of 29 pairs its power is 83 %, not 95 %.

    Raises:
        ValueError: ``probability`` is not above 0.5 and at most 1, or ``alpha`` or ``power`` not inside 0 to 1.
    """
    if not (0.5 < probability <= 1 and 0 < alpha < 1 and 0 < power < 1):
        raise ValueError("probability must lie above 0.5, at most at 1; alpha and power between 0 and 1")
    z = float(ndtri(1 - alpha) + ndtri(power))
    return math.ceil(z**2 / (6 * (probability - 0.5) ** 2))


def _checked(scores: Scores) -> list[Array]:
    tasks = [np.asarray(task, dtype=np.float64) for task in scores]
    if not tasks or any(task.ndim != 1 or not len(task) for task in tasks):
        raise ValueError("scores must be one array of at least one run for each task")
    if not all(np.isfinite(task).all() for task in tasks):
        raise ValueError("a score is not finite")
    return tasks


def _wins(a: Array, b: Array) -> Array:
    """1 where ``a`` is above ``b``, 0.5 at ties."""
    wins: Array = (a > b) + 0.5 * (a == b)
    return wins


def _paired(wins: list[Array]) -> Statistic:
    def statistic(draws: list[Array]) -> Array:
        shares: Array = np.mean([d @ w / len(w) for d, w in zip(draws, wins, strict=True)], axis=0)
        return shares

    return statistic


def _unpaired(wins: list[Array]) -> Statistic:
    def statistic(draws: list[Array]) -> Array:
        sides = zip(draws[: len(wins)], draws[len(wins) :], wins, strict=True)
        shares: Array = np.mean([((d @ w) * e).sum(axis=1) / w.size for d, e, w in sides], axis=0)
        return shares

    return statistic


def _bootstrap(
    sizes: list[int], statistic: Statistic, seed: int, repeats: int, confidence: float
) -> tuple[Array, Array, Array]:
    """Value of ``statistic`` on the runs as they are, and both ends of its interval.

    ``statistic`` takes how often each run was drawn, (r, runs) for each of the strata of ``sizes``, to (r, ...).
    """
    if repeats < LEAST_REPEATS:
        raise ValueError(f"repeats must be at least {LEAST_REPEATS}, not {repeats}")
    random = np.random.default_rng(seed)
    rows, values = max(1, _CELLS // sum(sizes)), []
    for start in range(0, repeats, rows):
        drawn = min(rows, repeats - start)
        values.append(
            statistic([random.multinomial(n, np.full(n, 1 / n), drawn).astype(np.float64) for n in sizes])
        )
    low, high = np.quantile(np.concatenate(values), [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return statistic([np.ones((1, n)) for n in sizes])[0], low, high
