"""What of earlier trials a search can take up: as observations, and as first draws."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from hpo.config.experiment import Experiment, Fixed
from hpo.config.parameters import MODEL, Value
from hpo.records.base import Frozen
from hpo.records.run import Run
from hpo.records.trainings import Trial
from hpo.search.draws import Draws, configuration, strategy_values
from hpo.search.earlier import Source

OTHER, RANGES, WEIGHTS = (
    "another strategy or fixed parameter",
    "a value that is not searched here",
    "other weights",
)


class Observation(Frozen):
    """A configuration's searched parameters with its validation score."""

    values: dict[str, Any]
    score: float


def observations(
    experiment: Experiment, head: Run, replicate: int, sources: Sequence[Source], left_out: Counter[str]
) -> dict[str, list[tuple[str, Observation]]]:
    """Of each strategy equally many of what its search in a replicate could have drawn itself, the earliest draws first.

    Args:
        left_out: counts by reason the trials that are none.

    Returns:
        By strategy the observations, each with the name of its source.
    """
    complete = [(s, t) for s in sources for t in s.trials(replicate) if _is_complete(t)]
    ordered = sorted(complete, key=lambda found: found[1].draw)
    found: dict[str, list[tuple[str, Observation]]] = {}
    taken: set[int] = set()
    reasons: dict[int, str] = {}
    for strategy, value in strategy_values(experiment).items():
        draws = Draws(experiment, value, replicate)
        found[strategy] = []
        for index, (source, trial) in enumerate(ordered):
            reason = _why_not(experiment, value, draws, (source.records.run, head), trial)
            if reason is None:
                taken.add(index)
                values = {n: v for n, v in trial.parameters.items() if n in _searched(experiment)}
                seen = Observation(values=values, score=float(trial.score or 0.0))
                found[strategy].append((source.name, seen))
            elif reasons.get(index) != RANGES:
                reasons[index] = reason
    left_out.update(reason for index, reason in reasons.items() if index not in taken)
    least = min(map(len, found.values()))
    more = sum(len(of) - least for of in found.values())
    if more:
        left_out["no counterpart in every strategy"] += more
    return {strategy: of[:least] for strategy, of in found.items()}


def first_draws(
    experiment: Experiment, replicate: int, sources: Sequence[Source]
) -> list[tuple[str, dict[str, Any]]]:
    """The best distinct configurations, of each strategy of each source in turn, none of them the default one.

    Each has the name of its source.
    """
    defaults = {name: _default(experiment, name) for name in _searched(experiment)}
    known = [_plain(defaults)]
    found: list[tuple[str, dict[str, Any]]] = []
    for source, values in _best_in_turn(experiment, replicate, sources, defaults):
        if _plain(values) not in known:
            known.append(_plain(values))
            found.append((source, values))
    return found


def _best_in_turn(
    experiment: Experiment, replicate: int, sources: Sequence[Source], defaults: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Configurations that every strategy here could draw: the best of each strategy there, then the second best of each."""
    draws = [Draws(experiment, value, 0) for value in strategy_values(experiment).values()]
    ranked = []
    for source in sources:
        run, trials = source.records.run, source.trials(replicate)
        sign = -1.0 if run.metric.maximize else 1.0
        for strategy in run.strategies:
            own = [t for t in trials if t.strategy == strategy and _is_complete(t)]
            own.sort(key=lambda t: (sign * float(t.score or 0.0), t.draw))
            projected = [{n: t.parameters.get(n, default) for n, default in defaults.items()} for t in own]
            ranked.append(
                [(source.name, v) for v in projected if None not in [of.as_observed(v) for of in draws]]
            )
    for place in zip_longest(*ranked):
        yield from (found for found in place if found is not None)


def _is_complete(trial: Trial) -> bool:
    return trial.state == "complete" and trial.score is not None and trial.duplicate_of is None


def _why_not(
    experiment: Experiment, strategy: Value | None, draws: Draws, runs: tuple[Run, Run], trial: Trial
) -> str | None:
    """Why a trial of the first run is no observation of a strategy of the second; None: it is one."""
    if _weights(runs[0], trial.parameters) != _weights(runs[1], {MODEL: strategy}):
        return WEIGHTS
    searched = _searched(experiment)
    free = {n: v for n, v in trial.parameters.items() if n in searched}
    drawn = draws.as_observed(free)
    if drawn is not None:
        same = _plain(configuration(experiment, strategy, drawn[0])) == _plain(trial.parameters)
        return None if same else OTHER
    fixed = configuration(experiment, strategy, {})
    told = {n: v for n, v in _plain(trial.parameters).items() if n not in searched}
    return RANGES if told.items() <= _plain(fixed).items() else OTHER


def _weights(run: Run, parameters: Mapping[str, Any]) -> str:
    """SHA-256 of the pretrained model of a training."""
    return run.models.get(str(parameters.get(MODEL)), run.model).sha256


def _searched(experiment: Experiment) -> tuple[str, ...]:
    return tuple(name for name, setting in experiment.parameters.items() if not isinstance(setting, Fixed))


def _default(experiment: Experiment, name: str) -> Value:
    setting = experiment.parameters[name]
    assert not isinstance(setting, Fixed), "a searched parameter has a default"
    return setting.default


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Hashable values, the same whether they were just made or read from a record."""
    return {name: json.dumps(value) for name, value in values.items()}
