"""What executors with workers outside of the coordinator's process have in common.

Each order has a number of its own, and an answer counts where it bears the number of the order in hand: what an earlier
attempt answers late is dropped, and what it wrote bears the name of its content. A worker that is lost costs the segment
in its hands, which is given again; one that had none in its hands costs no job an attempt. A worker that hangs is ended,
and lost.
"""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hpo.errors import UserError
from hpo.runtime.jobs import Done, Job
from hpo.runtime.serving import Answer, Beat, Order

ATTEMPTS = 3  # at one job, before its losses are told as an error
KILLS = 2  # of workers at one job, before it is taken not to fit the memory
BEAT_SECONDS = 5.0  # between two signs of life of a worker, and two looks at it
# A worker with a job in hand hangs if for so long it gave no sign of life, as a frozen process or machine does, ...
SILENT_SECONDS = 120.0
# ... or if for so long it lived and ended no step, no batch and no load, however long the whole job takes.
STUCK_SECONDS = 1800.0


@dataclass
class Task:
    """A job with what happened to it. ``kills``: workers that the system killed at it."""

    job: Job
    attempts: int = 0
    kills: int = 0


class Watch:
    """How long a worker was silent, and how long it made no progress: as long as the coordinator was there to listen.

    A machine that slept, and a coordinator that was stopped or long at work, accuse no worker.
    """

    def __init__(self) -> None:
        self._silent, self._stuck, self._progress = 0.0, 0.0, -1

    def heard(self, progress: int) -> None:
        """It lives, and has ended so many units of work."""
        self._silent = 0.0
        if progress != self._progress:
            self._stuck, self._progress = 0.0, progress

    def listened(self, seconds: float) -> None:
        """The coordinator listened for so long, whether it heard something or not."""
        self._silent += seconds
        self._stuck += seconds

    def hangs(self) -> str | None:
        """Why the worker is taken to hang, or None."""
        if self._silent >= SILENT_SECONDS:
            return f"it gave no sign of life for {self._silent:.0f} s"
        if self._stuck >= STUCK_SECONDS:
            return f"it ended no step for {self._stuck:.0f} s"
        return None


@dataclass(eq=False, kw_only=True)
class Hand:
    """A worker as the coordinator knows it.

    Attributes:
        attempt: number of the order in hand, or of the last one.
        training: of its last job: what it may still have in memory.
        idle_losses: how often it was lost with no job in hand since it answered last.
    """

    task: Task | None = None
    attempt: int = 0
    training: tuple[str, int] | None = None
    watch: Watch = field(default_factory=Watch)
    idle_losses: int = 0


@dataclass(frozen=True)
class Lost:
    """A worker is gone.

    Attributes:
        killed: by the system, most likely for memory.
        how: for the user.
        place: the machine where it was is gone as well.
    """

    killed: bool
    how: str
    place: bool = False


WorkerT = TypeVar("WorkerT", bound=Hand)


class WorkersExecutor(ABC, Generic[WorkerT]):
    """Gives jobs to workers, and again where one is lost."""

    def __init__(self) -> None:
        self._workers: list[WorkerT] = []
        self._waiting: deque[Task] = deque()
        self._ended: deque[tuple[Job, Done]] = deque()
        self._numbers = itertools.count(1)
        self._test_is_open = False

    def submit(self, job: Job) -> None:
        self._waiting.append(Task(job))
        self._hand_out()

    def next_done(self) -> tuple[Job, Done]:
        while not self._ended:
            assert self._waiting or any(w.task for w in self._workers), "nothing was submitted"
            before = time.monotonic()
            for worker, message in self._hear(BEAT_SECONDS):
                self._take(worker, message)
            self._end_hung(min(time.monotonic() - before, BEAT_SECONDS))
            self._hand_out()
        return self._ended.popleft()

    def open_test(self) -> None:
        self._test_is_open = True  # told with the next order

    @abstractmethod
    def _hear(self, seconds: float) -> Sequence[tuple[WorkerT, Answer | Beat | Lost]]:
        """What workers tell, with a job in hand or not, as soon as one does, or nothing after so many seconds."""

    @abstractmethod
    def _send(self, worker: WorkerT, order: Order) -> Lost | None:
        """Send an order; Lost where the worker turns out to be gone."""

    @abstractmethod
    def _renew(self, worker: WorkerT, *, lost: Lost | None) -> None:
        """End this worker, or what is left of it where it was lost, and start another where there is a place for one."""

    def _take(self, worker: WorkerT, message: Answer | Beat | Lost) -> None:
        if isinstance(message, Lost):
            self._lose(worker, message)
        elif isinstance(message, Beat):
            worker.watch.heard(message.progress)
        elif worker.task is not None and message.attempt == worker.attempt:
            self._end(worker, worker.task, message)

    def _end(self, worker: WorkerT, task: Task, answer: Answer) -> None:
        if answer.done is None:
            raise UserError(answer.message, answer.hint)
        worker.task, worker.idle_losses = None, 0
        self._ended.append((task.job, answer.done))
        if answer.done.out_of_memory is not None:
            self._renew(worker, lost=None)  # a heap in pieces holds less than a fresh one

    def _hand_out(self) -> None:
        """Give the tasks that wait to idle workers, each to the one that has its training in memory where there is one."""
        while self._waiting:
            idle = [w for w in self._workers if w.task is None]
            if not idle:
                return
            task = self._waiting.popleft()
            training = (str(sorted(task.job.parameters.items())), task.job.seed)
            worker = next((w for w in idle if w.training == training), idle[0])
            order = Order(attempt=next(self._numbers), job=task.job, test_is_open=self._test_is_open)
            lost = self._send(worker, order)
            if lost is not None:  # before it had the job, which has no part in that
                self._waiting.appendleft(task)
                self._lose(worker, lost)
                continue
            worker.task, worker.training = task, training
            worker.attempt, worker.watch = order.attempt, Watch()
            task.attempts += 1

    def _lose(self, worker: WorkerT, lost: Lost) -> None:
        """Have another worker in place of a lost one, and give its job again, unless that seems not to fit."""
        task, worker.task, worker.training = worker.task, None, None
        self._renew(worker, lost=lost)
        if task is None:
            worker.idle_losses += 1
            if worker.idle_losses >= ATTEMPTS:
                raise _lost_again("with no job in hand", lost)
            return
        task.kills += lost.killed
        if task.kills >= KILLS:
            self._ended.append(
                (task.job, Done(out_of_memory="the worker was killed, most likely for memory"))
            )
        elif task.attempts >= ATTEMPTS:
            raise _lost_again("at the same job", lost)
        else:
            self._waiting.appendleft(task)

    def _end_hung(self, listened: float) -> None:
        for worker in list(self._workers):
            if worker.task is not None:
                worker.watch.listened(listened)
                why = worker.watch.hangs()
                if why is not None:
                    self._lose(worker, Lost(killed=False, how=why))


def _lost_again(when: str, lost: Lost) -> UserError:
    return UserError(
        f"a worker was lost {ATTEMPTS} times {when} ({lost.how})",
        "Give the command again with fewer --workers if memory ran out; it goes on where it stopped.",
    )
