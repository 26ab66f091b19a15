"""The draws of a random search: the scores that a tuning curve is estimated from, or why there are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.records.run import Records
from hpo.records.selection import searches
from hpo.records.trainings import Trial
from hpo.report.text import configuration, ranged
from hpo.stats.crossed import Array


@dataclass(frozen=True)
class Draws:
    """Every draw of one strategy.

    Attributes:
        style: of the strategy in figures.
        scores: (N,) validation score of each draw, that of a failed one the worst value of the metric.
        failed: how many of them failed.
        searches: how many searches they are pooled from.
        seeds: of training, where all draws of a search share one; else, and where they are not recorded, 0.
    """

    name: str
    style: int
    scores: Array
    failed: int
    searches: int
    seeds: int


def collect_draws(records: Records) -> tuple[Draws, ...] | str:
    """The draws of each strategy that has any, pooled over its searches; or why no curve may be estimated from them."""
    why = _not_independent(records)
    if why:
        return why
    worst = worst_score(records)
    found = []
    for index, name in enumerate(records.run.strategies):
        own = [t for t in records.trials if t.strategy == name and not is_default(records, t)]
        if own:
            scores = np.array([worst if t.score is None else t.score for t in own])
            failed = sum(t.score is None for t in own)
            drawn = searches(own)
            found.append(Draws(name, index, scores, failed, len(drawn), _shared_seeds(drawn.values())))
    return tuple(found) or "No draw has ended yet."


def _shared_seeds(drawn: Iterable[Sequence[Trial]]) -> int:
    """How many seeds of training there are, each of all draws of a search; 0 where that is not so or not known."""
    seeds = [{t.seed for t in own} for own in drawn if len(own) > 1]
    shared = all(len(own) == 1 and min(own) >= 0 for own in seeds)
    return len(set().union(*seeds)) if shared else 0


def _not_independent(records: Records) -> str:
    search = records.run.search
    if search.independent is None:
        return (
            f"{records.run.source} does not say whether its draws were independent of results, as the expected best of n "
            "draws supposes: not recorded; say --independent when importing if they were, as in random search. Until "
            "then see the anytime curve."
        )
    if not search.independent:
        how = ", ".join(part for part in (search.sampler, _pruner(search.pruner)) if part)
        return (
            f"The expected best of n draws is defined for independent draws that are all trained to their end, not here "
            f"({how or 'draws depend on earlier results'}): see the anytime curve."
        )
    if any(t.state == "pruned" for t in records.trials):
        return "Trials were pruned, and their last scores are none of full trainings: see the anytime curve."
    if not any(t.score is not None for t in records.trials):
        return "No trial is complete, so no draw has a score."
    return _repeats(records)


def _pruner(pruner: str | None) -> str:
    return "" if pruner is None or pruner.startswith("none") else f"pruned by {pruner}"


def _repeats(records: Records) -> str:
    """Why searches that repeat each other's configurations are not pooled; empty where they do not."""
    drawn: dict[str, list[dict[int, str]]] = {}
    for (strategy, _), own in searches(records.trials).items():
        values = {t.draw: configuration(t.parameters) for t in own if not is_default(records, t)}
        drawn.setdefault(strategy, []).append(values)
    for strategy, found in drawn.items():
        if any(_same(first, second) for i, first in enumerate(found) for second in found[:i]):
            return (
                f"Searches of {strategy} drew the same configurations: they are repeats of the same draws and not further "
                "ones, so that pooling them would count each draw several times. See the anytime curve."
            )
    return ""


def _same(first: dict[int, str], second: dict[int, str]) -> bool:
    shared = first.keys() & second.keys()
    return len(shared) > 1 and all(first[draw] == second[draw] for draw in shared)


def is_default(records: Records, trial: Trial) -> bool:
    """Whether ``trial`` is the default configuration, with which hpo begins each search: it is no draw of the space."""
    searched = [p for p in records.run.space if p.kind in {"choices", "range"}]
    return records.run.source == "hpo" and trial.draw == 0 and any(p.default is not None for p in searched)


def worst_score(records: Records) -> float:
    """What a failed draw is given: the end of the metric's range, or the worst score of the run where it has none."""
    metric = records.run.metric
    if metric.share:
        return 0.0 if metric.maximize else 1.0
    scores = [t.score for t in records.trials if t.score is not None]
    return min(scores) if metric.maximize else max(scores)


def counts(found: Sequence[Draws]) -> str:
    """``20 draws each, of 5 searches``, or the fewest and the most."""
    drawn = f"{ranged((draws.scores.size for draws in found), 'draw')} each"
    pooled = [draws.searches for draws in found]
    if max(pooled) == 1:
        return f"{drawn}, of one search"
    return f"{drawn}, pooled over {ranged(pooled, 'search', 'searches')}"
