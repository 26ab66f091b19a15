"""Keeps an executor busy with trainings that each decide for themselves what comes next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hpo.runtime.jobs import Done, Executor, Job
from hpo.search.lanes import Condition, Lane, Training, Urgency
from hpo.search.stopping import Stopped

if TYPE_CHECKING:
    from hpo.runtime.recall import Recall

# Trainings of a lane that may be begun and wait, for a segment in another's hands or for a condition, before it begins no
# further one; as many more as there are slots.
MOST_ASIDE = 32


@dataclass(eq=False)
class _Begun:
    """A training with the job that it asks for, if it does: with the segments that must be trained for it."""

    training: Training
    lane: Lane
    job: Job | None = None
    segments: set[str] = field(default_factory=set)


class Scheduler:
    """Runs the trainings of lanes to their ends, as many jobs at once as the executor has slots.

    A free slot goes to the most urgent phase, therein to the training whose job has just ended, for its state is in a
    worker's memory; then to the job for whose segments most others wait; then to the most urgent lane. No segment is trained
    twice: a job that needs one which another job is training waits for it, and others go before it.

    Args:
        told: what each job came to.
        stopping: whether no further job is to be submitted.
    """

    def __init__(
        self,
        executor: Executor,
        recall: Recall,
        told: Callable[[Done], None],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._executor = executor
        self._recall = recall
        self._told = told
        self._stopping = stopping
        self._lanes: list[Lane] = []
        self._hands: list[_Begun] = []
        self._ready: list[_Begun] = []  # their jobs can be submitted, as far as was looked at
        self._blocked: defaultdict[str, list[_Begun]] = defaultdict(
            list
        )  # by a segment in hand that they need
        self._wanted: Counter[str] = Counter()  # by how many of both each segment
        self._waiting: defaultdict[Condition, list[_Begun]] = defaultdict(list)

    def run(self, lanes: Iterable[Lane]) -> None:
        """Run all trainings of ``lanes``.

        Raises:
            Stopped: it was to stop, and what was in hand has ended.
        """
        self._lanes = list(lanes)
        last: _Begun | None = None
        while self._fill(last):
            job, done = self._executor.next_done()
            self._recall.refuse_others(job, done)
            self._told(done)
            last = next(one for one in self._hands if one.job is job)
            self._set_aside()  # while its segments are still in hand
            self._hands.remove(last)
            last.lane.aside += 1
            trained = last.segments
            self._send(last, done)
            self._look_again(trained)

    def _fill(self, last: _Begun | None) -> bool:
        """Give every free slot a job; whether any is in hand."""
        while not self._stopping() and len(self._hands) < self._executor.slots:
            one = self._next(last)
            if one is None:
                break
            if isinstance(one, Lane):
                one.aside += 1
                self._send(_Begun(one.take(), one), None)
                self._look_again(set())
            else:
                self._submit(one)
        if self._stopping() and not self._hands:
            raise Stopped
        self._lanes = [lane for lane in self._lanes if not lane.over]
        assert self._hands or not (self._ready or self._blocked or self._waiting or self._lanes), (
            "trainings wait for each other"
        )
        return bool(self._hands)

    def _next(self, last: _Begun | None) -> _Begun | Lane | None:
        """What the next free slot is for: the job of a training, or of one that its lane begins."""
        self._set_aside()
        most = MOST_ASIDE + self._executor.slots
        opened = [lane for lane in self._lanes if lane.aside < most and lane.is_open()]

        def rank(one: _Begun | Lane) -> tuple[int, bool, int, Urgency]:
            urgency = (one if isinstance(one, Lane) else one.lane).urgency()
            segments = set() if isinstance(one, Lane) else one.segments
            others = max((self._wanted[key] - 1 for key in segments), default=0)
            return urgency.phase, one is not last, -others, urgency

        found: list[_Begun | Lane] = [*self._ready, *opened]
        return min(found, key=rank, default=None)

    def _set_aside(self) -> None:
        """Have those whose segments are in hand wait for them."""
        busy = set[str]().union(*(one.segments for one in self._hands))
        ready, self._ready = self._ready, []
        for one in ready:
            key = next((key for key in one.segments if key in busy), None)
            (self._ready if key is None else self._blocked[key]).append(one)

    def _submit(self, one: _Begun) -> None:
        assert one.job is not None
        self._ready.remove(one)
        self._wanted.subtract(one.segments)
        one.lane.aside -= 1
        self._hands.append(one)
        self._executor.submit(one.job)

    def _look_again(self, trained: set[str]) -> None:
        """Let all go on that can, now that these segments are trained and conditions may hold."""
        for one in [one for key in trained for one in self._blocked.pop(key, ())]:
            self._wanted.subtract(one.segments)
            assert one.job is not None
            known = self._ask(one, one.job)
            if known is not None:
                self._send(one, known)
        while (held := next(self._held(), None)) is not None:
            for one in self._waiting.pop(held):
                self._send(one, None)

    def _held(self) -> Iterator[Condition]:
        return (condition for condition in self._waiting if condition())

    def _send(self, one: _Begun, done: Done | None) -> None:
        """Send ``done`` to a training, and what it asks for then as far as that is known; keep what it asks for next."""
        while True:
            try:
                asked = one.training.send(done)
            except StopIteration:
                one.lane.aside -= 1
                return
            if not isinstance(asked, Job):
                one.job, one.segments = None, set()
                self._waiting[asked].append(one)
                return
            done = self._ask(one, asked)
            if done is None:
                return

    def _ask(self, one: _Begun, job: Job) -> Done | None:
        """What a job came to, if that is known; else it is ready to be submitted."""
        known = self._recall.known(job)
        if known is None:
            one.job, one.segments = job, self._recall.missing(job)
            self._wanted.update(one.segments)
            self._ready.append(one)
        return known
