"""The trainings of a run before any is trained, as far as they are known: each planned, none begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.config.experiment import Experiment
from hpo.runtime.parts import parts_of
from hpo.runtime.recall import Recall
from hpo.search.draws import Draws, configuration, strategy_values
from hpo.search.workload import Structure, Workload, structure_of
from hpo.seeds import derive
from hpo.training.course import Course

PLANNING = 8.0  # seconds after which no further trial is planned: those that are left are taken to be alike


@dataclass(frozen=True)
class Planned:
    """A training that is planned.

    Attributes:
        study: None for the baseline.
        stops: whether it stops at its first rung in the leanest run.
        widest: padded tokens of the largest part of a step.
    """

    course: Course
    study: tuple[str, int] | None
    stops: bool
    structure: Structure
    widest: int

    def until(self, *, lean: bool) -> int:
        """Number of its last evaluation."""
        return 0 if lean and self.stops else len(self.course.rungs) - 1


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


Seconds = Callable[[Workload], float]


def plan_trials(experiment: Experiment, recall: Recall) -> list[Planned]:
    """Every trial, as far as there is time."""
    until = time.perf_counter() + PLANNING
    planned: list[Planned] = []
    for parameters, seed, study, stops in _draws(experiment):
        planned.append(_planned(recall, recall.course(parameters, seed), study, stops=stops))
        if time.perf_counter() > until:
            break
    return planned


def plan_baseline(experiment: Experiment, recall: Recall) -> list[Planned]:
    """All trainings of the baseline."""
    if experiment.baseline is None:
        return []
    return [
        _planned(recall, course, None)
        for replicate in range(experiment.budget.replicates)
        for course in _confirmed(experiment, recall, experiment.recipe(), replicate)
    ]


def loads(
    experiment: Experiment,
    recall: Recall,
    trials: Sequence[Planned],
    baseline: Sequence[Planned],
    seconds: Seconds,
) -> list[Load]:
    """The work of a run of which ``trials`` are planned: of them, of the baseline and of the confirmations.

    Of what is shared between them each has its own, unless all trials are planned: then there is one for all.

    Args:
        seconds: of the device that some work takes.
    """
    budget = experiment.budget
    studies = {training.study for training in trials if training.study is not None}
    every = len(experiment.strategies()) * budget.replicates
    whole = len(trials) == every * budget.trials
    searched = Load.empty(experiment, every * budget.trials / len(trials))
    others = (
        [searched, searched]
        if whole
        else [Load.empty(experiment), Load.empty(experiment, every / len(studies))]
    )
    for training in baseline:
        _add(others[0], recall, training.course)
    for study in sorted(studies):
        own = [training for training in trials if training.study == study]
        for work, lean in ((searched.least, True), (searched.most, False)):
            for training in _begun(experiment, recall, own, seconds, lean=lean):
                work.add(recall, training.course, training.until(lean=lean))
        ordered = sorted(own, key=lambda t: seconds(_alone(recall, t, len(t.course.rungs) - 1)))
        for work, chosen in ((others[1].least, ordered[0]), (others[1].most, ordered[-1])):
            for course in _confirmed(experiment, recall, chosen.course.parameters, study[1]):
                work.add(recall, course, len(course.rungs) - 1, tested=True)
    return [searched] if whole else [searched, *others]


def _add(load: Load, recall: Recall, course: Course) -> None:
    for work in (load.least, load.most):
        work.add(recall, course, len(course.rungs) - 1, tested=True)


def _begun(
    experiment: Experiment, recall: Recall, own: Sequence[Planned], seconds: Seconds, *, lean: bool
) -> Iterator[Planned]:
    """The trials of a study that begin before it is charged as much as it may be."""
    limit, charged = experiment.budget.limit, {"examples": 0.0, "device_seconds": 0.0}
    for training in own:
        if limit.reached(charged) is not None:
            return
        yield training
        until = training.until(lean=lean)
        charged["examples"] += training.course.rungs[until]
        if limit.device_seconds is not None:
            charged["device_seconds"] += seconds(_alone(recall, training, until))


def _alone(recall: Recall, training: Planned, until: int) -> Workload:
    """What a training is charged for: its work as if there were no other."""
    work = Workload()
    work.add(recall, training.course, until)
    return work


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


def _planned(
    recall: Recall, course: Course, study: tuple[str, int] | None, *, stops: bool = False
) -> Planned:
    widest = -(-int(course.padded().max()) // parts_of(course.parameters))
    return Planned(course, study, stops, structure_of(recall, course), widest)
