"""The workers on a Ray cluster: where they are put, what they say of themselves, and which are gone with their nodes.

Ray places nothing: the coordinator chooses a node that is alive and has a slot free, and asks for it.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hpo.errors import UserError
from hpo.records.setup import DeviceInfo
from hpo.runtime.attempts import BEAT_SECONDS, Hand, Lost
from hpo.runtime.placement import Layout, Node, Quarantine, choose
from hpo.runtime.ray_cluster import RayCluster
from hpo.runtime.ray_worker import Hello, RayWorker, versions
from hpo.training.marker import Marker

START_SECONDS = (
    300.0  # for a worker to say what it is: it imports torch, from a disk that all may read at once
)
NOBODY_SECONDS = 600.0  # without any worker, while nodes may come back
LEAVE_SECONDS = 10.0  # for workers to remove what they have on their machines
# Of what Ray says of a dead actor: that its machine is gone, and that the system killed it, most likely for memory.
_NODE_DIED = ("node has died", "node died", "node is dead", "node was terminated", "unschedulable")
_KILLED = ("out-of-memory", "oom", "sigkill")


@dataclass(eq=False, kw_only=True)
class Actor(Hand):
    """A worker: first it is to say what it is, by ``hello``; then it takes orders.

    Attributes:
        begun, asked: when it was started, and asked for a beat.
        answer, beat: what is awaited of it.
        shares: whether it sees the coordinator's store.
        held: names of states in the store of its own, where it does not.
    """

    handle: Any
    node: Node
    hello: Any
    begun: float
    answer: Any = None
    beat: Any = None
    asked: float = 0.0
    shares: bool = True
    held: set[str] = field(default_factory=set)


class Fleet:
    """Workers wherever there is a place for one.

    Args:
        setup: JSON of ``Setup``.
        marker: by which they tell whether they see the coordinator's store.

    Attributes:
        workers: that take orders; ``starting``: that are still to say what they are.
        device: of the first worker; those that have another one are let go, for they would not give the same bits.
        notes: for the user.
    """

    def __init__(self, cluster: RayCluster, layout: Layout, setup: bytes, marker: Marker) -> None:
        self.workers: list[Actor] = []
        self.starting: list[Actor] = []
        self.device: DeviceInfo | None = None
        self.notes: list[str] = []
        self._cluster = cluster
        self._ray = cluster.ray
        self._layout = layout
        self._setup = setup
        self._marker = marker
        self._quarantine = Quarantine()
        self._unfit: set[str] = set()
        self._shunned = ""
        self._worked = time.monotonic()  # when there was a worker last
        self._listed: tuple[float, list[Node]] = (0.0, [])

    def fill(self) -> None:
        """Start workers where there are places.

        Raises:
            UserError: there was no worker, and no place for one, for long.
        """
        nodes = [node for node in self._nodes() if node.id not in self._unfit]
        while len(self.workers) + len(self.starting) < self._layout.most:
            taken = Counter(actor.node.id for actor in (*self.workers, *self.starting))
            node = choose(nodes, self._layout, taken, self._quarantine, self._shunned)
            if node is None:
                break
            self.starting.append(self._start(node))
        self._refuse_nobody()

    def welcome(self, ready: set[Any]) -> None:
        """Take the workers that said what they are; let those go that did not in time.

        Raises:
            UserError: one cannot train, or not with the versions that this process has.
        """
        for actor in list(self.starting):
            if actor.hello not in ready and time.monotonic() - actor.begun < START_SECONDS:
                continue
            self.starting.remove(actor)
            told = self.get(actor.hello) if actor.hello in ready else None
            if told is None or isinstance(told, Lost):
                self._quarantine.add(actor.node.id)
            elif self._fits(hello := Hello.model_validate_json(told), actor.node):
                actor.shares = hello.shares
                self.workers.append(actor)
                continue
            self._kill(actor)

    def lost(self) -> list[tuple[Actor, Lost]]:
        """Workers with an order in hand whose nodes are no longer alive; those without one are let go."""
        alive = {node.id for node in self._nodes()}
        gone = [actor for actor in (*self.workers, *self.starting) if actor.node.id not in alive]
        lost = Lost(killed=False, how="its node is no longer alive", place=True)
        for actor in gone:
            if actor.task is None:
                self.release(actor, lost)
        return [(actor, lost) for actor in gone if actor.task is not None]

    def release(self, actor: Actor, lost: Lost | None) -> None:
        """End a worker, or what is left of it where it was lost."""
        self._kill(actor)
        among = self.workers if actor in self.workers else self.starting
        among.remove(actor)
        if lost is not None:
            self._shunned = actor.node.id
            if lost.place:
                self._quarantine.add(actor.node.id)

    def get(self, ref: Any) -> Any:
        """What a worker answered, or that it is lost. What it raised is an error of this program, and raised again."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except errors.RayTaskError:
            raise
        except errors.RayError as error:
            return loss(error)

    def close(self) -> None:
        """End all workers; those that work on stores of their machines remove these."""
        alone = [actor for actor in self.workers if actor.task is None and not actor.shares]
        if alone:
            left = [actor.handle.leave.remote() for actor in alone]
            self._ray.wait(left, num_returns=len(left), timeout=LEAVE_SECONDS)
        for actor in (*self.workers, *self.starting):
            self._kill(actor)

    def _kill(self, actor: Actor) -> None:
        actor.answer = actor.beat = None
        with suppress(self._ray.exceptions.RayError):  # where the cluster is gone, so is the actor
            self._ray.kill(actor.handle, no_restart=True)

    def _nodes(self) -> list[Node]:
        """The nodes that are alive, listed anew each few seconds."""
        if time.monotonic() - self._listed[0] >= BEAT_SECONDS:
            self._listed = (time.monotonic(), self._cluster.nodes())
        return self._listed[1]

    def _start(self, node: Node) -> Actor:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = self._ray.remote(
            max_restarts=0,
            max_task_retries=0,
            concurrency_groups={"beat": 1},
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
            **self._layout.resources(),
        )(RayWorker)
        self._marker.renew()
        handle = actor.remote(self._setup, (str(self._marker.path), self._marker.text))
        return Actor(handle=handle, node=node, hello=handle.hello.remote(), begun=time.monotonic())

    def _fits(self, hello: Hello, node: Node) -> bool:
        """Whether a worker computes as the first one does."""
        if hello.device is None:
            raise UserError(f"node {node.address}: {hello.message}", hello.hint)
        theirs, ours = hello.versions, versions()
        other = [f"{name} {theirs.get(name)}" for name in ours if theirs.get(name) != ours[name]]
        if other:
            raise UserError(
                f"node {node.address} has other versions than this process: {', '.join(other)}",
                "Install the same versions on all nodes.",
            )
        self.device = self.device or hello.device
        if hello.device == self.device:
            return True
        self._unfit.add(node.id)
        self.notes.append(
            f"node {node.address} computes on {hello.device.name}, and not as the others on {self.device.name}: it is left "
            "out, for it would not give the same bits"
        )
        return False

    def _refuse_nobody(self) -> None:
        if self.workers or self.starting:
            self._worked = time.monotonic()
        elif time.monotonic() - self._worked > NOBODY_SECONDS:
            raise UserError(
                f"no node of the cluster has had a worker for {NOBODY_SECONDS:.0f} s",
                "Start nodes, then give the same command again: it goes on where it stopped.",
            )


def loss(error: Exception) -> Lost:
    """What Ray's error says of a worker that is gone."""
    text = str(error).lower()
    place = any(words in text for words in _NODE_DIED)
    killed = not place and any(words in text for words in _KILLED)
    how = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
    return Lost(killed=killed, how=how, place=place)
