"""Workers that sleep in place of training: any number of them, threads of one process beside the coordinator.

The coordinator speaks to them as to worker processes, in JSON through a pipe; each has what it knows to itself.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import threading
import time
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from queue import SimpleQueue

from benchmarks.pretended import Pretender
from hpo.runtime.engine import Engine
from hpo.runtime.jobs import Done, Job
from hpo.runtime.loading import Loaded, load
from hpo.runtime.serving import Wanted
from hpo.training.store import Store


@dataclass(frozen=True)
class Slept:
    """One job that ended at ``at``, of which its worker slept so many seconds."""

    at: float
    seconds: float


class Sleepers:
    """An executor of ``count`` workers.

    Args:
        mean: seconds of a segment; each takes half of that to one and a half times that.

    Attributes:
        slept: of every job that ended.
        waited: seconds in which the coordinator had nothing to do but to wait.
        began: moment of the first job.
    """

    def __init__(self, wanted: Wanted, count: int, mean: float) -> None:
        self.slots = count
        self.slept: list[Slept] = []
        self.waited = 0.0
        self.began: float | None = None
        self._jobs: dict[int, Job] = {}
        self._submitted = 0
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        given = (theirs, wanted.model_dump_json(), count, mean)
        self._process = context.Process(target=serve, args=given, daemon=True)
        self._process.start()
        theirs.close()

    def submit(self, job: Job) -> None:
        if self.began is None:
            self._pipe.recv_bytes()  # all is loaded
            self.began = time.perf_counter()
        self._submitted += 1
        self._jobs[self._submitted] = job
        self._pipe.send_bytes(f"{self._submitted} {job.model_dump_json()}".encode())

    def next_done(self) -> tuple[Job, Done]:
        before = time.perf_counter()
        message = self._pipe.recv_bytes()
        now = time.perf_counter()
        self.waited += now - before
        number, _, answer = message.partition(b" ")
        done = Done.model_validate_json(answer)
        self.slept.append(Slept(now, done.seconds["train"]))
        return self._jobs.pop(int(number)), done

    def open_test(self) -> None:
        self._pipe.send_bytes(b"open test")

    def close(self) -> None:
        self._process.terminate()
        self._process.join()


class SleepingEngine(Engine):
    """The engine of a run whose workers sleep."""

    def __init__(self, wanted: Wanted, count: int, mean: float) -> None:
        super().__init__(wanted, workers=1, width=1)
        self.workers, self.threads = count, 1  # as in the process of the sleepers: keys depend on it
        self.sleepers = Sleepers(wanted, count, mean)

    def begin(self, loaded: Loaded) -> None:
        super().begin(loaded)
        self.executor = self.sleepers

    def close(self) -> None:
        self.sleepers.close()


def serve(pipe: Connection, setup: str, count: int, mean: float) -> None:
    """The process of the workers, until it is ended."""
    wanted = Wanted.model_validate(json.loads(setup))
    loaded = load(wanted.experiment, wanted.device, 1, mechanism=wanted.mechanism)
    host = _Host(pipe, wanted, loaded, mean)
    for _ in range(count):
        threading.Thread(target=host.work, daemon=True).start()
    host.listen()


class _Host:
    def __init__(self, pipe: Connection, wanted: Wanted, loaded: Loaded, mean: float) -> None:
        self._pipe, self._wanted, self._loaded = pipe, wanted, loaded
        self._took = partial(seconds_of, mean)
        self._jobs: SimpleQueue[tuple[bytes, Job]] = SimpleQueue()
        self._answering = threading.Lock()
        self._test_is_open = False

    def listen(self) -> None:
        self._pipe.send_bytes(b"loaded")
        while True:
            message = self._pipe.recv_bytes()
            if message == b"open test":
                self._test_is_open = True
            else:
                number, _, job = message.partition(b" ")
                self._jobs.put((number, Job.model_validate_json(job)))

    def work(self) -> None:
        """One worker."""
        wanted = self._wanted
        recall = self._loaded.recall(Store(wanted.store, wanted.room), wanted.forks)
        pretender = Pretender(recall, self._took)
        while True:
            number, job = self._jobs.get()
            if self._test_is_open:
                recall.open_test(self._loaded.test_sets)
            time.sleep(sum(map(self._took, recall.missing(job))))
            answer = pretender.do(job).model_dump_json().encode()
            with self._answering:
                self._pipe.send_bytes(number + b" " + answer)


def seconds_of(mean: float, key: str) -> float:
    """Seconds of a segment: from half the mean to one and a half times it, the same whenever it is asked for."""
    share = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32
    return mean * (0.5 + share)


def busy(slept: list[Slept], count: int, begin: float, end: float) -> float:
    """Share of the time between two moments in which ``count`` workers slept."""
    within = (max(0.0, min(s.at, end) - max(s.at - s.seconds, begin)) for s in slept)
    return sum(within) / (count * (end - begin))
