"""``python -m benchmarks.order``: how long the shipped comparisons would take in two orders, by a clock that is simulated.

The scheduler and the order are the real ones; trainings only take time. A strategy's trainings take the time that is assumed
of it below, times a factor of its own for each (log-normal, deviation 0.3); a pruner lets the share through that its
reduction factor says. Nothing is shared among trainings here, so that the order alone makes the difference.
"""

from __future__ import annotations

import heapq
import random
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from hpo.cli.spaces import open_spaces
from hpo.config.experiment import Experiment
from hpo.records.trainings import Confirmation, Segment, Trial
from hpo.runtime.jobs import Done, Job
from hpo.search.draws import waits
from hpo.search.endings import judged_by
from hpo.search.lanes import Condition, Lane, Training, Urgency
from hpo.search.order import Order
from hpo.search.plan import make_plan
from hpo.search.scheduler import Scheduler
from hpo.search.trials import State

# Time of a full training of a strategy to that of the first one of its space, where they are not taken to be alike.
ASSUMED: Mapping[str, tuple[float, ...]] = {
    "frozen_layers": (1.0, 0.67, 0.31, 0.01),
    "what_to_train": (1.0, 0.31, 0.01, 0.8),
    "choosing_a_model": (1.0, 0.5, 6.0),
}
SPACES = ("lr_schedules", "frozen_layers", "what_to_train", "choosing_a_model")
SLOW = 5.0  # times that the first strategy takes where one is slow
SLOTS = (2, 8)
RUNS = 10


class Clock:
    """An executor whose jobs take the time of their segments that nobody trained; it goes from end to end of jobs."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.now = self.busy = 0.0
        self.trained: set[str] = set()
        self._hands: list[tuple[float, int, Job]] = []
        self._submitted = 0

    def submit(self, job: Job) -> None:
        seconds = sum(s for key, s in job.parameters["segments"] if key not in self.trained)
        self._submitted += 1
        self.busy += seconds
        heapq.heappush(self._hands, (self.now + seconds, self._submitted, job))
        assert len(self._hands) <= self.slots

    def next_done(self) -> tuple[Job, Done]:
        self.now, _, job = heapq.heappop(self._hands)
        self.trained |= {key for key, _ in job.parameters["segments"]}
        return job, done_of(job)

    def open_test(self) -> None: ...

    def close(self) -> None: ...

    def known(self, job: Job) -> Done | None:
        """As of ``hpo.runtime.recall.Recall``."""
        return None if self.missing(job) else done_of(job)

    def refuse_others(self, job: Job, done: Done) -> None:
        """As of ``hpo.runtime.recall.Recall``: every job is what was asked for."""

    def missing(self, job: Job) -> set[str]:
        """As of ``hpo.runtime.recall.Recall``."""
        return {key for key, _ in job.parameters["segments"]} - self.trained


def done_of(job: Job) -> Done:
    """What a simulated job comes to."""
    segments = (Segment(key=k, examples=1, steps=1, seconds=s) for k, s in job.parameters["segments"])
    return Done(segments=tuple(segments))


@dataclass
class Comparison:
    """A comparison that is simulated.

    Args:
        times: of a full training of each strategy; of the baseline that of the slowest.
        seed: of the factors and of what is pruned.
        total: whether draws wait as those of a run with a total budget do, which this never reaches.
    """

    experiment: Experiment
    times: tuple[float, ...]
    seed: int
    total: bool = False
    ended: dict[tuple[str, int], int] = field(default_factory=dict)
    watching: Order | None = None

    def __post_init__(self) -> None:
        plan = make_plan(self.experiment)
        ends = [rung / plan.rungs[-1] for rung in plan.rungs]
        self.shares = [end - start for start, end in zip((0.0, *ends), ends, strict=False)]
        self.time = dict(zip(self.experiment.strategies(), self.times, strict=True))
        replicates = range(self.experiment.budget.replicates)
        self.studies = [(s, r) for r in replicates for s in self.experiment.strategies()]
        self.ended = dict.fromkeys(self.studies, 0)

    def trial(self, study: tuple[str, int], number: int) -> Training:
        """One draw, and what is told of it."""
        chance = random.Random(f"{self.seed} {study} {number}")  # noqa: S311 - no secret
        budget, name = self.experiment.budget, f"{study} {number}"
        factor = chance.lognormvariate(0.0, 0.3)
        segments: list[tuple[str, float]] = []
        state: State = "complete"
        for rung, share in enumerate(self.shares):
            segments.append((f"{name} {rung}", share * factor * self.time[study[0]]))
            yield Job(parameters={"segments": list(segments)}, seed=0, rung=rung)
            last = rung == len(self.shares) - 1
            if not last and budget.pruner != "none" and chance.random() > 1 / budget.reduction_factor:
                state = "pruned"
                break
        self.ended[study] += 1
        if self.watching is not None:
            self.watching.trial(self._record(study, number, state, sum(s for _, s in segments)))

    def confirmation(self, study: tuple[str, int], index: int) -> Training:
        """One seed of one study, or of the baseline."""
        chance = random.Random(f"{self.seed} confirm {study} {index}")  # noqa: S311 - no secret
        time = self.time.get(study[0], max(self.times)) * chance.lognormvariate(0.0, 0.3)
        segments = [(f"confirm {study} {index} {rung}", s * time) for rung, s in enumerate(self.shares)]
        for rung in range(len(segments)):
            if rung == len(segments) - 1:
                yield self.over
            yield Job(parameters={"segments": segments[: rung + 1]}, seed=0, rung=rung)
        if self.watching is not None:
            self.watching.confirmation(
                Confirmation(
                    role="strategy" if study[0] in self.time else "baseline",
                    strategy=study[0],
                    replicate=study[1],
                    index=index,
                    parameters={},
                    test_score=0.0,
                    charged=time,
                )
            )

    def over(self) -> bool:
        """Whether all searches are."""
        return all(number >= self.experiment.budget.trials for number in self.ended.values())

    def lane(self, study: tuple[str, int]) -> Iterator[Training | Condition]:
        """A study and its confirmations."""
        trials = self.experiment.budget.trials
        for number in range(trials):
            if waits(self.experiment, number):
                yield partial(self._has_ended, study, number)
            if self.total and number:
                yield partial(self._have_ended, judged_by(number))
            yield self.trial(study, number)
        yield partial(self._has_ended, study, trials)
        for index in range(self.experiment.confirmation.seeds):
            yield self.confirmation(study, index)

    def baseline(self) -> Iterator[Training]:
        """The baseline's confirmations."""
        for index in range(self.experiment.confirmation.seeds):
            for replicate in range(self.experiment.budget.replicates):
                yield self.confirmation(("baseline", replicate), index)

    def _has_ended(self, study: tuple[str, int], number: int) -> bool:
        return self.ended[study] >= number

    def _have_ended(self, number: int) -> bool:
        return min(self.ended.values()) >= number

    def _record(self, study: tuple[str, int], number: int, state: State, seconds: float) -> Trial:
        return Trial(
            strategy=study[0],
            replicate=study[1],
            draw=number,
            parameters={},
            state=state,
            reason="simulated",
            score=None,
            charged=seconds,
        )


def by_order(comparison: Comparison, clock: Clock) -> list[Lane]:
    """Lanes as a run has them."""
    order = Order(comparison.experiment, clock.slots, [], lambda _: None)
    comparison.watching = order
    lanes = [Lane(comparison.lane(s), partial(order.urgency, *s)) for s in comparison.studies]
    if comparison.experiment.baseline is not None:
        lanes.append(Lane(comparison.baseline(), order.urgency_of_baseline))
    return lanes


def in_turn(comparison: Comparison, clock: Clock) -> list[Lane]:  # noqa: ARG001 - as the other
    """Draws by their number over all studies, then confirmations, the baseline's first, whatever they take."""
    trials = comparison.experiment.budget.trials

    def urgency(place: int, study: tuple[str, int]) -> Urgency:
        ended = comparison.ended[study]
        return Urgency(0, ended + place / 1e6) if ended < trials else Urgency(1, place + 1.0)

    lanes = [Lane(comparison.lane(s), partial(urgency, n, s)) for n, s in enumerate(comparison.studies)]
    if comparison.experiment.baseline is not None:
        lanes.append(Lane(comparison.baseline(), partial(Urgency, 1, 0.0)))
    return lanes


def makespan(
    comparison: Comparison, slots: int, lanes_of: Callable[[Comparison, Clock], list[Lane]]
) -> tuple[float, float]:
    """How long a comparison takes, and the share of that in which its workers are busy."""
    clock = Clock(slots)
    scheduler = Scheduler(clock, cast(Any, clock), lambda _: None)
    scheduler.run(lanes_of(comparison, clock))
    return clock.now, clock.busy / clock.now / slots


def times_of(name: str, experiment: Experiment, *, slow: bool) -> tuple[float, ...]:
    """Time of a full training of each strategy of a shipped space."""
    times = ASSUMED.get(name, (1.0,) * len(experiment.strategies()))
    return (times[0] * SLOW, *times[1:]) if slow else times


def by_trials(name: str) -> Experiment:
    """A shipped comparison whose searches end by their numbers of trials alone, as simulated ones do."""
    experiment = open_spaces(name, None)[0].experiment
    return experiment.model_copy(
        update={"budget": experiment.budget.model_copy(update={"device_seconds": None})}
    )


def ratios(name: str, slots: int, *, slow: bool, runs: int = RUNS) -> list[tuple[float, float, float]]:
    """Of each simulated run: the time by order to that in turn, and how busy workers are in turn and by order."""
    experiment = by_trials(name)
    times = times_of(name, experiment, slow=slow)
    found = []
    for seed in range(runs):
        before, busy_before = makespan(Comparison(experiment, times, seed), slots, in_turn)
        after, busy_after = makespan(Comparison(experiment, times, seed), slots, by_order)
        found.append((after / before, busy_before, busy_after))
    return found


def with_total(name: str, slots: int, *, slow: bool, runs: int = RUNS) -> list[float]:
    """Of each simulated run: the time with a total to that without, both by order."""
    experiment = by_trials(name)
    times = times_of(name, experiment, slow=slow)
    found = []
    for seed in range(runs):
        before, _ = makespan(Comparison(experiment, times, seed), slots, by_order)
        after, _ = makespan(Comparison(experiment, times, seed, total=True), slots, by_order)
        found.append(after / before)
    return found


def main() -> None:
    """Print the table of ``docs/order.md``."""
    heads = (
        "space",
        "slow strategy",
        "workers",
        "time, by order to in turn",
        "worst run",
        "busy in turn",
        "busy by order",
        "time, with a total to without",
    )
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for name in SPACES:
        for slow in (False, True):
            for slots in SLOTS:
                found = ratios(name, slots, slow=slow)
                mean, before, after = (statistics.mean(column) for column in zip(*found, strict=True))
                total = statistics.mean(with_total(name, slots, slow=slow))
                worst = max(ratio for ratio, *_ in found)
                row = (name, "yes" if slow else "no", str(slots), f"{mean:.3f}", f"{worst:.3f}")
                print(f"| {' | '.join(row)} | {before:.0%} | {after:.0%} | {total:.3f} |", flush=True)


if __name__ == "__main__":
    main()
