"""What pruning did: who survived which rung, how far early scores foretell final ones, what was saved and missed.

A pruned trial's last score is never held against a complete one's. What stopped trials would have scored is known of
those alone that were afterwards trained to their end, a simple random sample of the pruned ones: the audited trials.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEAST_TRIALS = 5  # below it a resample often holds one trial only, and an interval says nothing

_ROUNDING = 1e-12  # of a chance that equals the error allowed


@dataclass(frozen=True)
class Trial:
    """One trial of a study; higher scores are better.

    Attributes:
        scores: at the rungs in order, as far as it was trained: an audited trial's go on after ``pruned_at``.
        pruned_at: index of the rung at which the study stopped it; None if it was not pruned.
        final: score of the whole training; None where it never came to its end (not audited, or failed).

    Raises:
        ValueError: ``pruned_at`` is not the index of one of ``scores``, or a score is not finite.
    """

    scores: Sequence[float]
    pruned_at: int | None
    final: float | None

    def __post_init__(self) -> None:
        if self.pruned_at is not None and not 0 <= self.pruned_at < len(self.scores):
            raise ValueError(f"pruned at rung {self.pruned_at} with scores at {len(self.scores)}")
        if not np.isfinite([*self.scores, self.final or 0.0]).all():
            raise ValueError("a score is not finite")

    @property
    def reached(self) -> int:
        """How many rungs it reached within the study."""
        return len(self.scores) if self.pruned_at is None else self.pruned_at + 1


@dataclass(frozen=True)
class Survival:
    """Of one rung: the trials that reached it, and those of them that the pruner stopped there."""

    reached: int
    stopped: int


@dataclass(frozen=True)
class RankCorrelation:
    """Kendall's tau-b with its bootstrap interval.

    Attributes:
        trials: with a score at the rung and a final one, the audited included.
        audited: those of them that the study had pruned. With none, ``tau`` is that of survivors.
    """

    tau: float
    low: float
    high: float
    trials: int
    audited: int


@dataclass(frozen=True)
class Missed:
    """What pruning may have cost a study, of its ``pruned`` trials, by the ``audited`` ones among them.

    Attributes:
        better: audited trials whose final score is above the selected one.
        share: ``better`` / ``audited``, the estimate of the share of pruned trials that would have been better.
        most: upper confidence bound of their number among all ``pruned``.
        most_share: ``most`` / ``pruned``.
        largest_gain: best audited final score less the selected one; negative where none was better.
    """

    pruned: int
    audited: int
    better: int
    share: float
    most: int
    most_share: float
    largest_gain: float


@dataclass(frozen=True)
class Saved:
    """Cost of the pruned trials: ``charged``, and ``whole`` had they been trained to their end; ``share`` saved."""

    charged: float
    whole: float
    share: float


def survival(trials: Sequence[Trial]) -> tuple[Survival, ...]:
    """How many ``trials`` reached each rung and were stopped there, up to the last rung that any reached."""
    rungs = max((trial.reached for trial in trials), default=0)
    return tuple(
        Survival(
            reached=sum(trial.reached > rung for trial in trials),
            stopped=sum(trial.pruned_at == rung for trial in trials),
        )
        for rung in range(rungs)
    )


def rank_correlation(
    trials: Sequence[Trial], rung: int, *, seed: int, repeats: int = 2000, confidence: float = 0.95
) -> RankCorrelation | None:
    """Kendall's tau-b of the scores at ``rung`` with the final ones; None below 5 such trials or where one is constant.

    Without audited trials it is that of the survivors, whose range pruning has cut: not the correlation that the
    pruner relied on. With them each pair of trials is weighted by the inverse of the chance that the audit holds both
    (Horvitz and Thompson, JASA 47, 1952): of M pruned trials m audited, M / m for a pair with one of them and
    M (M - 1) / (m (m - 1)) with two. Sums over concordant, discordant and tied pairs are then unbiased for all trials
    that did not fail. A single audited trial of several pruned ones is left out, since it makes no pair. Complete
    trials alone give the survivors' correlation beside it.

    The interval is the percentile bootstrap over trials, complete and audited ones drawn apart; resamples with a
    constant are left out. The variance of Fieller, Hartley and Pearson (Biometrika 44, 1957) supposes normal scores
    without ties or weights. It takes trials as independent, which those of an adaptive sampler are not. Where the
    final score is the best over the rungs, this rung's score is part of it, and tau is the larger for that.
    """
    pruned = [trial for trial in trials if trial.pruned_at is not None]
    finished = [trial for trial in trials if trial.final is not None]
    complete = [trial for trial in finished if trial.pruned_at is None]
    audited = [trial for trial in finished if trial.pruned_at is not None]
    if len(audited) < min(2, len(pruned)):
        audited = []
    weights = _pair_weights(len(pruned), len(audited))
    strata = [[trial for trial in group if len(trial.scores) > rung] for group in (complete, audited)]
    known, sizes = strata[0] + strata[1], [len(stratum) for stratum in strata]
    if len(known) < LEAST_TRIALS:
        return None
    early = np.array([trial.scores[rung] for trial in known])
    final = np.array([trial.final for trial in known], dtype=np.float64)
    pairs = _pairs(early, final, np.repeat(np.repeat(weights, sizes, axis=0), sizes, axis=1))
    tau = float(_tau_b(np.ones((1, len(known))), pairs)[0])
    if np.isnan(tau):
        return None
    random = np.random.default_rng(seed)
    draws = np.concatenate([random.multinomial(n, np.full(n, 1 / n), repeats) for n in sizes if n], axis=1)
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.nanquantile(_tau_b(draws.astype(np.float64), pairs), ends)
    return RankCorrelation(tau, float(low), float(high), trials=len(known), audited=sizes[1])


def _pair_weights(pruned: int, audited: int) -> Array:
    """Weight of a pair by whether (1) or not (0) each of the two was audited, (2, 2)."""
    one = pruned / audited if audited else 1.0
    two = one * (pruned - 1) / (audited - 1) if audited > 1 else 1.0
    return np.array([[1.0, one], [one, two]])


def _pairs(first: Array, second: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Of all pairs, weighted (n, n): 1 if concordant, -1 if discordant; 1 if untied in ``first``; in ``second``."""
    signs = [np.sign(values[:, None] - values) for values in (first, second)]
    return weights * signs[0] * signs[1], weights * abs(signs[0]), weights * abs(signs[1])


def _tau_b(draws: Array, pairs: tuple[Array, Array, Array]) -> Array:
    """Tau-b (r,) of samples that hold trial i ``draws[:, i]`` times (r, n); NaN where one score is constant.

    Copies of a trial are tied with one another in both scores, and such pairs stand in no sum of tau-b.
    """
    concordant, *untied = (((draws @ pair) * draws).sum(axis=1) for pair in pairs)
    with np.errstate(invalid="ignore"):
        tau: Array = np.clip(concordant / np.sqrt(untied[0] * untied[1]), -1, 1)
    return tau


def missed(finals: npt.ArrayLike, pruned: int, selected: float, *, confidence: float = 0.95) -> Missed:
    """How many of ``pruned`` trials would have scored above ``selected``, by the final scores of those audited.

    ``most`` is the largest number of better ones among all pruned under which a sample with no more than those seen has
    a chance above 1 - ``confidence``: the one-sided exact bound of sampling without replacement (Katz, JASA 48, 1953;
    Buonaccorsi, American Statistician 41, 1987), Clopper and Pearson's where ``pruned`` is large. Once all are
    audited it is the count itself. With none better it is about 3 / m of all (rule of three) where m is large, yet few
    of them.

    Args:
        finals: (m,) of pruned trials drawn at random, equally likely, and trained to their end.
        pruned: how many the study pruned, the audited included.
        selected: score of the configuration that the study selected, measured as ``finals``.

    Raises:
        ValueError: there are no ``finals``, more than ``pruned``, or one or ``selected`` is not finite.
    """
    from scipy.stats import hypergeom

    values = np.asarray(finals, dtype=np.float64)
    if values.ndim != 1 or not 1 <= len(values) <= pruned:
        raise ValueError(f"finals must be one to {pruned} scores in one dimension, not {values.shape}")
    if not (np.isfinite(values).all() and np.isfinite(selected)):
        raise ValueError("a score is not finite")
    m, better = len(values), int((values > selected).sum())
    most_possible = pruned - (m - better)

    def too_many(count: int) -> bool:
        return bool(hypergeom.cdf(better, pruned, count, m) <= 1 - confidence + _ROUNDING)

    most = better + bisect_left(range(better + 1, most_possible + 1), True, key=too_many)
    return Missed(
        pruned=pruned,
        audited=m,
        better=better,
        share=better / m,
        most=most,
        most_share=most / pruned,
        largest_gain=float(values.max() - selected),
    )


def saved(charged: npt.ArrayLike, whole: npt.ArrayLike) -> Saved:
    """Compute that pruning saved: 1 - charged / whole over the pruned trials, in any one unit of cost.

    Args:
        charged: (n,) cost of each pruned trial as far as it went.
        whole: (n,) cost of each had it been trained to its end.

    Raises:
        ValueError: there is no trial, the lengths differ, or a cost is negative or not finite, or ``whole`` 0.
    """
    spent, full = np.asarray(charged, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    if spent.ndim != 1 or not len(spent) or spent.shape != full.shape:
        raise ValueError(f"charged {spent.shape} and whole {full.shape} must be equally long, at least one")
    if not (np.isfinite(spent).all() and np.isfinite(full).all() and (spent >= 0).all() and (full > 0).all()):
        raise ValueError("costs must be finite and not negative, whole ones above 0")
    return Saved(float(spent.sum()), float(full.sum()), share=float(1 - spent.sum() / full.sum()))
