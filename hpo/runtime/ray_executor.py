"""The executor on a Ray cluster: an actor for each slot, warm as a process is; Ray itself gives nothing again.

Ray places nothing either: the coordinator chooses a node that is alive and has a slot free. It takes a worker for lost
when Ray says so, when its node is no longer listed as alive, or when it hangs.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hpo.errors import UserError
from hpo.records.schema import DeviceInfo
from hpo.runtime.attempts import BEAT_SECONDS, Hand, Lost, WorkersExecutor
from hpo.runtime.jobs import Done, Job
from hpo.runtime.loading import cores
from hpo.runtime.parcels import pack, take
from hpo.runtime.placement import Layout, Node, Quarantine, choose, lay_out
from hpo.runtime.ray_cluster import RayCluster
from hpo.runtime.ray_worker import Hello, RayWorker, versions
from hpo.runtime.recall import Recall
from hpo.runtime.serving import Answer, Beat, Order, Setup, Wanted
from hpo.training.precision import Precision
from hpo.training.private_files import make_file, make_folder

START_SECONDS = (
    300.0  # for a worker to say what it is: it imports torch, from a disk that all may read at once
)
LEAVE_SECONDS = 10.0  # for workers to remove what they have on their machines
NOBODY_SECONDS = 600.0  # without any worker, while nodes may come back
# Of what Ray says of a dead actor: that its machine is gone, and that the system killed it, most likely for memory.
_NODE_DIED = ("node has died", "node died", "node is dead", "node was terminated", "unschedulable")
_KILLED = ("out-of-memory", "oom", "sigkill")


@dataclass(eq=False, kw_only=True)
class _Actor(Hand):
    """A worker: first it is to say what it is, by ``hello``; then it takes orders.

    Attributes:
        begun: when it was started.
        shares: whether it sees the coordinator's store.
        held: names of states in the store of its own, where it does not.
    """

    handle: Any
    node: Node
    hello: Any
    begun: float
    answer: Any = None
    beat: Any = None
    asked: float = 0.0  # when for a beat
    shares: bool = True
    held: set[str] = field(default_factory=set)


class RayExecutor(WorkersExecutor[_Actor]):
    """Workers on the nodes of a cluster.

    Args:
        workers: how many; None: one for each GPU, else for each CPU, no more than trainings at once.
        width: trainings that can go on at once.

    Attributes:
        share: part of a device that each worker has.
        threads: of each worker.
        precision: with which all of them compute; nodes that compute otherwise have none.
        recall: what the coordinator knows, from which states go to workers that do not see its store; set before a job is.

    Raises:
        UserError: there is no Ray, no cluster, or none of its nodes can train.
    """

    threads = 1
    recall: Recall

    def __init__(self, wanted: Wanted, workers: int | None, width: int) -> None:
        super().__init__()
        self._starting: list[_Actor] = []
        self._quarantine = Quarantine()
        self._unfit: set[str] = set()
        self._shunned = ""
        self._notes: list[str] = []
        self._worked = time.monotonic()  # when there was a worker last
        self._listed: tuple[float, list[Node]] = (0.0, [])
        self._device: DeviceInfo | None = None
        self._cluster = RayCluster(max(workers or 0, cores()))
        self._ray = self._cluster.ray
        store = wanted.store.resolve()
        self._probe = _make_probe(store)
        try:
            self._layout = self._lay_out(wanted.device, workers, width)
            self.share = self._layout.share
            fields = {name: getattr(wanted, name) for name in Wanted.model_fields}
            fields |= {"device": self._layout.kind, "store": store}
            setup = Setup(**fields, threads=self.threads, share=self.share)
            self._setup = setup.model_dump_json().encode()
            self._fill()
            self.precision = self._first()
        except BaseException:
            self.close()
            raise

    @property
    def slots(self) -> int:
        """Workers that there are, or begin."""
        return max(1, len(self._workers) + len(self._starting))

    def next_done(self) -> tuple[Job, Done]:
        job, done = super().next_done()
        notes, self._notes = tuple(self._notes), []
        return job, done.model_copy(update={"warnings": (*done.warnings, *notes)}) if notes else done

    def close(self) -> None:
        idle = [actor for actor in self._workers if actor.task is None and not actor.shares]
        self._ready_all([actor.handle.leave.remote() for actor in idle])
        for actor in (*self._workers, *self._starting):
            self._kill(actor)
        self._workers, self._starting = [], []
        self._probe[0].unlink(missing_ok=True)
        self._cluster.close()

    def _lay_out(self, device: str | None, workers: int | None, width: int) -> Layout:
        layout = lay_out(self._nodes(), device, workers, width)
        if layout is None:
            raise UserError(
                f"no node of the cluster lends what --device {device or 'cpu'} needs",
                "Start nodes with --num-cpus or --num-gpus above 0: `hpo cluster` prints how.",
            )
        return layout

    def _first(self) -> Precision:
        """Wait until a worker said what it is: the others are to be like it."""
        while self._device is None:
            self._welcome(self._ready([actor.hello for actor in self._starting], BEAT_SECONDS))
            self._fill()
            self._refuse_nobody()
        return Precision(torch.device(self._layout.kind), self._device)

    def _hear(self, seconds: float) -> list[tuple[_Actor, Answer | Beat | Lost]]:
        lost = self._on_lost_nodes()
        if lost:
            return lost
        self._fill()
        self._refuse_nobody()
        busy = [actor for actor in self._workers if actor.task is not None]
        self._ask_for_beats(busy)
        refs = [ref for actor in busy for ref in (actor.answer, actor.beat) if ref is not None]
        ready = self._ready([*refs, *(actor.hello for actor in self._starting)], seconds)
        self._welcome(ready)
        return [told for actor in busy for told in self._told(actor, ready)]

    def _told(self, actor: _Actor, ready: set[Any]) -> list[tuple[_Actor, Answer | Beat | Lost]]:
        """What is there of an actor's beat and answer."""
        told: list[tuple[_Actor, Answer | Beat | Lost]] = []
        if actor.beat in ready:
            count = self._get(actor.beat)
            actor.beat = None
            told.append((actor, count if isinstance(count, Lost) else Beat(progress=count)))
        if actor.answer in ready:
            answer = self._get(actor.answer)
            return [(actor, answer if isinstance(answer, Lost) else self._unpack(actor, *answer))]
        return told

    def _ask_for_beats(self, busy: list[_Actor]) -> None:
        now = time.monotonic()
        for actor in busy:
            if actor.beat is None and now - actor.asked >= BEAT_SECONDS:
                actor.beat, actor.asked = actor.handle.beat.options(concurrency_group="beat").remote(), now

    def _ready(self, refs: list[Any], seconds: float) -> set[Any]:
        """Of what is awaited that which is there, as soon as something is."""
        if not refs:
            time.sleep(min(seconds, 1.0))
            return set()
        self._ray.wait(refs, num_returns=1, timeout=seconds)
        ready, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        return set(ready)

    def _ready_all(self, refs: list[Any]) -> None:
        if refs:
            self._ray.wait(refs, num_returns=len(refs), timeout=LEAVE_SECONDS)

    def _get(self, ref: Any) -> Any:
        """What a worker answered, or that it is lost. What it raised is an error of this program, and raised again."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except errors.RayTaskError:
            raise
        except errors.RayError as error:
            return _loss(error)

    def _send(self, worker: _Actor, order: Order) -> Lost | None:
        worker.beat, worker.asked = None, time.monotonic()
        files, known = ({}, ()) if worker.shares else self._pack(worker, order.job)
        worker.answer = worker.handle.do.remote(order.model_dump_json().encode(), files, known)
        return None

    def _pack(self, worker: _Actor, job: Job) -> tuple[Mapping[str, bytes], Sequence[str]]:
        parcel = pack(self.recall, job, worker.held)
        if parcel.state is not None:
            worker.held.add(parcel.state)
        return parcel.files, parcel.known

    def _unpack(self, worker: _Actor, answer: bytes, files: Mapping[str, bytes]) -> Answer:
        if files:
            take(self.recall.store, files)
            worker.held.update(files)
        return Answer.model_validate_json(answer)

    def _renew(self, worker: _Actor, *, lost: Lost | None) -> None:
        self._kill(worker)
        self._workers.remove(worker)
        if lost is not None:
            self._shunned = worker.node.id
            if lost.place:
                self._quarantine.add(worker.node.id)
        self._fill()

    def _kill(self, actor: _Actor) -> None:
        actor.answer = actor.beat = None
        with suppress(self._ray.exceptions.RayError):  # where the cluster is gone, so is the actor
            self._ray.kill(actor.handle, no_restart=True)

    def _on_lost_nodes(self) -> list[tuple[_Actor, Answer | Beat | Lost]]:
        alive = {node.id for node in self._nodes()}
        gone = [actor for actor in self._workers if actor.node.id not in alive]
        lost = Lost(killed=False, how="its node is no longer alive", place=True)
        for actor in gone:
            if actor.task is None:
                self._renew(actor, lost=lost)
        return [(actor, lost) for actor in gone if actor.task is not None]

    def _nodes(self) -> list[Node]:
        """The nodes that are alive, listed anew each few seconds."""
        if time.monotonic() - self._listed[0] >= BEAT_SECONDS or not self._listed[1]:
            self._listed = (time.monotonic(), self._cluster.nodes())
        return self._listed[1]

    def _fill(self) -> None:
        """Start workers wherever there is a place for one."""
        nodes = [node for node in self._nodes() if node.id not in self._unfit]
        while len(self._workers) + len(self._starting) < self._layout.most:
            taken = Counter(actor.node.id for actor in (*self._workers, *self._starting))
            node = choose(nodes, self._layout, taken, self._quarantine, self._shunned)
            if node is None:
                return
            self._starting.append(self._start(node))

    def _start(self, node: Node) -> _Actor:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        a_unit = self._layout.a_unit
        device = (
            {"num_gpus": 1 if a_unit == 1 else int(1e4 / a_unit) / 1e4, "num_cpus": 0}
            if self._layout.kind == "cuda"
            else {"num_cpus": 1}
        )
        actor = self._ray.remote(
            max_restarts=0,
            max_task_retries=0,
            concurrency_groups={"beat": 1},
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            **device,
        )(RayWorker)
        path, text = self._probe
        handle = actor.remote(self._setup, (str(path), text))
        return _Actor(handle=handle, node=node, hello=handle.hello.remote(), begun=time.monotonic())

    def _welcome(self, ready: set[Any]) -> None:
        """Take the workers that said what they are; leave those that did not in time."""
        for actor in list(self._starting):
            late = time.monotonic() - actor.begun > START_SECONDS
            if actor.hello not in ready and not late:
                continue
            self._starting.remove(actor)
            hello = (
                self._get(actor.hello) if actor.hello in ready else _loss(TimeoutError("it did not start"))
            )
            if isinstance(hello, Lost):
                self._quarantine.add(actor.node.id)
            elif self._fits(told := Hello.model_validate_json(hello), actor.node):
                actor.shares = told.shares
                self._workers.append(actor)
                continue
            self._kill(actor)

    def _fits(self, hello: Hello, node: Node) -> bool:
        """Whether a worker computes as the first one does."""
        if hello.device is None:
            raise UserError(f"node {node.address}: {hello.message}", hello.hint)
        theirs = hello.versions
        theirs = hello.versions
        other = [
            f"{name} {theirs.get(name)}" for name, ours in versions().items() if theirs.get(name) != ours
        ]
        if other:
            raise UserError(
                f"node {node.address} has other versions than this process: {', '.join(other)}",
                "Install the same versions on all nodes.",
            )
        if self._device is None:
            self._device = hello.device
        if hello.device == self._device:
            return True
        self._unfit.add(node.id)
        self._notes.append(
            f"node {node.address} computes on {hello.device.name} and not on {self._device.name}: it is left out, for it "
            "would not give the same bits"
        )
        return False

    def _refuse_nobody(self) -> None:
        """Give up where no node had a worker for long."""
        if self._workers or self._starting:
            self._worked = time.monotonic()
        elif time.monotonic() - self._worked > NOBODY_SECONDS:
            raise UserError(
                f"no node of the cluster has had a worker for {NOBODY_SECONDS:.0f} s",
                "Start nodes, then give the same command again: it goes on where it stopped.",
            )


def _loss(error: Exception) -> Lost:
    text = str(error).lower()
    place = any(words in text for words in _NODE_DIED)
    killed = not place and any(words in text for words in _KILLED)
    how = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
    return Lost(killed=killed, how=how, place=place)


def _make_probe(store: Path) -> tuple[Path, str]:
    """A file by which a worker tells that it sees this store, and what is in it."""
    make_folder(store)
    text = secrets.token_hex(16)
    path = store / f"probe-{text}"
    make_file(path)
    path.write_text(text, encoding="ascii")
    return path, text
