"""The executor with workers in processes of their own on this machine, each warm: imports, weights and data stay loaded.

The coordinator and its workers exchange JSON; states and hidden values move through the store, by key. A worker that
dies costs the segment in its hands: another takes its place and is given the job again. One that the system kills at a
job, and kills again, was most likely killed for its memory: then the job does not fit.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections import deque
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.config.experiment import Experiment
from hpo.errors import UserError
from hpo.records.schema import Frozen
from hpo.runtime.jobs import Done, Job
from hpo.training.privacy import Mechanism

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext
    from multiprocessing.process import BaseProcess

# What a worker imports, what torch and transformers import only when it is used among it.
PRELOADED = (
    "hpo.runtime.loading",
    "torch._dynamo",
    "transformers.tokenization_utils_tokenizers",
    "transformers.models.bert.modeling_bert",
)
ATTEMPTS = 3  # at one job, before its dying is told as an error
KILLS = 2  # of workers at one job, before it is taken not to fit the memory
KILLED = -9  # exit code of a process that the system ended by SIGKILL
CLOSING_SECONDS = 5.0


class Wanted(Frozen):
    """What is to be trained where.

    Attributes:
        forks: ``hpo.training.cuts.Forks``: lengths and cool-downs of the space, between which trunks are shared.
        store, room: folder and bytes of the store.
        mechanism: of private trainings; None: there is none.
    """

    experiment: Experiment
    device: str | None
    forks: tuple[tuple[float, float], ...]
    store: Path
    room: int
    mechanism: Mechanism | None = None


class Setup(Wanted):
    """What a worker process is told at its start. ``threads``: of the process; ``share``: part of the device that it has."""

    threads: int
    share: float


class Answer(Frozen):
    """What a worker process sends back: what the job came to, or the error that its user can mend."""

    done: Done | None = None
    message: str = ""
    hint: str = ""


@dataclass
class _Process:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    attempts: int = 0
    kills: int = 0
    training: tuple[str, int] | None = None  # of its last job: what it may still have in memory

    def end(self) -> None:
        """Close the pipe, by which the process dies where it did not before."""
        self.pipe.close()
        self.process.join()


class ProcessExecutor:
    """``count`` worker processes, started at once; each loads the experiment while the coordinator does.

    Args:
        setup: of every worker.
    """

    def __init__(self, setup: Setup, count: int) -> None:
        self.slots = count
        self._setup = setup
        self._test_is_open = False
        self._given_up: deque[tuple[Job, Done]] = deque()
        self._workers = [self._start() for _ in range(count)]

    def submit(self, job: Job) -> None:
        training = (str(sorted(job.parameters.items())), job.seed)
        idle = [w for w in self._workers if w.job is None]
        worker = next((w for w in idle if w.training == training), idle[0])
        worker.job, worker.training, worker.attempts, worker.kills = job, training, 0, 0
        self._send(worker)

    def next_done(self) -> tuple[Job, Done]:
        while not self._given_up:
            busy = {w.pipe: w for w in self._workers if w.job is not None}
            assert busy, "nothing was submitted"
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                try:
                    answer = Answer.model_validate_json(worker.pipe.recv_bytes())
                except (EOFError, OSError):
                    worker.end()
                    worker.kills += worker.process.exitcode == KILLED
                    self._replace(worker)
                    continue
                if answer.done is None:
                    raise UserError(answer.message, answer.hint)
                job, worker.job = worker.job, None
                assert job is not None
                if answer.done.out_of_memory is not None:
                    self._renew(worker)  # a heap in pieces holds less than a fresh one
                return job, answer.done
        return self._given_up.popleft()

    def open_test(self) -> None:
        self._test_is_open = True
        for worker in self._workers:
            with contextlib.suppress(OSError):  # one that died idle is replaced, and told, at its next job
                worker.pipe.send_bytes(b"open test")

    def close(self) -> None:
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join(0.0 if worker.job else CLOSING_SECONDS)
            if worker.process.is_alive():
                worker.process.terminate()
                worker.process.join()

    def _start(self) -> _Process:
        context = _context()
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True, name="hpo-worker")
        process.start()
        theirs.close()
        ours.send_bytes(self._setup.model_dump_json().encode())
        if self._test_is_open:
            ours.send_bytes(b"open test")
        return _Process(process, ours)

    def _send(self, worker: _Process) -> None:
        assert worker.job is not None
        worker.attempts += 1
        try:
            worker.pipe.send_bytes(worker.job.model_dump_json().encode())
        except OSError:
            self._replace(worker)

    def _replace(self, worker: _Process) -> None:
        """Start another process in the place of a dead one and give it the job again, unless it seems not to fit."""
        worker.end()
        if worker.attempts >= ATTEMPTS and worker.kills < KILLS:
            raise UserError(
                f"a worker died {ATTEMPTS} times at the same job (exit code {worker.process.exitcode})",
                "Give the command again with fewer --workers if memory ran out; it goes on where it stopped.",
            )
        self._renew(worker)
        if worker.kills >= KILLS:
            assert worker.job is not None
            done = Done(out_of_memory="the worker was killed, most likely for memory")
            self._given_up.append((worker.job, done))
            worker.job = None
            return
        self._send(worker)

    def _renew(self, worker: _Process) -> None:
        """Start another process in the place of this one."""
        worker.end()
        fresh = self._start()
        worker.process, worker.pipe = fresh.process, fresh.pipe


def start_server() -> None:
    """Start the process from which workers are forked, before this one imports torch: both import at once."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        _context()
        forkserver.ensure_running()


def _context() -> ForkServerContext | SpawnContext:
    """How worker processes begin: from a server that has imported torch once where there is such, else each anew."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def serve(pipe: Connection) -> None:
    """The worker process: one setup, then jobs, until the coordinator closes the pipe or is gone."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends Ctrl-C to all; the coordinator decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    inbox = _Inbox(pipe)
    try:
        work(Setup.model_validate_json(inbox.next()), inbox, pipe)
    except UserError as error:
        inbox.next()  # the answer to the first job
        pipe.send_bytes(Answer(message=error.message, hint=error.hint).model_dump_json().encode())


def work(setup: Setup, inbox: _Inbox, pipe: Connection) -> None:
    """Load once, then do jobs."""
    from hpo.runtime.loading import load
    from hpo.runtime.memory import offer_to_be_killed
    from hpo.training.store import Store

    offer_to_be_killed()
    loaded = load(setup.experiment, setup.device, setup.threads, setup.share, setup.mechanism)
    recall = loaded.recall(Store(setup.store, setup.room), setup.forks, setup.share)
    worker = loaded.worker(recall, setup.share)
    while True:
        message = inbox.next()
        if message == b"open test":
            recall.open_test(loaded.test_sets)
            continue
        try:
            answer = Answer(done=worker.do(Job.model_validate_json(message)))
        except UserError as error:
            answer = Answer(message=error.message, hint=error.hint)
        pipe.send_bytes(answer.model_dump_json().encode())


class _Inbox:
    """What comes through a pipe, read by a thread, so that the end of the coordinator ends the worker in mid-segment."""

    def __init__(self, pipe: Connection) -> None:
        import queue

        self._messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._pipe = pipe
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> bytes:
        """The next message; waits for it."""
        return self._messages.get()

    def _read(self) -> None:
        while True:
            try:
                self._messages.put(self._pipe.recv_bytes())
            except (EOFError, OSError):
                os._exit(0)  # nothing is lost: what is stored is whole, and nobody waits for the rest
