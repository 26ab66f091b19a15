"""The executor with workers in processes of their own on this machine, each warm: imports, weights and data stay loaded.

The coordinator and its workers exchange JSON; states and hidden values move through the store, by key. What becomes of a
worker that dies or hangs stands in ``attempts.py``.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from hpo.errors import UserError
from hpo.pulse import progressed
from hpo.runtime.attempts import BEAT_SECONDS, Hand, Lost, WorkersExecutor
from hpo.runtime.kills import memory_kills
from hpo.runtime.placement import cards
from hpo.runtime.serving import Answer, Beat, Order, Server, Setup, failure

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
KILLED = -9  # exit code of a process that was ended by SIGKILL
CLOSING_SECONDS = 5.0
_MESSAGE: TypeAdapter[Answer | Beat] = TypeAdapter(Answer | Beat)


@dataclass(eq=False, kw_only=True)
class _Process(Hand):
    """A worker process. ``kills``: of processes by the system for memory, before it had the order in hand."""

    process: BaseProcess
    pipe: Connection
    device: str | None
    kills: int | None

    def end(self, *, at_once: bool) -> None:
        """End it, also where it is stopped; by closing its pipe, unless ``at_once``."""
        self.pipe.close()
        self.process.join(0.0 if at_once else CLOSING_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class ProcessExecutor(WorkersExecutor[_Process]):
    """``count`` worker processes, started at once; each loads the experiment while the coordinator does.

    Args:
        setup: of every worker; where its device stands for several GPUs, these are theirs in turn.
    """

    def __init__(self, setup: Setup, count: int) -> None:
        super().__init__()
        self.slots = count
        self._setup = setup
        turns = cards(setup.device) or (setup.device,)
        self._workers = [self._start(turns[number % len(turns)]) for number in range(count)]

    def close(self) -> None:
        for worker in self._workers:
            worker.pipe.close()
        late = time.monotonic() + CLOSING_SECONDS  # for all of them together
        for worker in self._workers:
            worker.end(at_once=worker.task is not None or time.monotonic() > late)

    def _hear(self, seconds: float) -> list[tuple[_Process, Answer | Beat | Lost]]:
        pipes = {worker.pipe: worker for worker in self._workers}
        ready = wait(list(pipes), seconds)
        return [(worker, self._read(worker)) for pipe, worker in pipes.items() if pipe in ready]

    def _read(self, worker: _Process) -> Answer | Beat | Lost:
        try:
            return _MESSAGE.validate_json(worker.pipe.recv_bytes())
        except (EOFError, OSError):
            return self._gone(worker)

    def _send(self, worker: _Process, order: Order) -> Lost | None:
        worker.kills = memory_kills()
        try:
            worker.pipe.send_bytes(order.model_dump_json().encode())
        except OSError:
            return self._gone(worker)
        return None

    def _gone(self, worker: _Process) -> Lost:
        """How a worker whose pipe is closed ended."""
        worker.pipe.close()
        worker.process.join(CLOSING_SECONDS)
        code = worker.process.exitcode
        return Lost(killed=code == KILLED and _killed_since(worker.kills), how=f"exit code {code}")

    def _renew(self, worker: _Process, *, lost: Lost | None) -> None:
        worker.end(at_once=lost is not None)
        fresh = self._start(worker.device)
        worker.process, worker.pipe, worker.kills = fresh.process, fresh.pipe, fresh.kills

    def _start(self, device: str | None) -> _Process:
        context, kills = _context(), memory_kills()
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True, name="hpo-worker")
        process.start()
        theirs.close()
        setup = self._setup.model_copy(update={"device": device})
        with suppress(OSError):  # it is gone already: heard as of any worker, by the end of its pipe
            ours.send_bytes(setup.model_dump_json().encode())
        return _Process(process=process, pipe=ours, device=device, kills=kills)


def _killed_since(before: int | None) -> bool:
    """Whether the system has killed a process for memory since it had killed so many; True where it does not tell."""
    now = memory_kills()
    return before is None or now is None or now > before


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
    """The worker process: one setup, then orders, until the coordinator closes the pipe or is gone."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends Ctrl-C to all; the coordinator decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    inbox, outbox = _Inbox(pipe), _Outbox(pipe)
    try:
        server = Server(Setup.model_validate_json(inbox.next()))
    except UserError as error:
        outbox.send(failure(Order.model_validate_json(inbox.next()), error))
        return
    while True:
        outbox.send(server.answer(Order.model_validate_json(inbox.next())))


class _Outbox:
    """What goes through a pipe: answers, and beats from a thread."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, message: Answer | Beat) -> None:
        """Send one message whole."""
        with self._lock:
            self._pipe.send_bytes(message.model_dump_json().encode())

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            with suppress(OSError):  # the coordinator is gone, and so is this process in a moment
                self.send(Beat(progress=progressed()))


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
