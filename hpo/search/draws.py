"""Draws of configurations: a pure function of the experiment, the study's earlier results and the draw's number.

A draw is made in a study in memory and only then stored whole, so that a kill in the middle of one changes nothing and
a resumed run draws what an undisturbed one would have drawn. Draws are paired: the sampler's seed depends on the
replicate and never on the strategy, so that draw i of two strategies has the same values wherever the sampler does not
look at results (random, QMC, grid, and the first draws of TPE and GP).
"""

from __future__ import annotations

import itertools
import json
import random
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from hpo.config.experiment import Choices, Experiment, Fixed, Range, Setting
from hpo.config.parameters import Value, complete
from hpo.seeds import derive

Configuration = dict[str, Any]


def draw(
    experiment: Experiment,
    strategy: Value | None,
    replicate: int,
    number: int,
    earlier: Sequence[FrozenTrial],
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Searched parameters of one draw, in Optuna's terms: (values, distributions).

    Args:
        strategy: the compared parameter's value, None where nothing is compared.
        earlier: the study's ended trials, in the order of their draws.
    """
    looks_back = experiment.budget.sampler in ("tpe", "gp")
    seed = derive(experiment.seed, "sampler", replicate, number if looks_back else "all")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # experimental samplers, and independent sampling of conditional parameters
        study = optuna.create_study(direction="maximize", sampler=_sampler(experiment, seed))
        if looks_back:
            study.add_trials(list(earlier))
            return _ask(study, experiment, strategy, default=number == 0)
        if experiment.budget.sampler == "grid":
            study.enqueue_trial(_grid_point(experiment, seed, number))
            return _ask(study, experiment, strategy, default=False)
        # These samplers do not look at results: draw again from the first on, so that none is lost or made twice.
        for _ in range(number):
            trial = study.ask()
            _suggest(trial, experiment, strategy)
            study.tell(trial, 0.0)
        return _ask(study, experiment, strategy, default=number == 0)


def configuration(
    experiment: Experiment, strategy: Value | None, searched: Mapping[str, Any]
) -> Configuration:
    """Every active parameter of the trial that drew ``searched``."""
    given: dict[str, Any] = {name: _value(raw) for name, raw in searched.items()}
    given |= _fixed(experiment, strategy)
    return complete(given)


def strategy_values(experiment: Experiment) -> dict[str, Value | None]:
    """Strategy name to the compared parameter's value."""
    if experiment.compare is None:
        return {experiment.strategies()[0]: None}
    return dict(zip(experiment.strategies(), experiment.compare.values, strict=True))


def _fixed(experiment: Experiment, strategy: Value | None) -> dict[str, Any]:
    given = {n: s.value for n, s in experiment.parameters.items() if isinstance(s, Fixed)}
    if experiment.compare is not None and strategy is not None:
        given[experiment.compare.parameter] = strategy
    return given


def _ask(
    study: optuna.Study, experiment: Experiment, strategy: Value | None, default: bool
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    if default:
        study.enqueue_trial(
            {n: _raw(s.default) for n, s in experiment.parameters.items() if not isinstance(s, Fixed)}
        )
    trial = study.ask()
    _suggest(trial, experiment, strategy)
    return dict(trial.params), dict(trial.distributions)


def _suggest(trial: optuna.Trial, experiment: Experiment, strategy: Value | None) -> None:
    """Draw every searched parameter whose condition holds, conditions before what hangs on them."""
    known = _fixed(experiment, strategy)
    waiting = {n: s for n, s in experiment.parameters.items() if not isinstance(s, Fixed)}
    while waiting:
        ready = [n for n, s in waiting.items() if not any(other in waiting for other in _conditions(s))]
        for name in ready:
            setting = waiting.pop(name)
            if all(known.get(other) in values for other, values in _conditions(setting).items()):
                known[name] = _value(_suggest_one(trial, name, setting))
        if not ready:
            raise AssertionError("conditions form a cycle; the space file's check refuses them")


def _conditions(setting: Setting) -> Mapping[str, tuple[Value, ...]]:
    return {} if isinstance(setting, Fixed) else setting.when


def _suggest_one(trial: optuna.Trial, name: str, setting: Setting) -> Any:
    if isinstance(setting, Choices):
        return trial.suggest_categorical(name, [_raw(value) for value in setting.choices])
    assert isinstance(setting, Range)
    if setting.integer:
        step = int(setting.step or 1)
        return trial.suggest_int(name, int(setting.low), int(setting.high), step=step, log=setting.log)
    return trial.suggest_float(name, setting.low, setting.high, step=setting.step, log=setting.log)


def _raw(value: Value) -> bool | int | float | str:
    """A value as Optuna stores it: a list becomes its JSON text."""
    return json.dumps(list(value)) if isinstance(value, tuple) else value


def _value(raw: Any) -> Value:
    return tuple(json.loads(raw)) if isinstance(raw, str) and raw.startswith("[") else raw


def _sampler(experiment: Experiment, seed: int) -> optuna.samplers.BaseSampler:
    budget = experiment.budget
    startup = (
        budget.startup_trials if budget.startup_trials is not None else min(10, max(1, budget.trials // 2))
    )
    match budget.sampler:
        case "tpe":
            return optuna.samplers.TPESampler(
                n_startup_trials=startup, multivariate=True, group=True, constant_liar=False, seed=seed
            )
        case "gp":
            return optuna.samplers.GPSampler(n_startup_trials=startup, seed=seed)
        case "qmc":
            return optuna.samplers.QMCSampler(seed=seed, scramble=True)
        case _:
            return optuna.samplers.RandomSampler(seed=seed)


def _grid_point(experiment: Experiment, seed: int, number: int) -> dict[str, Any]:
    """Point ``number`` of the grid in an order shuffled by ``seed``; past the last one it begins again."""
    grid = _grid(experiment)
    points = list(itertools.product(*grid.values()))
    random.Random(seed).shuffle(points)  # noqa: S311 - an order, no secret
    return dict(zip(grid, points[number % len(points)], strict=True))


def _grid(experiment: Experiment) -> dict[str, list[Any]]:
    """Every value of each searched parameter; ranges have a step here, or are whole numbers (the check sees to it)."""
    grid: dict[str, list[Any]] = {}
    for name, setting in experiment.parameters.items():
        if isinstance(setting, Choices):
            grid[name] = [_raw(value) for value in setting.choices]
        elif isinstance(setting, Range):
            step = setting.step or 1
            count = int((setting.high - setting.low) / step + 1e-9) + 1
            values = [setting.low + i * step for i in range(count)]
            grid[name] = [int(v) for v in values] if setting.integer else values
    return grid
