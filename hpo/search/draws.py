"""Draws of configurations: a pure function of the experiment, the study's earlier results and the draw's number.

A draw is made in a study in memory and only then stored whole, so that a kill in the middle of one changes nothing and
a resumed run draws what an undisturbed one would have drawn.

Draws are paired: draw i of a replicate has the same values of shared parameters in every strategy wherever the sampler
does not look at results (random, QMC, grid, and the first draws of TPE and GP). Its seed never depends on the strategy,
and parameters that this strategy does not have are drawn too and dropped, so that they do not shift the others.
"""

from __future__ import annotations

import itertools
import json
import logging
import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.config.experiment import Choices, Experiment, Fixed, Range
from hpo.config.parameters import Value, acts_with, complete
from hpo.records.metrics import METRICS
from hpo.search.storage import MEMORY
from hpo.seeds import derive

Configuration = dict[str, Any]
Searched = Choices | Range
Drawn = tuple[
    dict[str, Any], dict[str, BaseDistribution]
]  # values and distributions by name, in Optuna's terms


@dataclass(frozen=True)
class Known:
    """What a study knows of earlier runs.

    Attributes:
        first: values of all searched parameters that are drawn first after the default ones.
        observed: draws of this study's space, each with the score of its configuration.
    """

    first: tuple[Mapping[str, Any], ...] = ()
    observed: tuple[tuple[Drawn, float], ...] = ()


class Draws:
    """The draws of one study. What it keeps from draw to draw saves time alone: a new one draws the same.

    Args:
        strategy: the compared parameter's value, None where nothing is compared.
    """

    def __init__(
        self, experiment: Experiment, strategy: Value | None, replicate: int, known: Known | None = None
    ) -> None:
        logging.getLogger("optuna").setLevel(logging.WARNING)  # else it tells of each study made here
        self._experiment = experiment
        self._known = known or Known()
        self._strategy = strategy
        self._replicate = replicate
        self._seen = 0  # ended trials that ``_history`` holds
        maximize = METRICS[experiment.task.metric].maximize
        self._direction = StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE
        self._history = self._begin_history(constrained=False)
        self._sequence = optuna.create_study(direction="maximize")
        self._points: list[dict[str, Any]] = []  # of the sequence or the grid, by draw

    def draw(self, number: int, earlier: Sequence[FrozenTrial]) -> Drawn:
        """Searched parameters of one draw; draw 0 is the default configuration.

        Args:
            earlier: the study's ended trials, in the order of their draws; the first ``number`` are looked at.
        """
        sampler = self._experiment.budget.sampler
        with warnings.catch_warnings():
            # Experimental samplers, and independent sampling of conditional parameters.
            warnings.simplefilter("ignore")
            if number == 0:
                defaults = {name: _raw(s.default) for name, s in _searched(self._experiment).items()}
                return self._as_draw(defaults)
            if number <= len(self._known.first):
                first = self._known.first[number - 1]
                return self._as_draw({name: _raw(value) for name, value in first.items()})
            if looks_at_results(self._experiment, number):
                return self._by_results(number, earlier)
            if sampler == "grid":
                return self._as_draw(self._grid_point(number))
            if sampler == "qmc":
                return self._as_draw(self._sequence_point(number))
            return self._as_draw(self._random_point(number))

    def _by_results(self, number: int, earlier: Sequence[FrozenTrial]) -> Drawn:
        """A draw of TPE or GP in a fresh sampler, for samplers do not store their generator.

        It is made as one more trial of the history and ended as failed there: neither sampler looks at such. What did not
        fit the memory TPE takes as worse than all that did; GP learns where the constraint holds.
        """
        if self._experiment.budget.sampler == "gp" and any(map(_infeasible, earlier[:number])):
            self._history, self._seen = self._begin_history(constrained=True), 0
            earlier = _constrained(earlier[:number], self._direction)
        for ended in earlier[self._seen : number]:
            self._history.add_trial(ended)
        self._seen = number
        startup = _startup(self._experiment)
        seed = derive(self._experiment.seed, "sampler", self._replicate, number)
        self._history.sampler = (
            optuna.samplers.TPESampler(
                n_startup_trials=startup, multivariate=True, group=True, constant_liar=False, seed=seed
            )
            if self._experiment.budget.sampler == "tpe"
            else optuna.samplers.GPSampler(n_startup_trials=startup, seed=seed)
        )
        trial = self._history.ask()
        _suggest(self._experiment, self._strategy, lambda name, setting: _suggest_one(trial, name, setting))
        self._history.tell(trial, state=TrialState.FAIL)
        return dict(trial.params), dict(trial.distributions)

    def _begin_history(self, *, constrained: bool) -> optuna.Study:
        """What was observed before this study's first trial; ``constrained``: with the constraint, which it met."""
        history = optuna.create_study(direction=self._direction)
        for (params, distributions), score in self._known.observed:
            history.add_trial(
                optuna.trial.create_trial(
                    value=score,
                    params=params,
                    distributions=distributions,
                    constraints={MEMORY: -1.0} if constrained else None,
                )
            )
        return history

    def as_observed(self, values: Mapping[str, Any]) -> Drawn | None:
        """``values`` of parameters as a draw of this study; None where it could not have drawn them."""
        searched = {name: _raw(values[name]) for name in _searched(self._experiment) if name in values}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # values outside their ranges, which are refused here
            try:
                drawn = self._as_draw(searched)
                possible = all(_contains(drawn[1][name], value) for name, value in drawn[0].items())
            except ValueError:  # without a parameter that exists here, or no choice of it
                return None
        return drawn if possible else None

    def as_recorded(self, values: Mapping[str, Any], drawn: Drawn) -> Drawn | None:
        """A draw with these ``values`` of parameters; None where this study could not have drawn them.

        What has no effect is not recorded: such a parameter is as in ``drawn``, or else the default.
        """
        defaults = {name: setting.default for name, setting in _searched(self._experiment).items()}
        return self.as_observed({**defaults, **drawn[0], **values})

    def _random_point(self, number: int) -> dict[str, Any]:
        seed = derive(self._experiment.seed, "sampler", self._replicate, number)
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=seed))
        return self._point(study)

    def _sequence_point(self, number: int) -> dict[str, Any]:
        """Point of a low-discrepancy sequence: the ones before it are drawn first, once."""
        if not self._points:
            seed = derive(self._experiment.seed, "sampler", self._replicate)
            self._sequence.sampler = optuna.samplers.QMCSampler(seed=seed, scramble=True)
        while len(self._points) <= number:
            self._points.append(self._point(self._sequence))
        return self._points[number]

    def _point(self, study: optuna.Study) -> dict[str, Any]:
        """A value of every searched parameter, whether this strategy has it or not."""
        trial = study.ask()
        for name, setting in _searched(self._experiment).items():
            _suggest_one(trial, name, setting)
        study.tell(trial, 0.0)
        return dict(trial.params)

    def _grid_point(self, number: int) -> dict[str, Any]:
        """Point of the strategy's grid: the default first, the others shuffled; past the last it begins again."""
        if not self._points:
            self._points = _grid(self._experiment, self._strategy, self._replicate)
        return self._points[number % len(self._points)]

    def _as_draw(self, values: Mapping[str, Any]) -> Drawn:
        """``values`` as a draw, without those that do not exist under the others."""
        trial = optuna.trial.FixedTrial(dict(values))
        _suggest(self._experiment, self._strategy, lambda name, setting: _suggest_one(trial, name, setting))
        return dict(trial.params), dict(trial.distributions)


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    return distribution._contains(distribution.to_internal_repr(value))  # noqa: SLF001 - there is no public way


def width(experiment: Experiment) -> int:
    """Trainings of this experiment that never wait for each other's results."""
    budget = experiment.budget
    studies = len(experiment.strategies()) * budget.replicates
    if waits(experiment, 1):
        return studies
    return studies * (budget.trials if budget.total is None else min(budget.trials, 2))


def looks_at_results(experiment: Experiment, number: int) -> bool:
    """Whether draw ``number`` depends on how the draws before it ended."""
    return experiment.budget.sampler in ("tpe", "gp") and number >= max(1, _startup(experiment))


def waits(experiment: Experiment, number: int) -> bool:
    """Whether draw ``number`` waits for those before it: for their results, or for what they are charged."""
    budget = experiment.budget
    if budget.pruner != "none" or budget.limit.by_cost:
        return True
    return looks_at_results(experiment, number)


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


def _infeasible(trial: FrozenTrial) -> bool:
    return any(value > 0 for value in trial.constraints.values())


def _constrained(earlier: Sequence[FrozenTrial], direction: StudyDirection) -> list[FrozenTrial]:
    """Trials as GP learns a constraint from them: it looks at complete ones alone, each of which must have one.

    What did not fit the memory has no score, and stands there with the worst one; without any score all stay as they are.
    """
    scores = [t.value for t in earlier if t.state == TrialState.COMPLETE and t.value is not None]
    if not scores:
        return list(earlier)
    worst = min(scores) if direction == StudyDirection.MAXIMIZE else max(scores)
    return [
        optuna.trial.create_trial(
            state=TrialState.COMPLETE,
            value=worst if _infeasible(t) else t.value,
            params=t.params,
            distributions=t.distributions,
            constraints={MEMORY: 1.0 if _infeasible(t) else -1.0},
        )
        for t in earlier
        if _infeasible(t) or t.state == TrialState.COMPLETE
    ]


def _suggest(experiment: Experiment, strategy: Value | None, suggest: Callable[[str, Searched], Any]) -> None:
    """Suggest every searched parameter whose condition holds, conditions before what hangs on them."""
    known = _fixed(experiment, strategy)
    waiting = _searched(experiment)
    while waiting:
        ready = [n for n, s in waiting.items() if not any(other in waiting for other in s.when)]
        assert ready, "conditions form a cycle; the space file's check refuses them"
        for name in ready:
            setting = waiting.pop(name)
            if all(known.get(other) in values for other, values in setting.when.items()):
                known[name] = _value(suggest(name, setting))


def _suggest_one(trial: optuna.trial.BaseTrial, name: str, setting: Searched) -> Any:
    if isinstance(setting, Choices):
        return trial.suggest_categorical(name, [_raw(value) for value in setting.choices])
    if setting.integer:
        step = int(setting.step or 1)
        return trial.suggest_int(name, int(setting.low), int(setting.high), step=step, log=setting.log)
    return trial.suggest_float(name, setting.low, setting.high, step=setting.step, log=setting.log)


def _searched(experiment: Experiment) -> dict[str, Searched]:
    return {n: s for n, s in experiment.parameters.items() if not isinstance(s, Fixed)}


def _fixed(experiment: Experiment, strategy: Value | None) -> dict[str, Any]:
    given: dict[str, Any] = {n: s.value for n, s in experiment.parameters.items() if isinstance(s, Fixed)}
    if experiment.compare is not None and strategy is not None:
        given[experiment.compare.parameter] = strategy
    return given


def _startup(experiment: Experiment) -> int:
    """Draws before TPE or GP looks at results: as the space says, else half of the trials, at most 10."""
    budget = experiment.budget
    return budget.startup_trials if budget.startup_trials is not None else min(10, max(1, budget.trials // 2))


def _raw(value: Any) -> bool | int | float | str:
    """A value as Optuna stores it: a list becomes its JSON text."""
    return json.dumps(list(value)) if isinstance(value, tuple | list) else value


def _value(raw: Any) -> Value:
    return tuple(json.loads(raw)) if isinstance(raw, str) and raw.startswith("[") else raw


def _grid(experiment: Experiment, strategy: Value | None, replicate: int) -> list[dict[str, Any]]:
    """Every point of the strategy's grid: the default first, the others shuffled."""
    searched = _searched(experiment)
    grid = {n: _grid_values(s) for n, s in searched.items() if _acts(experiment, n, s, strategy)}
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    random.Random(derive(experiment.seed, "grid", replicate)).shuffle(points)  # noqa: S311 - an order, no secret
    default = {n: _raw(searched[n].default) for n in grid}
    inactive = {n: _raw(s.default) for n, s in searched.items() if n not in grid}
    return [p | inactive for p in (default, *(p for p in points if p != default))]


def _acts(experiment: Experiment, name: str, setting: Searched, strategy: Value | None) -> bool:
    """Whether a parameter can have an effect in the strategy."""
    if experiment.compare is None:
        return True
    compared = experiment.compare.parameter
    wanted = setting.when.get(compared)
    return (wanted is None or strategy in wanted) and acts_with(name, compared, strategy)


def _grid_values(setting: Searched) -> list[Any]:
    """Every value of a parameter; ranges have a step here, or are whole numbers (the space file's check sees to it)."""
    if isinstance(setting, Choices):
        return [_raw(value) for value in setting.choices]
    step = setting.step or 1
    count = round((setting.high - setting.low) / step) + 1
    # Twelve digits: 0.1 + 2 * 0.1 is 0.30000000000000004, which lies outside a range up to 0.3.
    values = [min(float(f"{setting.low + i * step:.12g}"), setting.high) for i in range(count)]
    return [int(v) for v in values] if setting.integer else values
