"""The trainings of a run before any is trained, as far as they are known: each planned, none begun."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.config.experiment import Experiment
from hpo.runtime.parts import parts_of
from hpo.runtime.recall import Recall
from hpo.search.draws import Draws, configuration, strategy_values
from hpo.search.workload import Stretch, Structure, Workload, stretches, structure_of
from hpo.seeds import derive
from hpo.training.course import Course

PLANNING = 8.0  # seconds after which no further trial is planned: those that are left are taken to be alike


@dataclass(frozen=True)
class Planned:
    """A training that is planned.

    Attributes:
        study: None for the baseline.
        stretches: of the whole training.
        widest: padded tokens of the largest part of a step.
    """

    parameters: Mapping[str, Any]
    seed: int
    study: tuple[str, int] | None
    structure: Structure
    stretches: tuple[Stretch, ...]
    widest: int


@dataclass(frozen=True)
class Load:
    """Work of which the run has ``share`` times as much.

    Attributes:
        least: if every other trial stops at its first rung and each search selects its cheapest configuration.
        most: if none stops and each search selects its dearest.
    """

    share: float
    least: Workload
    most: Workload

    @staticmethod
    def empty(experiment: Experiment, share: float = 1.0) -> Load:
        """None as yet."""
        task = experiment.task
        shifted = len(task.shift) * (task.test if task.shift_test is None else task.shift_test)
        tested = (task.test + shifted) / task.validation
        return Load(share, Workload(tested), Workload(tested))


def plan_trials(
    experiment: Experiment, recall: Recall, seconds: Callable[[Workload], float] | None = None
) -> tuple[list[Planned], Load]:
    """Every trial, as far as there is time.

    Args:
        seconds: that work takes: of searches that end by what their trials are charged, only those trials count then that
            are begun. None: not known yet, and all count.
    """
    logging.getLogger("optuna").setLevel(logging.WARNING)
    until = time.perf_counter() + PLANNING
    planned: list[Planned] = []
    load, drawn = Load.empty(experiment), 0
    purses = [_Purse(experiment, seconds) for _ in ("most", "least")]
    for parameters, seed, study, stops in _draws(experiment):
        drawn += 1
        course = recall.course(parameters, seed)
        last = len(course.rungs) - 1
        ways = zip((load.most, load.least), purses, (last, 0 if stops else last), strict=True)
        begun = [way for way in ways if way[1].pays(study)]
        for of, purse, rung in begun:
            of.add(recall, course, rung)
            purse.charge(study, recall, course, rung)
        if begun:
            planned.append(_planned(recall, course, study))
        if time.perf_counter() > until:
            break
    return planned, Load(_studies(experiment) * experiment.budget.trials / drawn, load.least, load.most)


class _Purse:
    """What searches have left of a budget in device-seconds: where there is none, or none knows what work takes, enough."""

    def __init__(self, experiment: Experiment, seconds: Callable[[Workload], float] | None) -> None:
        self._experiment = experiment
        self._seconds = seconds
        self._charged: defaultdict[tuple[str, int], float] = defaultdict(float)

    def pays(self, study: tuple[str, int]) -> bool:
        """Whether a search begins a further trial."""
        budget = self._experiment.budget.device_seconds
        return budget is None or self._charged[study] < budget

    def charge(self, study: tuple[str, int], recall: Recall, course: Course, until: int) -> None:
        """Charge a search for a training up to an evaluation, as if it ran alone."""
        if self._seconds is None or self._experiment.budget.device_seconds is None:
            return
        alone = Load.empty(self._experiment).most
        alone.add(recall, course, until)
        self._charged[study] += self._seconds(alone)


def plan_baseline(experiment: Experiment, recall: Recall, trials: Load) -> tuple[list[Planned], Load]:
    """All trainings of the baseline, the first of which stands for them."""
    load, planned = _beside(experiment, trials), []
    if experiment.baseline is not None:
        for replicate in range(experiment.budget.replicates):
            for course in _confirmed(experiment, recall, experiment.recipe(), replicate):
                for of in (load.least, load.most):
                    of.add(recall, course, len(course.rungs) - 1, tested=True)
                planned.append(_planned(recall, course, None))
    return planned[:1], load


def plan_confirmations(
    experiment: Experiment,
    recall: Recall,
    planned: Sequence[Planned],
    trials: Load,
    seconds: Callable[[Sequence[Stretch]], float],
) -> Load:
    """The confirmations of the configurations of each study that take the least and the most ``seconds``."""
    studies = {training.study for training in planned if training.study is not None}
    load = _beside(experiment, trials, _studies(experiment) / len(studies))
    for study in sorted(studies):
        own = sorted((t for t in planned if t.study == study), key=lambda t: seconds(t.stretches))
        for of, chosen in ((load.least, own[0]), (load.most, own[-1])):
            for course in _confirmed(experiment, recall, chosen.parameters, study[1]):
                of.add(recall, course, len(course.rungs) - 1, tested=True)
    return load


def _beside(experiment: Experiment, trials: Load, share: float = 1.0) -> Load:
    """Where other trainings are added: to the trials, so that what is shared is there once, unless these are not all
    planned."""
    return trials if trials.share == 1 else Load.empty(experiment, share)


def _studies(experiment: Experiment) -> int:
    return len(experiment.strategies()) * experiment.budget.replicates


def _draws(experiment: Experiment) -> Iterator[tuple[Mapping[str, Any], int, tuple[str, int], bool]]:
    """Every draw of every study, one replicate after another, those that look at results as if there were none:
    parameters, seed, study, and whether it stops at its first rung in the leanest run."""
    budget, values = experiment.budget, strategy_values(experiment)
    studies = {(s, r): Draws(experiment, v, r) for s, v in values.items() for r in range(budget.replicates)}
    for replicate in range(budget.replicates):
        seed = derive(experiment.seed, "trial", replicate)
        for number in range(budget.trials):
            for strategy, value in values.items():
                drawn, _ = studies[strategy, replicate].draw(number, ())
                stops = budget.pruner != "none" and number % 2 == 1
                yield configuration(experiment, value, drawn), seed, (strategy, replicate), stops


def _confirmed(
    experiment: Experiment, recall: Recall, parameters: Mapping[str, Any], replicate: int
) -> Iterator[Course]:
    """The trainings of a configuration with the fresh seeds of a replicate."""
    for index in range(experiment.confirmation.seeds):
        yield recall.course(parameters, derive(experiment.seed, "confirmation", replicate, index))


def _planned(recall: Recall, course: Course, study: tuple[str, int] | None) -> Planned:
    widest = -(-int(course.padded().max()) // parts_of(course.parameters))
    structure = structure_of(recall, course)
    return Planned(course.parameters, course.seed, study, structure, tuple(stretches(recall, course)), widest)
