"""Where a run's complete trials lie in its search space, as the statistics of parameters read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo.records.run import Records, Run
from hpo.records.search import ParameterInfo
from hpo.records.trainings import Trial
from hpo.report.text import listed
from hpo.stats.parameters import Array, Categorical, Condition, Numerical, Parameter, encode, is_active

STRATEGY = "strategy"  # the compared parameter's name where the space does not name it


@dataclass(frozen=True)
class Explored:
    """Complete trials of all strategies, each training once.

    Attributes:
        parameters: those searched, and the compared one.
        trials: in the order of the records.
        configurations: their values of ``parameters`` where active, and those of all else that conditions may hang on.
        encoded: (n, p) codes of them, NaN where inactive.
        scores: (n,) validation scores.
        compared: name of the compared parameter; empty where nothing is compared.
        left_out: why parameters are missing, as sentences.
    """

    parameters: tuple[Parameter, ...]
    trials: tuple[Trial, ...]
    configurations: tuple[dict[str, Any], ...]
    encoded: Array
    scores: Array
    compared: str
    left_out: tuple[str, ...]

    def oriented(self, maximize: bool) -> Array:
        """``scores`` with the sign with which higher is better."""
        return self.scores if maximize else -self.scores

    def values(self, trial: int, names: Sequence[str]) -> dict[str, Any]:
        """Values by name of the trial at place ``trial``; None where one is not active."""
        return {name: self.configurations[trial].get(name) for name in names}


def explore(records: Records) -> Explored:
    """The complete trials of ``records`` in its space. A parameter that cannot be placed is left out, and said so."""
    run = records.run
    trials = tuple(t for t in records.trials if t.score is not None and t.duplicate_of is None)
    compared = _compared(run)
    values = [dict(t.parameters) | _strategy(run, t, compared) for t in trials]
    kept: list[Parameter] = [compared] if compared else []
    odd, alike = [], []
    for info in (p for p in run.space if p.kind in {"choices", "range"}):
        parameter = _parameter(info)
        if parameter is None:
            continue
        if not all(_fits(parameter, one) for one in values):
            odd.append(info.name)
        elif trials and not _varies(parameter, values):
            alike.append(info.name)
        else:
            kept.append(parameter)
    own = tuple(_active(kept, one) for one in values)
    scores = np.array([t.score for t in trials], dtype=np.float64)
    lost = [f"Left out, without a value of its range in some of the trials: {listed(odd)}."] if odd else []
    lost += [f"Left out, with one value in all of the trials: {listed(alike)}."] if alike else []
    return Explored(
        tuple(kept), trials, own, encode(kept, own), scores, compared.name if compared else "", tuple(lost)
    )


def _compared(run: Run) -> Categorical | None:
    """The compared parameter as categories without an order; None where nothing is compared."""
    if len(run.strategies) < 2:
        return None
    info = _compared_info(run)
    if info is None:
        return Categorical(STRATEGY, run.strategies)
    return Categorical(info.name, tuple(info.values))


def _compared_info(run: Run) -> ParameterInfo | None:
    found = (p for p in run.space if p.kind == "compared" and len(p.values) == len(run.strategies))
    return next(found, None)


def _strategy(run: Run, trial: Trial, compared: Categorical | None) -> dict[str, Any]:
    """The compared parameter's value, by the trial's strategy."""
    return {} if compared is None else {compared.name: compared.values[run.strategies.index(trial.strategy)]}


def _parameter(info: ParameterInfo) -> Parameter | None:
    """``info`` as the statistics take it; None where it has a single value.

    Of several conditions one is kept: trials name their active parameters alone, which tells the others.
    """
    condition = next((Condition(name, tuple(values)) for name, values in info.when.items()), None)
    if info.kind == "choices":
        return Categorical(info.name, tuple(info.values), condition) if len(info.values) > 1 else None
    if info.low is None or info.high is None or not info.low < info.high:
        return None
    step: float | None = info.step
    if info.integer:
        step = int(info.step or 1)
    if step is not None and info.log and info.low - step / 2 <= 0:
        step = None
    return Numerical(info.name, info.low, info.high, log=info.log, step=step, condition=condition)


def _fits(parameter: Parameter, configuration: dict[str, Any]) -> bool:
    """Whether the parameter has a place in ``configuration``, or none because it is inactive."""
    if not _is_on(parameter, configuration):
        return parameter.condition is not None
    value = configuration[parameter.name]
    if isinstance(parameter, Categorical):
        return value in parameter.values
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and parameter.low <= value <= parameter.high


def _varies(parameter: Parameter, configurations: Sequence[dict[str, Any]]) -> bool:
    """Whether trials in which ``parameter`` is active have more than one value of it."""
    own = [one[parameter.name] for one in configurations if _is_on(parameter, one)]
    return any(value != own[0] for value in own)


def _is_on(parameter: Parameter, configuration: dict[str, Any]) -> bool:
    return parameter.name in configuration and is_active(parameter, configuration)


def _active(parameters: Sequence[Parameter], configuration: dict[str, Any]) -> dict[str, Any]:
    """``configuration`` without those of ``parameters`` that have no effect in it."""
    off = {p.name for p in parameters if not is_active(p, configuration)}
    return {name: value for name, value in configuration.items() if name not in off}


def default_configuration(records: Records, explored: Explored, strategy: str) -> dict[str, Any] | None:
    """The default configuration of ``strategy``; None where a parameter that is active in it has no default."""
    run = records.run
    defaults = {p.name: p.default for p in run.space if p.default is not None}
    names = {parameter.name for parameter in explored.parameters}
    # Of what is not varied too, since conditions may hang on it.
    found = {p.name: p.values[0] for p in run.space if p.kind == "fixed" and p.values}
    found |= {name: value for name, value in defaults.items() if name not in names}
    if explored.compared:
        chosen = explored.parameters[0]
        assert isinstance(chosen, Categorical)
        found[chosen.name] = chosen.values[run.strategies.index(strategy)]
    for parameter in explored.parameters:
        if parameter.name == explored.compared or not is_active(parameter, found | defaults):
            continue
        if parameter.name not in defaults:
            return None
        found[parameter.name] = defaults[parameter.name]
    return found


def several_conditions(records: Records) -> bool:
    """Whether a parameter exists under more than one condition at once."""
    return any(len(p.when) > 1 for p in records.run.space if p.kind in {"choices", "range"})
