"""The scheduler with trainings and an executor written out here: a training is a list of named segments."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any, cast

import pytest

from hpo.records.trainings import Segment
from hpo.runtime.jobs import Done, Job
from hpo.search import scheduler as module
from hpo.search.lanes import Lane, Training
from hpo.search.scheduler import Scheduler
from hpo.search.stopping import Stopped


def job(*segments: str) -> Job:
    return Job(parameters={"segments": segments}, seed=0, rung=0)


def segments_of(asked: Job) -> list[str]:
    return list(asked.parameters["segments"])


def done_of(asked: Job) -> Done:
    return Done(segments=tuple(Segment(key=k, examples=1, steps=1, seconds=1.0) for k in segments_of(asked)))


class Known:
    """In place of a recall: knows what the executor has trained."""

    def __init__(self) -> None:
        self.segments: set[str] = set()

    def known(self, asked: Job) -> Done | None:
        return done_of(asked) if self.segments.issuperset(segments_of(asked)) else None

    def missing(self, asked: Job) -> set[str]:
        return set(segments_of(asked)) - self.segments

    def refuse_others(self, asked: Job, done: Done) -> None:
        assert done == done_of(asked)


class Slots:
    """An executor whose jobs end in an order drawn at random."""

    def __init__(self, slots: int, known: Known, seed: int = 0) -> None:
        self.slots = slots
        self.submitted: list[Job] = []
        self.trained: list[str] = []  # one entry a training of a segment
        self.most = 0
        self._known = known
        self._hands: list[Job] = []
        self._random = random.Random(seed)

    def submit(self, asked: Job) -> None:
        self._hands.append(asked)
        self.submitted.append(asked)
        self.most = max(self.most, len(self._hands))
        assert self.most <= self.slots

    def next_done(self) -> tuple[Job, Done]:
        ended = self._hands.pop(self._random.randrange(len(self._hands)))
        new = [key for key in segments_of(ended) if key not in self._known.segments]
        self.trained += new
        self._known.segments.update(new)
        return ended, done_of(ended)

    def open_test(self) -> None: ...

    def close(self) -> None: ...


class Stage:
    """A scheduler with all that it is given, and what it did."""

    def __init__(self, slots: int, seed: int = 0) -> None:
        self.known = Known()
        self.executor = Slots(slots, self.known, seed)
        self.told: list[Done] = []
        self.ended: list[str] = []
        self.scheduler = Scheduler(self.executor, cast(Any, self.known), self.told.append)

    def training(self, name: str, *asks: Job | Callable[[], bool]) -> Training:
        """Asks for one thing after another; each job must be answered by what it came to."""
        for ask in asks:
            answer = yield ask
            if isinstance(ask, Job):
                assert answer is not None
                assert [s.key for s in answer.segments] == segments_of(ask)
            else:
                assert answer is None
                assert ask()
        self.ended.append(name)


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
def test_all_trainings_end_and_no_slot_has_two_jobs(slots: int) -> None:
    stage = Stage(slots)
    trainings = [
        stage.training(str(n), *(job(*(f"{n}/{i}" for i in range(last + 1))) for last in range(3)))
        for n in range(9)
    ]
    stage.scheduler.run([Lane(trainings)])
    assert sorted(stage.ended) == [str(n) for n in range(9)]
    assert stage.executor.most == slots
    assert len(stage.told) == len(stage.executor.submitted) == 27
    assert len(stage.executor.trained) == len(set(stage.executor.trained)) == 27


def test_with_one_slot_trainings_go_one_after_another_in_their_order() -> None:
    stage = Stage(1)
    stage.scheduler.run([Lane(stage.training(name, job(name + "1"), job(name + "2")) for name in "abc")])
    assert [segments_of(asked) for asked in stage.executor.submitted] == [
        [name + number] for name in "abc" for number in "12"
    ]
    assert stage.ended == ["a", "b", "c"]


def test_a_training_is_begun_only_when_there_is_a_slot_for_it() -> None:
    stage = Stage(2)
    begun: list[str] = []

    def training(name: str) -> Training:
        begun.append(name)
        assert len(begun) - len(stage.ended) <= 2
        yield job(name)
        stage.ended.append(name)

    stage.scheduler.run([Lane(training(name) for name in "abcdef")])
    assert begun == list("abcdef")


def test_what_is_known_is_recalled_and_not_submitted() -> None:
    stage = Stage(2)
    stage.known.segments |= {"a", "b"}
    stage.scheduler.run([Lane([stage.training("x", job("a"), job("a", "b"), job("a", "b", "c"))])])
    assert [segments_of(asked) for asked in stage.executor.submitted] == [["a", "b", "c"]]
    assert len(stage.told) == 1
    assert stage.ended == ["x"]


def test_any_number_of_known_evaluations_is_recalled_in_turn() -> None:
    """More than a stack is deep: a long training that is taken up again."""
    stage = Stage(1)
    names = [str(n) for n in range(2 * sys.getrecursionlimit())]
    stage.known.segments |= set(names)
    stage.scheduler.run([Lane([stage.training("long", *map(job, names), job("new"))])])
    assert [segments_of(asked) for asked in stage.executor.submitted] == [["new"]]
    assert stage.ended == ["long"]


def test_a_segment_in_anothers_hands_is_waited_for_and_then_recalled_while_later_trainings_go_on() -> None:
    stage = Stage(2)
    stage.scheduler.run(
        [
            Lane(
                [
                    stage.training("first", job("shared")),
                    stage.training("same", job("shared")),
                    stage.training("other", job("own")),
                ]
            )
        ]
    )
    assert [segments_of(asked) for asked in stage.executor.submitted] == [["shared"], ["own"]]
    assert sorted(stage.executor.trained) == ["own", "shared"]
    assert sorted(stage.ended) == ["first", "other", "same"]


@pytest.mark.parametrize("seed", range(20))
def test_no_segment_is_trained_twice_whatever_ends_first(seed: int) -> None:
    """Trainings that share trunks of random lengths, as cool-downs do."""
    chance = random.Random(seed)
    slots = chance.randint(1, 5)
    stage = Stage(slots, seed)
    trainings, all_segments = [], set()
    for n in range(30):
        trunk, cut = chance.randrange(3), chance.randint(0, 4)
        segments = [f"trunk{trunk}/{i}" for i in range(cut)]
        segments += [f"own{chance.randrange(20)}/{trunk}/{cut}"] * (chance.random() < 0.8)
        all_segments |= set(segments)
        asks = [job(*segments[: i + 1]) for i in range(len(segments))]
        trainings.append(stage.training(str(n), *asks))
    stage.scheduler.run([Lane(trainings)])
    assert len(stage.ended) == 30
    assert sorted(stage.executor.trained) == sorted(all_segments)


def test_a_condition_is_waited_for_and_others_go_on() -> None:
    stage = Stage(2)
    stage.scheduler.run(
        [
            Lane(
                [
                    stage.training("first", job("a"), job("b")),
                    stage.training("after", lambda: "first" in stage.ended, job("c")),
                    stage.training("free", job("d")),
                ]
            )
        ]
    )
    order = [segments_of(asked)[0] for asked in stage.executor.submitted]
    assert order.index("c") > order.index("b")
    assert set(order) == set("abcd")
    assert order.index("d") < order.index("c")


def test_chains_of_conditions_hold_in_the_order_of_their_study() -> None:
    stage = Stage(4)

    def study(name: str) -> list[Training]:
        return [
            stage.training(
                f"{name}{n}", lambda n=n: n == 0 or f"{name}{n - 1}" in stage.ended, job(f"{name}{n}")
            )
            for n in range(6)
        ]

    studies = [study(name) for name in "xyz"]
    stage.scheduler.run([Lane(training for step in zip(*studies, strict=True) for training in step)])
    for name in "xyz":
        assert [e for e in stage.ended if e[0] == name] == [f"{name}{n}" for n in range(6)]
    assert stage.executor.most == 3


def test_trainings_that_ask_for_nothing_end_at_once() -> None:
    stage = Stage(1)
    stage.scheduler.run(
        [Lane([stage.training("empty"), stage.training("one", job("a")), stage.training("none")])]
    )
    assert sorted(stage.ended) == ["empty", "none", "one"]
    stage.scheduler.run([Lane([])])
    assert len(stage.told) == 1


def test_those_that_wait_are_not_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ASIDE", 3)
    stage = Stage(2)
    begun: list[int] = []

    def waiting(n: int) -> Training:
        begun.append(n)
        assert len(begun) - len(stage.ended) <= 3 + 2
        yield lambda: "first" in stage.ended
        stage.ended.append(str(n))

    stage.scheduler.run(
        [Lane([stage.training("first", job("a"), job("b")), *(waiting(n) for n in range(20))])]
    )
    assert len(stage.ended) == 21


def test_trainings_that_wait_for_each_other_are_a_bug_that_is_told() -> None:
    stage = Stage(2)
    with pytest.raises(AssertionError, match="wait for each other"):
        stage.scheduler.run([Lane([stage.training("never", lambda: False)])])


@pytest.mark.parametrize("slots", [1, 3])
def test_one_that_is_to_stop_awaits_what_is_in_hand_and_begins_nothing_more(slots: int) -> None:
    stage = Stage(slots)
    stopping = False

    def tell(done: Done) -> None:
        nonlocal stopping
        stage.told.append(done)
        stopping = len(stage.told) >= 4

    stage.scheduler = Scheduler(stage.executor, cast(Any, stage.known), tell, lambda: stopping)
    trainings = (stage.training(str(n), *(job(f"{n}/{i}") for i in range(3))) for n in range(9))
    with pytest.raises(Stopped):
        stage.scheduler.run([Lane(trainings)])
    assert len(stage.told) == len(stage.executor.submitted) == 4 + slots - 1
    assert next(trainings, None) is not None


def test_one_that_is_to_stop_from_the_first_begins_nothing() -> None:
    stage = Stage(2)
    stage.scheduler = Scheduler(stage.executor, cast(Any, stage.known), stage.told.append, lambda: True)
    with pytest.raises(Stopped):
        stage.scheduler.run([Lane([stage.training("x", job("a"))])])
    assert stage.executor.submitted == []


def test_an_error_of_the_executor_ends_the_run() -> None:
    stage = Stage(1)

    def fail() -> tuple[Job, Done]:
        raise OSError("no more")

    stage.executor.next_done = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no more"):
        stage.scheduler.run([Lane([stage.training("x", job("a"))])])
