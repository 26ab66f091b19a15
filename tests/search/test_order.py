"""The order of trainings: how urgent each study is, what is said of it, and how long simulated comparisons take."""

from __future__ import annotations

import statistics
from typing import Any, cast

import pytest

from benchmarks.order import Clock, Comparison, by_order, in_turn, makespan, ratios
from hpo.cli.spaces import open_spaces
from hpo.config.experiment import Experiment
from hpo.records.trainings import Confirmation, Segment, Trial
from hpo.search.lanes import Lane
from hpo.search.order import CONFIRM, RECORDED, SEARCH, Order, rule
from hpo.search.scheduler import Scheduler
from tests.search.search_space import experiment

WORK = cast(Any, None)  # which training begins is of no matter


def told(strategy: str, replicate: int, draw: int, seconds: float, state: str = "complete") -> Trial:
    return Trial(
        strategy=strategy,
        replicate=replicate,
        draw=draw,
        parameters={},
        state=cast(Any, state),
        reason="as told",
        score=None,
        segments=(Segment(key=f"{strategy}{replicate}{draw}", examples=128, steps=8, seconds=seconds),),
    )


def order_of(asked: Experiment, slots: int = 2, recorded: int = 0) -> tuple[Order, list[str]]:
    said: list[str] = []
    known = [("linear", 0, draw) for draw in range(recorded)]
    return Order(asked, slots, known, said.append), said


def test_searches_that_would_end_last_go_first_and_one_of_which_nothing_is_known_before_them() -> None:
    order, _ = order_of(experiment())
    order.trial(told("linear", 0, 0, 2.0))
    order.trial(told("linear", 1, 0, 3.0))
    order.trial(told("linear", 1, 1, 5.0))
    assert order.urgency("linear", 2) < order.urgency("linear", 1)
    for study in (("linear", 2), *(("cosine_with_restarts", r) for r in range(3))):
        order.trial(told(*study, 0, 1.0))
    # Of four trials each 6, 8, 3, 3, 3 and 3 seconds are left, 13 for each of two workers.
    assert order.urgency("linear", 1) == (SEARCH, 2)
    alone, _ = order_of(experiment(), slots=6)
    for study, seconds in ((("linear", 0), 2.0), (("linear", 1), 3.0), (("linear", 2), 1.0)):
        alone.trial(told(*study, 0, seconds))
    for replicate in range(3):
        alone.trial(told("cosine_with_restarts", replicate, 0, 1.0))
    assert alone.urgency("linear", 1) == (SEARCH, -3.0 * 3)
    assert alone.urgency("linear", 0) == (SEARCH, 1)  # 6 of 9 seconds: it will not be among the last


def test_what_ends_a_search_by_its_cost_tells_how_much_is_left() -> None:
    order, _ = order_of(experiment(budget={"device_seconds": 10.0, "trials": 100}))
    for replicate in range(3):
        order.trial(told("cosine_with_restarts", replicate, 0, 9.9))
        order.trial(told("linear", replicate, 0, 4.0 if replicate == 0 else 9.9))
    assert order.urgency("linear", 0) == (SEARCH, -6.0)
    order.trial(told("linear", 0, 1, 7.0))
    assert order.urgency("linear", 0).phase == CONFIRM


def test_trials_that_are_recorded_come_first_and_confirmations_last_the_baseline_before_others() -> None:
    order, _ = order_of(experiment(), recorded=2)
    assert order.urgency("linear", 0) == (RECORDED, 0)
    for draw in range(4):
        order.trial(told("linear", 0, draw, 2.0, "complete" if draw else "pruned"))
    after, baseline = order.urgency("linear", 0), order.urgency_of_baseline()
    assert after == (CONFIRM, -2.0)
    assert order.urgency("linear", 1) < baseline < after
    told_of = Confirmation.model_construct(role="baseline", strategy="baseline", replicate=0, charged=0.5)
    order.confirmation(told_of)
    assert order.urgency_of_baseline() == (CONFIRM, -0.5 * 2)  # of one seed in three replicates


def test_a_search_that_all_others_await_is_named_once_and_so_is_the_end_of_the_searches() -> None:
    order, said = order_of(experiment(budget={"pruner": "median"}))
    order.started(WORK)
    order.started(WORK)
    assert said == [f"order: {rule(experiment(budget={'pruner': 'median'}))}"]
    studies = [(s, r) for r in range(3) for s in ("linear", "cosine_with_restarts")]
    for draw in range(2):
        for strategy, replicate in studies:
            order.trial(
                told(strategy, replicate, draw, 30.0 if (strategy, replicate) == ("linear", 1) else 1.0)
            )
    assert len(said) == 2
    assert said[1].startswith(
        "order: linear, replicate 1 first: it has 86% of the work that searches have left"
    )
    for draw in (2, 3):
        for strategy, replicate in studies:
            order.trial(told(strategy, replicate, draw, 1.0))
    assert said[2:] == [
        "order: no search is awaited by all others any longer: first those that would end last",
        "order: all searches are over: confirmations, those with most work left first",
    ]


def test_draws_that_do_not_wait_hold_nobody_up() -> None:
    order, said = order_of(experiment(budget={"pruner": "none", "sampler": "random"}))
    order.started(WORK)
    for strategy in ("linear", "cosine_with_restarts"):
        for replicate in range(3):
            order.trial(told(strategy, replicate, 0, 50.0 if replicate == 0 else 1.0))
    assert len(said) == 1
    assert "draws of each side by side" in said[0]


@pytest.mark.parametrize("space", ["lr_schedules", "frozen_layers", "what_to_train"])
def test_a_shipped_comparison_takes_no_longer_than_in_turn(space: str) -> None:
    """On the average of simulated runs, to the noise of what their trials happen to take."""
    for slots in (2, 8):
        assert statistics.mean(ratio for ratio, *_ in ratios(space, slots, slow=False, runs=4)) < 1.02


def test_a_comparison_with_a_slow_strategy_ends_earlier_than_in_turn() -> None:
    found = [ratio for ratio, *_ in ratios("lr_schedules", 8, slow=True, runs=8)]
    assert statistics.mean(found) < 0.98


def test_no_comparison_ends_before_its_longest_search_and_the_work_of_its_workers_allow() -> None:
    asked = open_spaces("lr_schedules", None)[0].experiment
    for lanes in (by_order, in_turn):
        comparison = Comparison(asked, (1.0,) * 5, seed=3)
        clock = Clock(4)
        Scheduler(clock, cast(Any, clock), lambda _: None).run(lanes(comparison, clock))
        assert clock.now >= clock.busy / 4
        assert comparison.over()
        assert makespan(Comparison(asked, (1.0,) * 5, seed=3), 4, lanes) == (
            clock.now,
            clock.busy / clock.now / 4,
        )


class Straggler(Clock):
    """Its first job ends when no other is in hand any more."""

    def submit(self, job: Any) -> None:
        super().submit(job)
        if self._submitted == 1:
            self.first: Any = job
            self._hands = [(float("inf"), 0, job)]


@pytest.mark.parametrize("slots", [2, 8, 64])
def test_a_job_that_does_not_end_holds_up_nothing_that_does_not_hang_on_it(slots: int) -> None:
    asked = open_spaces("lr_schedules", None)[0].experiment
    comparison = Comparison(asked, (1.0,) * 5, seed=1)
    clock = Straggler(slots)
    ended: list[dict[tuple[str, int], int]] = []
    lanes = by_order(comparison, clock)
    whole = clock.next_done

    def next_done() -> Any:
        if len(clock._hands) == 1 and not ended:
            ended.append(dict(comparison.ended))
            clock._hands = [(clock.now, 0, clock.first)]
        return whole()

    clock.next_done = next_done  # type: ignore[method-assign]
    Scheduler(clock, cast(Any, clock), lambda _: None).run(lanes)
    alone = ended[0]
    assert sorted(alone.values()) == [0] + [4] * 24, "all searches but the one that it is of are over"
    assert comparison.over()


def test_many_slots_are_filled_from_lanes_in_which_much_waits() -> None:
    """The draws of a lane share a trunk that one of them trains while the others wait; then all go on at once."""
    clock = Clock(64)

    def training(lane: int, draw: int) -> Any:
        yield job_of((f"trunk {lane}", 5.0))
        yield job_of((f"trunk {lane}", 5.0), (f"own {lane} {draw}", 1.0))

    def trainings(lane: int) -> Any:
        return (training(lane, draw) for draw in range(40))

    Scheduler(clock, cast(Any, clock), lambda _: None).run([Lane(trainings(lane)) for lane in range(16)])
    assert clock.now == 5 + 16 * 40 / 64


def job_of(*segments: tuple[str, float]) -> Any:
    from hpo.runtime.jobs import Job

    return Job(parameters={"segments": list(segments)}, seed=0, rung=0)
