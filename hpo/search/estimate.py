"""What a run will take of time, memory and disk: its trainings planned, and steps of some of them tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hpo.config.experiment import Experiment
from hpo.config.parameters import complete
from hpo.runtime.loading import GPU_SHARE, Loaded
from hpo.runtime.memory import Usage, free_memory
from hpo.runtime.parts import parts_of
from hpo.runtime.probe import Cost, Probe
from hpo.search.draws import Draws, configuration, strategy_values
from hpo.search.plan import forks
from hpo.search.workload import Stretch, Workload, stretches
from hpo.seeds import derive
from hpo.training.store import STORE_LIMIT

# Seconds after which no further training is planned, and no further structure tried; what is left is taken to be alike.
PLANNING, TRYING = 8.0, 12.0


@dataclass(frozen=True)
class Span:
    """From the least to the most."""

    low: float
    high: float


@dataclass(frozen=True)
class Unfit:
    """So many of the planned trainings, alike in batch and frozen layers, that are likely not to fit the memory."""

    batch_size: int
    frozen_layers: int
    trainings: int


@dataclass(frozen=True)
class Estimate:
    """What a run takes: the least if every other trial stops at its first rung and each search selects its cheapest
    configuration, the most if none stops and each selects its dearest.

    Attributes:
        workers: processes that train.
        steps, states: different ones that are trained, and kept.
        seconds: of training and evaluation, all workers at work.
        memory: bytes of a worker, over the planned trainings; None where the system does not tell.
        room: bytes that a worker may take.
        disk: bytes of states and hidden states, as far as the store's limit allows.
        unfit: the trainings that are likely not to fit.
        tried: seconds that planning and trying took.
    """

    workers: int
    steps: Span
    states: Span
    seconds: Span | None
    memory: Span | None
    room: float
    disk: Span | None
    unfit: tuple[Unfit, ...]
    tried: float


@dataclass(frozen=True)
class _Planned:
    """A training that is planned.

    Attributes:
        study: None for the baseline.
        stretches: of the whole training.
        widest: padded tokens of the largest part of a step.
    """

    parameters: Mapping[str, Any]
    seed: int
    study: tuple[str, int] | None
    stretches: tuple[Stretch, ...]
    widest: int

    @property
    def frozen(self) -> int:
        return int(self.parameters["frozen_layers"])


def estimate(loaded: Loaded, workers: int) -> Estimate:
    """Plan the trainings of a run and try a few steps; nothing is stored."""
    started = time.perf_counter()
    experiment = loaded.experiment
    with closing(Probe(loaded, forks(experiment))) as probe:
        most, least = Workload(), Workload()
        planned, share = _plan(experiment, probe, most, least)
        room = _room(loaded, workers)
        costs = _try(probe, planned, room)
        for add, cheapest in ((most, False), (least, True)):
            _confirm(experiment, probe, costs, planned, add, cheapest=cheapest)
        spans = _Spans(least, most, share)
        texts = _Texts(probe.recall.validation.texts.tokens, experiment.task.validation, experiment.task.test)
        limit = STORE_LIMIT if experiment.store_limit is None else experiment.store_limit
        size = loaded.pretrained.info.hidden_size
        return Estimate(
            workers=workers,
            steps=spans.of(lambda load: load.steps),
            states=spans.of(lambda load: len(load.states)),
            seconds=spans.of(lambda load: costs.seconds(load, texts) / workers) if costs.known else None,
            memory=costs.memory(planned) if probe.measured and costs.known else None,
            room=room,
            disk=spans.of(lambda load: costs.disk(load, texts, size), limit) if costs.known else None,
            unfit=costs.unfit(planned, room) if probe.measured else (),
            tried=time.perf_counter() - started,
        )


@dataclass(frozen=True)
class _Texts:
    """Tokens of the validation split, and the sizes of both splits in texts; the test split is not opened."""

    tokens: int
    validation: int
    test: int

    @property
    def tested(self) -> float:
        """Tokens of the test split, taken to be as long as those of the validation split."""
        return self.tokens * self.test / self.validation


@dataclass(frozen=True)
class _Spans:
    """``share``: how many times the planned trainings the run has."""

    least: Workload
    most: Workload
    share: float

    def of(self, what: Callable[[Workload], float], limit: float = np.inf) -> Span:
        return Span(*(min(limit, self.share * what(load)) for load in (self.least, self.most)))


class _Costs:
    """Costs by frozen layers; between those that were tried they are taken to lie on a line."""

    def __init__(self, tried: Mapping[int, Cost | None]) -> None:
        self._tried = {frozen: cost for frozen, cost in tried.items() if cost is not None}
        self._failed = {frozen for frozen, cost in tried.items() if cost is None}
        self.known = bool(self._tried)

    def of(self, frozen: int) -> Cost:
        """What trainings with so many frozen layers cost."""
        if frozen in self._tried:
            return self._tried[frozen]
        depths = sorted(self._tried)
        names = [field.name for field in fields(Cost)]
        values = {n: np.interp(frozen, depths, [getattr(self._tried[d], n) for d in depths]) for n in names}
        return Cost(**{name: float(value) for name, value in values.items()})

    def trained(self, stretches: Sequence[Stretch]) -> float:
        """Seconds of steps."""
        return sum(self.of(s.frozen).step * s.calls + self.of(s.frozen).token * s.tokens for s in stretches)

    def seconds(self, load: Workload, texts: _Texts) -> float:
        """Device-seconds of all work."""
        passed = max(cost.passed for cost in self._tried.values())
        read = texts.tokens * sum(self.of(frozen).read for frozen in load.evaluations.values())
        read += texts.tested * sum(self.of(frozen).read for frozen in load.tests)
        passes = load.passed + texts.tested * sum(stage.layers for stage in load.tested)
        return self.trained([*load.segments.values()]) + read + passed * passes

    def disk(self, load: Workload, texts: _Texts, size: int) -> float:
        """Bytes of states and of hidden states of ``size`` values of four bytes."""
        tested = sum(texts.test if stage.first_token else texts.tested for stage in load.tested) * 4 * size
        return sum(self.of(frozen).state for frozen in load.states.values()) + sum(load.lists.values()) + tested

    def memory(self, planned: Sequence[_Planned]) -> Span:
        """Bytes of a worker in the leanest training and in the largest."""
        found = [self._peak(training) for training in planned]
        return Span(min(found), max(found))

    def unfit(self, planned: Sequence[_Planned], room: float) -> tuple[Unfit, ...]:
        """The trainings that were seen not to fit or that seem to take more than there is."""
        counts: dict[tuple[int, int], int] = {}
        for training in planned:
            if training.frozen in self._failed or (self.known and self._peak(training) > room):
                kind = (int(training.parameters["batch_size"]), training.frozen)
                counts[kind] = counts.get(kind, 0) + 1
        return tuple(Unfit(*kind, trainings) for kind, trainings in sorted(counts.items(), reverse=True))

    def _peak(self, training: _Planned) -> float:
        cost = self.of(training.frozen)
        return cost.base + cost.held * training.widest


def _plan(
    experiment: Experiment, probe: Probe, most: Workload, least: Workload
) -> tuple[list[_Planned], float]:
    """Plan every trial and the baseline, as far as there is time; and how many times as many there are."""
    until = time.perf_counter() + PLANNING
    trials = len(experiment.strategies()) * experiment.budget.replicates * experiment.budget.trials
    planned: list[_Planned] = []
    for parameters, seed, study, stops in _draws(experiment):
        course = probe.recall.course(parameters, seed)
        last = len(course.rungs) - 1
        most.add(probe.recall, course, last)
        least.add(probe.recall, course, 0 if stops else last)
        widest = -(-int(course.padded().max()) // parts_of(parameters))
        planned.append(_Planned(parameters, seed, study, tuple(stretches(course)), widest))
        if time.perf_counter() > until:
            break
    share = trials / len(planned)
    if experiment.baseline is not None:
        parameters = complete(experiment.baseline)
        for replicate in range(experiment.budget.replicates):
            for index in range(experiment.confirmation.seeds):
                seed = derive(experiment.seed, "confirmation", replicate, index)
                course = probe.recall.course(parameters, seed)
                for load in (most, least):
                    load.add(probe.recall, course, len(course.rungs) - 1, tested=True)
        widest = -(-int(course.padded().max()) // parts_of(parameters))
        planned.append(_Planned(parameters, seed, None, tuple(stretches(course)), widest))
    return planned, share


def _draws(experiment: Experiment) -> Iterator[tuple[Mapping[str, Any], int, tuple[str, int], bool]]:
    """Every draw of every study in the order of the run, those that look at results as if there were none."""
    budget, values = experiment.budget, strategy_values(experiment)
    studies = {(s, r): Draws(experiment, v, r) for s, v in values.items() for r in range(budget.replicates)}
    for number in range(budget.trials):
        for replicate in range(budget.replicates):
            for strategy, value in values.items():
                drawn, _ = studies[strategy, replicate].draw(number, ())
                seed = derive(experiment.seed, "trial", replicate)
                stops = budget.pruner != "none" and number % 2 == 1
                yield configuration(experiment, value, drawn), seed, (strategy, replicate), stops


def _try(probe: Probe, planned: Sequence[_Planned], room: float) -> _Costs:
    """Try the largest training of each number of frozen layers: of the fewest, of the most, and of those between."""
    until = time.perf_counter() + TRYING
    depths = sorted({training.frozen for training in planned})
    tried: dict[int, Cost | None] = {}
    for frozen in dict.fromkeys((depths[0], depths[-1], *depths)):
        if len(tried) > 1 and time.perf_counter() > until:
            break
        largest = max((t for t in planned if t.frozen == frozen), key=lambda t: t.widest)
        tried[frozen] = probe.cost(probe.recall.course(largest.parameters, largest.seed), room)
    return _Costs(tried)


def _confirm(
    experiment: Experiment,
    probe: Probe,
    costs: _Costs,
    planned: Sequence[_Planned],
    load: Workload,
    *,
    cheapest: bool,
) -> None:
    """Add the confirmations of each study's cheapest or dearest configuration."""
    studies = dict.fromkeys(training.study for training in planned if training.study is not None)
    choose = min if cheapest else max
    for study in studies:
        own = [training for training in planned if training.study == study]
        chosen = choose(own, key=lambda t: costs.trained(t.stretches) if costs.known else 0.0)
        for index in range(experiment.confirmation.seeds):
            seed = derive(experiment.seed, "confirmation", study[1], index)
            course = probe.recall.course(chosen.parameters, seed)
            load.add(probe.recall, course, len(course.rungs) - 1, tested=True)


def _room(loaded: Loaded, workers: int) -> float:
    """Bytes that a worker may take; alone it stands in this process's place, beside others this one stays."""
    device = loaded.precision.device
    own = Usage(device).now() or 0
    free = free_memory(device) + (own if workers == 1 or device.type == "cuda" else 0)
    return free * (GPU_SHARE if device.type == "cuda" and workers > 1 else 1.0) / workers
