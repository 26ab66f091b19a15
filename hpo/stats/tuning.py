"""Expected best score after n draws, from the scores of N draws, with a band: the tuning curve.

A draw is one configuration with its training, drawn independently of all others and trained to its end. So the
curve is valid for random search alone: never for TPE, GP or CMA-ES, whose draws depend on earlier ones, and never
for a study with a pruner, whose scores are not all of complete trials (``hpo.stats.anytime`` serves those). A draw
that failed or diverged is a draw: give it the worst value of the metric rather than leave it out.

Draws of several replicates of a study may be pooled into one array where each replicate drew its configurations
anew. Replicates that share their configurations are repeats of the same N draws and must not be pooled.

No n above N can be asked for: the data say nothing about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

Array = npt.NDArray[np.float64]
Draws = npt.NDArray[np.int64]

MOST_SIMULATED = 200  # draws: opda's simulation of an ld band takes 800 kB and some 25 ms for each
_CELLS = 1_000_000  # of a block of the n by levels table


@dataclass(frozen=True)
class Band:
    """Simultaneous band of a tuning curve: holds the whole true curve with at least ``confidence``.

    Attributes:
        low: (n,) lower bound of the expected best after 1..n draws, in the unit of the scores.
        high: (n,) upper bound.
        method: how opda bounded the distribution of scores.
    """

    low: Array
    high: Array
    confidence: float
    method: Literal["ld_equal_tailed", "dkw"]


def expected_best_v(scores: npt.ArrayLike, *, maximize: bool = True, draws: int | None = None) -> Array:
    """V-estimate of the expected best of n draws: sum y(i) [(i/N)^n - ((i-1)/N)^n], y(1) the worst score.

    The mean over all samples of n with replacement (Dodge et al., EMNLP 2019, sec. 3). It is biased towards
    worse (Tang et al., ACL 2020) but varies less than the U-estimate (Dodge et al., Findings of EMNLP 2021).
    See the module for the draws that it may be given and ``tail_start`` for where it is unreliable.

    Args:
        scores: (N,) score of each draw, in any order; ties are fine.
        draws: largest n, N where None.

    Returns:
        (draws,) expected best after n = 1..draws.

    Raises:
        ValueError: there is no score, one is not finite, or ``draws`` is not in 1..N.
    """
    values, most = _checked(scores, draws)
    levels, at_most = _levels(values if maximize else -values)
    curve = _mean_best(levels, most, _log_power(at_most / values.size))
    return curve if maximize else -curve


def expected_best_u(scores: npt.ArrayLike, *, maximize: bool = True, draws: int | None = None) -> Array:
    """U-estimate of the expected best of n draws: sum y(i) C(i-1, n-1) / C(N, n), y(1) the worst score.

    The mean over all samples of n without replacement (Tang et al., ACL 2020): unbiased, but of higher variance
    than the V-estimate (Dodge et al., Findings of EMNLP 2021). At n = N it is the best score seen.

    Arguments, result and errors are those of ``expected_best_v``.
    """
    values, most = _checked(scores, draws)
    levels, at_most = _levels(values if maximize else -values)
    # Logarithms, since C(N, n) overflows from N = 1,030 on.
    factorial: Array = gammaln(np.arange(values.size + 1) + 1.0)

    def log_share(n: Draws) -> Array:
        """Log of C(i, n) / C(N, n), the share of samples that hold none above a level; i: scores up to it."""
        left = at_most - n
        share: Array = factorial[at_most] - factorial[np.maximum(left, 0)]
        share += factorial[values.size - n] - factorial[values.size]
        share[left < 0] = -np.inf
        return share

    curve = _mean_best(levels, most, log_share)
    return curve if maximize else -curve


def tail_start(count: int) -> int:
    """The n from which a curve estimated from ``count`` draws is to be shaded as unreliable: count // 2 + 1.

    Beyond N/2 the draws hold no two disjoint samples of n, and the variance of a U-statistic over samples of n
    has no unbiased estimate (Wang and Lindsay, Statistica Sinica 24, 2014). It is also where a single draw, the
    best one, carries more than half the weight of the U-estimate: C(N-1, n-1) / C(N, n) = n/N.
    """
    return count // 2 + 1


def tuning_band(
    scores: npt.ArrayLike,
    bounds: tuple[float, float],
    *,
    seed: int,
    maximize: bool = True,
    confidence: float = 0.95,
    draws: int | None = None,
) -> Band:
    """Simultaneous band of the expected best after 1..``draws`` draws (Lourie, Cho and He, NAACL 2024).

    A band of the distribution of scores, by opda, is carried over to the curve. Learned-Miller and DeStefano's
    (``ld_equal_tailed``; ``ld_highest_density`` is as narrow but far slower) is exact for the distribution where
    scores are continuous, and much tighter at its ends; the one of Dvoretzky, Kiefer and Wolfowitz (``dkw``) is
    conservative and holds for any. The latter is taken where scores repeat or are more than ``MOST_SIMULATED``.

    For the mean both are conservative, since the whole distribution would have to lie at its band's edge: of 1,000
    samples of 20 uniform scores, a band of 50 % missed the curve in one of a hundred. The bounds shape the curve's
    better side: what no draw has reached may lie as far as they allow.

    Args:
        scores: (N,) score of each draw; see the module for which draws.
        bounds: least and greatest possible value of the metric, such as 0 and 1.
        seed: of opda's simulation of the ld band, which is run once for each N, ``confidence`` and ``seed``.
        draws: largest n, N where None.

    Raises:
        ValueError: as in ``expected_best_v``, or the bounds are not finite and ascending, or do not hold the
            scores, or ``confidence`` is not within 0 and 1.
    """
    values, most = _checked(scores, draws)
    low, high = bounds
    if not (np.isfinite([low, high]).all() and low < high and low <= values.min() and values.max() <= high):
        raise ValueError(f"bounds must be finite, ascending and hold all scores, not {bounds}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be within 0 and 1, not {confidence}")
    if maximize:
        return _band(values, (low, high), most, confidence, seed)
    mirrored = _band(-values, (-high, -low), most, confidence, seed)
    return Band(-mirrored.high, -mirrored.low, confidence, mirrored.method)


def _band(values: Array, bounds: tuple[float, float], most: int, confidence: float, seed: int) -> Band:
    from opda.nonparametric import EmpiricalDistribution

    levels = np.unique(values)
    simulated = values.size == levels.size <= MOST_SIMULATED
    method: Literal["ld_equal_tailed", "dkw"] = "ld_equal_tailed" if simulated else "dkw"
    lower, _, upper = EmpiricalDistribution.confidence_bands(
        values,
        confidence,
        *bounds,
        generator=_generator(values.size, confidence, seed),
        method=method,
        n_jobs=1,  # else it starts a pool of processes
    )
    levels = np.unique([*levels, *bounds])
    # The more of the distribution lies below a level, the worse the best of n: its upper bound gives the low one.
    low, high = (_mean_best(levels, most, _log_power(d.cdf(levels[:-1]))) for d in (upper, lower))
    return Band(low, high, confidence, method)


@cache
def _generator(count: int, confidence: float, seed: int) -> np.random.Generator:  # noqa: ARG001
    """One generator for each kind of band: opda keeps its simulation by this object and runs it once."""
    return np.random.default_rng(seed)


def _checked(scores: npt.ArrayLike, draws: int | None) -> tuple[Array, int]:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError("scores must be one row of at least one finite number")
    most = values.size if draws is None else draws
    if not 1 <= most <= values.size:
        raise ValueError(f"draws must be 1 to the number of scores, {values.size}, not {draws}")
    return values, most


def _levels(values: Array) -> tuple[Array, Draws]:
    """The distinct values, ascending, and how many values are at most each but the greatest of them."""
    levels, counts = np.unique(values, return_counts=True)
    return levels, np.cumsum(counts)[:-1]


def _log_power(below: Array) -> Callable[[Draws], Array]:
    """n -> log of the probability that n independent draws all fall where one does with probability ``below``."""
    with np.errstate(divide="ignore"):
        logs: Array = np.log(below)

    def log_all(n: Draws) -> Array:
        power: Array = n * logs
        return power

    return log_all


def _mean_best(levels: Array, most: int, log_below: Callable[[Draws], Array]) -> Array:
    """Mean of the greatest of n = 1..``most`` draws on ascending ``levels``.

    The greatest level, less each gap between levels times the probability that no draw lies above the gap.

    Args:
        log_below: (m, 1) n -> (m, levels - 1) log of the probability that the greatest of n draws is at most
            each level but the last.
    """
    gaps = np.diff(levels)
    blocks = [np.exp(log_below(n)) @ gaps for n in _blocks(most, levels.size)]
    mean: Array = levels[-1] - np.concatenate(blocks)
    return mean


def _blocks(most: int, width: int) -> Iterator[Draws]:
    """1..``most`` as columns, so many at once that a table of ``width`` stays small in memory."""
    rows = max(1, _CELLS // width)
    for first in range(1, most + 1, rows):
        yield np.arange(first, min(first + rows, most + 1))[:, None]
