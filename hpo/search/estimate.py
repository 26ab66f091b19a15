"""What a run will take of time, memory and disk: its trainings planned, and steps of some of them tried."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hpo.config.experiment import Experiment
from hpo.config.parameters import Value
from hpo.runtime.loading import GPU_SHARE, Loaded
from hpo.runtime.memory import Usage, free_memory
from hpo.runtime.probe import Cost, Probe
from hpo.search.foresight import Load, Planned, loads, plan_baseline, plan_trials
from hpo.search.plan import forks
from hpo.search.workload import COSTLY, Structure, Workload
from hpo.training.prefixes import ARRAYS_KEPT
from hpo.training.store import STORE_LIMIT

TRYING = 12.0  # seconds after which no further structure is tried: what is left is taken to lie between


@dataclass(frozen=True)
class Span:
    """Between the leanest and the largest run (``hpo.search.foresight.Load``)."""

    low: float
    high: float


@dataclass(frozen=True)
class Unfit:
    """So many of the planned trainings, alike in their batch and in those parameters of ``COSTLY`` that differ in the
    space, that are likely not to fit the memory."""

    parameters: Mapping[str, Value]
    trainings: int


@dataclass(frozen=True)
class Estimate:
    """What a run takes.

    Attributes:
        workers: processes that train.
        steps, states: different ones that are trained, and kept.
        seconds: of training and evaluation, all workers at work; None where no step could be taken.
        memory: bytes of a worker, over the planned trainings; None where the system does not tell, too.
        room: bytes that a worker may take.
        disk: bytes of states and hidden states, as far as the store's limit allows.
        store_limit: that, in bytes.
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
    store_limit: int
    unfit: tuple[Unfit, ...]
    tried: float


def estimate(loaded: Loaded, workers: int) -> Estimate:
    """Plan the trainings of a run and try a few steps; nothing is stored."""
    started = time.perf_counter()
    experiment, room = loaded.experiment, _room(loaded, workers)
    with closing(Probe(loaded, forks(experiment))) as probe:
        recall, measured = probe.recall, probe.measured
        planned, baseline = plan_trials(experiment, recall), plan_baseline(experiment, recall)
        every = [*planned, *baseline[:1]]  # all of the baseline are alike
        costs = _Costs(_try(probe, every, room), workers)
        work = loads(experiment, recall, planned, baseline, costs.seconds)
    limit = STORE_LIMIT if experiment.store_limit is None else experiment.store_limit
    return Estimate(
        workers=workers,
        steps=_span(work, lambda load: load.steps),
        states=_span(work, lambda load: len(load.states)),
        seconds=_span(work, costs.seconds, _most_seconds(experiment)) if costs.known else None,
        memory=costs.memory(every, _kept_open(work)) if measured and costs.known else None,
        room=room,
        disk=_span(work, costs.disk, limit) if costs.known else None,
        store_limit=limit,
        unfit=costs.unfit(every, room) if measured else (),
        tried=time.perf_counter() - started,
    )


def _most_seconds(experiment: Experiment) -> float:
    """That the run may take in all."""
    total = experiment.budget.total_limit
    return min(s for s in (total.device_seconds, total.wall_seconds, np.inf) if s is not None)


def _span(loads: Sequence[Load], what: Callable[[Workload], float], limit: float = np.inf) -> Span:
    least = sum(load.share * what(load.least) for load in loads)
    most = sum(load.share * what(load.most) for load in loads)
    # What takes the least time may take the most disk.
    return Span(min(limit, least, most), min(limit, max(least, most)))


class _Costs:
    """Costs by structure; those that were not tried are taken to lie between those that were, by their work.

    Args:
        workers: among which the device is shared.
    """

    def __init__(self, tried: Mapping[Structure, Cost | None], workers: int) -> None:
        self._workers = workers
        self._tried = {structure: cost for structure, cost in tried.items() if cost is not None}
        self._failed = {structure for structure, cost in tried.items() if cost is None}
        self._ascending = sorted(self._tried, key=lambda structure: structure.work)
        self.known = bool(self._tried)

    def of(self, structure: Structure) -> Cost:
        """What trainings of a structure cost."""
        if structure not in self._tried:
            work = [tried.work for tried in self._ascending]
            costs = [self._tried[tried] for tried in self._ascending]
            names = [field.name for field in fields(Cost)]
            values = {n: np.interp(structure.work, work, [getattr(cost, n) for cost in costs]) for n in names}
            return Cost(**{name: float(value) for name, value in values.items()})
        return self._tried[structure]

    def seconds(self, load: Workload) -> float:
        """Seconds of the whole device for all work; 0 where no step could be taken."""
        if not self.known:
            return 0.0
        costs = [(self.of(stretch.structure), stretch) for stretch in load.segments.values()]
        trained = sum(cost.step * stretch.calls + cost.token * stretch.tokens for cost, stretch in costs)
        read = sum(self.of(structure).read * tokens for structure, tokens in load.evaluations.values())
        passed = sum(self._passed(model) * tokens for model, tokens in load.passed.items())
        return (trained + read + passed) / self._workers

    def _passed(self, model: Value | None) -> float:
        """Seconds of a token in a frozen layer of a model; 0 where no structure that reads hidden states was tried."""
        return max((cost.passed for of, cost in self._tried.items() if of.model == model), default=0.0)

    def disk(self, load: Workload) -> float:
        """Bytes of states and of hidden states."""
        return sum(self.of(structure).state for structure in load.states.values()) + sum(load.lists.values())

    def memory(self, planned: Sequence[Planned], kept: float) -> Span:
        """Bytes of a worker in the leanest training, and in the largest while it keeps hidden states of ``kept`` bytes."""
        found = [self.of(training.structure).peak(training.widest) for training in planned]
        return Span(min(found), max(found) + kept)

    def unfit(self, planned: Sequence[Planned], room: float) -> tuple[Unfit, ...]:
        """The trainings that were seen not to fit or that seem to take more than there is, the largest batches first."""
        told = _differing(planned)
        counts: Counter[tuple[tuple[str, Any], ...]] = Counter()
        for training in planned:
            failed = training.structure in self._failed
            if failed or (self.known and self.of(training.structure).peak(training.widest) > room):
                counts[
                    tuple((n, training.course.parameters[n]) for n in told if n in training.course.parameters)
                ] += 1
        ordered = sorted(counts.items(), key=lambda found: dict(found[0])["batch_size"], reverse=True)
        return tuple(Unfit(dict(parameters), trainings) for parameters, trainings in ordered)


def _kept_open(loads: Sequence[Load]) -> float:
    """Bytes of the largest lists of hidden states, as many as a worker keeps at hand."""
    sizes = {key: size for load in loads for key, size in load.most.lists.items()}
    return sum(sorted(sizes.values())[-ARRAYS_KEPT:])


def _differing(planned: Sequence[Planned]) -> list[str]:
    """The batch size, and what of ``COSTLY`` is not the same in all trainings."""
    names = [n for n in COSTLY if len({training.course.parameters.get(n) for training in planned}) > 1]
    return ["batch_size", *names]


def _try(probe: Probe, planned: Sequence[Planned], room: float) -> dict[Structure, Cost | None]:
    """Try the largest training of each structure: of the most work, of the least, and of those between."""
    until = time.perf_counter() + TRYING
    largest: dict[Structure, Planned] = {}
    for training in planned:
        other = largest.setdefault(training.structure, training)
        if training.widest > other.widest:
            largest[training.structure] = training
    order = sorted(largest, key=lambda structure: -structure.work)
    tried: dict[Structure, Cost | None] = {}
    for structure in dict.fromkeys((order[0], order[-1], *order)):
        if len(tried) > 1 and time.perf_counter() > until:
            break
        tried[structure] = probe.cost(largest[structure].course, room)
    return tried


def _room(loaded: Loaded, workers: int) -> float:
    """Bytes that a worker may take: alone it stands in this process's place, beside others this one stays."""
    device = loaded.precision.device
    own = Usage(device).now() or 0
    free = free_memory(device) + (own if workers == 1 or device.type == "cuda" else 0)
    return free * (GPU_SHARE if device.type == "cuda" and workers > 1 else 1.0) / workers
