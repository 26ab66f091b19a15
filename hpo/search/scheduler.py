"""Keeps an executor busy with trainings that each decide for themselves what comes next."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field

from hpo.runtime.jobs import Done, Executor, Job
from hpo.runtime.recall import Recall

# A training: it yields a job and is sent what that came to, or yields a condition and is sent None when it holds.
Training = Generator[Job | Callable[[], bool], Done | None, None]
MOST_BEGUN = (
    64  # trainings begun and not ended: those that wait for a segment in another's hands are not many
)


@dataclass
class _Begun:
    """A training with what it waits for: a condition, or its job to be submitted or done."""

    training: Training
    condition: Callable[[], bool] | None = None
    job: Job | None = None
    segments: set[str] = field(default_factory=set)
    submitted: bool = False


class Scheduler:
    """Runs trainings to their ends, as many jobs at once as the executor has slots.

    A training goes on where it is; else the first in order goes first. No segment is trained twice: a job that needs one
    which another job is training waits for it, and later trainings go before it.
    """

    def __init__(self, executor: Executor, recall: Recall, told: Callable[[Done], None]) -> None:
        self._executor = executor
        self._recall = recall
        self._told = told

    def run(self, trainings: Iterable[Training]) -> None:
        """Run all of ``trainings``."""
        waiting = iter(trainings)
        begun: list[_Begun] = []
        while self._go_on(begun, waiting):
            job, done = self._executor.next_done()
            self._recall.refuse_others(job, done)
            self._told(done)
            owner = next(b for b in begun if b.submitted and b.job is job)
            owner.submitted = False
            self._send(owner, done, begun)
            if owner in begun:  # before all others, so that its state is still in the worker's memory
                self._move(owner, begun)

    def _go_on(self, begun: list[_Begun], waiting: Iterator[Training]) -> bool:
        """Do all that needs no waiting; whether a job is in hand."""
        moved = True
        while moved:
            moved = False
            for one in list(begun):
                moved = self._move(one, begun) or moved
            free = self._executor.slots - sum(b.submitted for b in begun)
            if free and not moved and len(begun) < MOST_BEGUN:
                training = next(waiting, None)
                if training is not None:
                    one = _Begun(training)
                    begun.append(one)
                    self._send(one, None, begun)
                    moved = True
        in_hand = any(b.submitted for b in begun)
        assert in_hand or not begun, "trainings wait for each other"
        return in_hand

    def _move(self, one: _Begun, begun: list[_Begun]) -> bool:
        """Let one training go on, if it can: by its condition, by what is known, or by submitting its job."""
        if one.submitted:
            return False
        if one.job is None:
            known, ready = None, one.condition is not None and one.condition()
        else:
            known = self._recall.known(one.job)
            ready = known is not None
        if ready:
            self._send(one, known, begun)
            return True
        return one.job is not None and self._submit(one, one.job, begun)

    def _submit(self, one: _Begun, job: Job, begun: list[_Begun]) -> bool:
        """Submit a job, unless all slots are taken or another job in hand trains a segment that it needs."""
        in_hand = [b for b in begun if b.submitted]
        if len(in_hand) >= self._executor.slots:
            return False
        one.segments = self._recall.missing(job)
        if any(one.segments & other.segments for other in in_hand):
            return False
        one.submitted = True
        self._executor.submit(job)
        return True

    def _send(self, one: _Begun, done: Done | None, begun: list[_Begun]) -> None:
        """Send ``done`` to a training and keep what it asks for next."""
        one.condition, one.job = None, None
        try:
            asked = one.training.send(done)
        except StopIteration:
            begun.remove(one)
            return
        if isinstance(asked, Job):
            one.job = asked
        else:
            one.condition = asked
