"""What a run will take of time, memory and disk: its trainings planned, and steps of some of them tried."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields

import numpy as np

from hpo.runtime.loading import GPU_SHARE, Loaded
from hpo.runtime.memory import Usage, free_memory
from hpo.runtime.probe import Cost, Probe
from hpo.search.foresight import Load, Planned, plan_baseline, plan_confirmations, plan_trials
from hpo.search.plan import forks
from hpo.search.workload import Stretch, Workload
from hpo.training.store import STORE_LIMIT

TRYING = 12.0  # seconds after which no further structure is tried: what is left is taken to lie between


@dataclass(frozen=True)
class Span:
    """From the least to the most (``hpo.search.foresight.Load``)."""

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
    """What a run takes.

    Attributes:
        workers: processes that train.
        steps, states: different ones that are trained, and kept.
        seconds: of training and evaluation, all workers at work; None where no step could be taken.
        memory: bytes of a worker, over the planned trainings; None where the system does not tell, too.
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


def estimate(loaded: Loaded, workers: int) -> Estimate:
    """Plan the trainings of a run and try a few steps; nothing is stored."""
    started = time.perf_counter()
    experiment, room = loaded.experiment, _room(loaded, workers)
    with closing(Probe(loaded, forks(experiment))) as probe:
        recall, measured = probe.recall, probe.measured
        planned, trials = plan_trials(experiment, recall)
        baseline, fixed = plan_baseline(experiment, recall, trials)
        costs = _Costs(_try(probe, [*planned, *baseline], room))
        confirmed = plan_confirmations(experiment, recall, planned, trials, costs.trained)
        texts = _Texts(recall.validation.texts.tokens, experiment.task.validation, experiment.task.test)
    loads, every = (trials, fixed, confirmed), (*planned, *baseline)
    limit = STORE_LIMIT if experiment.store_limit is None else experiment.store_limit
    size = loaded.pretrained.info.hidden_size
    return Estimate(
        workers=workers,
        steps=_span(loads, lambda load: load.steps),
        states=_span(loads, lambda load: len(load.states)),
        seconds=_span(loads, lambda load: costs.seconds(load, texts) / workers) if costs.known else None,
        memory=costs.memory(every) if measured and costs.known else None,
        room=room,
        disk=_span(loads, lambda load: costs.disk(load, texts, size), limit) if costs.known else None,
        unfit=costs.unfit(every, room) if measured else (),
        tried=time.perf_counter() - started,
    )


def _span(loads: Sequence[Load], what: Callable[[Workload], float], limit: float = np.inf) -> Span:
    different = {id(load): load for load in loads}.values()
    low = sum(load.share * what(load.least) for load in different)
    high = sum(load.share * what(load.most) for load in different)
    return Span(min(limit, low), min(limit, high))


@dataclass(frozen=True)
class _Texts:
    """Tokens of the validation split, and the sizes of both splits in texts; the test split is not opened."""

    tokens: int
    validation: int
    test: int

    @property
    def tested(self) -> float:
        """Tokens of the test split, whose texts are taken to be as long as those of the validation split."""
        return self.tokens * self.test / self.validation


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
        """Seconds of steps; 0 where none could be taken."""
        if not self.known:
            return 0.0
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

    def memory(self, planned: Sequence[Planned]) -> Span:
        """Bytes of a worker in the leanest training and in the largest."""
        found = [self._peak(training) for training in planned]
        return Span(min(found), max(found))

    def unfit(self, planned: Sequence[Planned], room: float) -> tuple[Unfit, ...]:
        """The trainings that were seen not to fit or that seem to take more than there is."""
        counts: dict[tuple[int, int], int] = {}
        for training in planned:
            if training.frozen in self._failed or (self.known and self._peak(training) > room):
                kind = (int(training.parameters["batch_size"]), training.frozen)
                counts[kind] = counts.get(kind, 0) + 1
        return tuple(Unfit(*kind, trainings) for kind, trainings in sorted(counts.items(), reverse=True))

    def _peak(self, training: Planned) -> float:
        cost = self.of(training.frozen)
        return cost.base + cost.held * training.widest


def _try(probe: Probe, planned: Sequence[Planned], room: float) -> dict[int, Cost | None]:
    """Try the largest training of each number of frozen layers: of the fewest, of the most, and of those between."""
    until = time.perf_counter() + TRYING
    depths = sorted({training.frozen for training in planned})
    tried: dict[int, Cost | None] = {}
    for frozen in dict.fromkeys((depths[0], depths[-1], *depths)):
        if len(tried) > 1 and time.perf_counter() > until:
            break
        largest = max((t for t in planned if t.frozen == frozen), key=lambda t: t.widest)
        tried[frozen] = probe.cost(probe.recall.course(largest.parameters, largest.seed), room)
    return tried


def _room(loaded: Loaded, workers: int) -> float:
    """Bytes that a worker may take: alone it stands in this process's place, beside others this one stays."""
    device = loaded.precision.device
    own = Usage(device).now() or 0
    free = free_memory(device) + (own if workers == 1 or device.type == "cuda" else 0)
    return free * (GPU_SHARE if device.type == "cuda" and workers > 1 else 1.0) / workers
