"""Simulated runs in which strategies of known truth stop half-way where ``hpo.stats.early_stop`` says so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmarks.judging import Judged, family, judge
from benchmarks.simulated import Bools, Model, below
from hpo.records.verdict_rule import ALPHA, LEAST_MARGIN
from hpo.stats.crossed import Array
from hpo.stats.decision import not_separable
from hpo.stats.early_stop import decided


@dataclass(frozen=True)
class Case:
    """A run: ``searches`` of each strategy, each ``lead`` below the one before it.

    Attributes:
        learning: shortfall of a draw of the second half as a share of the first half's: below 1 where draws learn.
        reference: whether the first is the reference, with which alone the others are compared; below any other one as the
            reference fewer can stop.
    """

    strategies: int
    searches: int
    lead: float
    learning: float = 1.0
    reference: bool = False


@dataclass(frozen=True)
class Stopped:
    """What an early stop did to one run.

    Attributes:
        saved: share of the trials that were not made.
        changed: whether of any pair that is compared, but those that both stopped, it is said otherwise than with all
            trials who is better, or that nobody is.
        leaders: whether the strategies not separable from the best, by all pairs, are others.
        false_better, false_better_whole: whether any pair is said to differ falsely, with the stop and without it; False
            where nothing stopped.
    """

    saved: float
    changed: bool
    leaders: bool
    false_better: bool
    false_better_whole: bool


def simulate(model: Model, case: Case, random: np.random.Generator) -> Stopped:
    """One run, judged with all trials and with those that an early stop leaves."""
    k, searches, trials = case.strategies, case.searches, model.trials
    half = -(-trials // 2)
    best = model.best - case.lead * np.arange(k)[:, None, None]
    shortfall = model.shortfall * random.exponential(size=(k, searches, trials))
    shortfall[:, :, half:] *= case.learning
    drawn = best - shortfall
    luck = model.seed * random.standard_normal(drawn.shape)
    flat = (drawn + luck).reshape(k, searches * trials, 1)
    seen = model.validate(random, flat).reshape(drawn.shape)
    reference = 0 if case.reference else None
    pairs, kept = family(k, reference), () if reference is None else (reference,)
    lagging = decided(seen[:, :, :half], trials - half, LEAST_MARGIN, kept, ALPHA / 2 / len(pairs))
    if not lagging:
        return Stopped(0.0, False, False, False, False)
    whole = np.take_along_axis(drawn, seen.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    early = np.take_along_axis(drawn, seen[:, :, :half].argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    early[[s for s in range(k) if s not in lagging]] = whole[[s for s in range(k) if s not in lagging]]
    truth = case.lead * np.array([b - a for a, b in pairs], dtype=np.float64)
    correct = _confirmed(model, whole, early, random)
    with_all, stopped = (judge(one, LEAST_MARGIN, reference) for one in correct)
    best_with_all, best_stopped = (_leaders(judge(one, LEAST_MARGIN), k) for one in correct)
    return Stopped(
        saved=len(lagging) / k * (trials - half) / trials,
        changed=_told(with_all, pairs, lagging) != _told(stopped, pairs, lagging),
        leaders=best_with_all != best_stopped,
        false_better=stopped.false_better(truth),
        false_better_whole=with_all.false_better(truth),
    )


def _confirmed(model: Model, whole: Array, early: Array, random: np.random.Generator) -> tuple[Bools, Bools]:
    """Both selections confirmed with one fresh seed on the same items: one training where they are the same."""
    k, searches = whole.shape
    luck = model.seed * random.standard_normal((k, 2 * searches, 1))
    latent = model.latent(random, luck.shape, model.items)
    same = whole == early
    luck[:, searches:][same] = luck[:, :searches][same]
    latent[:, searches:][same] = latent[:, :searches][same]
    accuracy = np.concatenate([whole, early], axis=1)[..., None] + luck
    correct = below(accuracy, latent)
    return correct[:, :searches], correct[:, searches:]


def _told(judged: Judged, pairs: Sequence[tuple[int, int]], lagging: Collection[int]) -> list[int]:
    """Of each of ``pairs`` but those that both stopped: for whom it is said to differ, -1, 1 or 0: for nobody."""
    return [
        int(differs) * int(np.sign(estimate.mean))
        for pair, differs, estimate in zip(pairs, judged.different(), judged.estimates, strict=True)
        if not set(pair) <= set(lagging)
    ]


def _leaders(judged: Judged, strategies: int) -> tuple[str, ...]:
    """The strategies that the best is not shown to beat."""
    names = [str(s) for s in range(strategies)]
    better: dict[tuple[str, str], bool] = {}
    means = dict.fromkeys(names, 0.0)
    pairs = zip(combinations(names, 2), judged.estimates, judged.different(), strict=True)
    for (a, b), estimate, differs in pairs:
        means[a] += estimate.mean
        means[b] -= estimate.mean
        better[a, b], better[b, a] = bool(differs and estimate.mean > 0), bool(differs and estimate.mean < 0)
    return not_separable(max(names, key=means.__getitem__), names, better)
