"""The workers on a Ray cluster: where they are put, what they say of themselves, and which are gone with their nodes.

Ray places nothing: the coordinator chooses a node that is alive and has a slot free, and asks for it.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from hpo.errors import UserError
from hpo.records.setup import DeviceInfo
from hpo.runtime.attempts import BEAT_SECONDS, Hand, Lost
from hpo.runtime.placement import Layout, Node, Quarantine, choose
from hpo.runtime.ray_cluster import RayCluster
from hpo.runtime.ray_losses import kills_on, loss, only_on, raised
from hpo.runtime.ray_worker import Hello, RayWorker
from hpo.training.marker import Marker

START_SECONDS = (
    300.0  # for a worker to say what it is: it imports torch, from a disk that all may read at once
)
NOBODY_SECONDS = 600.0  # without any worker, while nodes may come back
MEND = "Mend it there, or start other nodes; all need the same versions of Python, hpo and what it needs."
LEAVE_SECONDS = 10.0  # for workers to remove what they have on their machines


@dataclass(eq=False, kw_only=True)
class Actor(Hand):
    """A worker: first it is to say what it is, by ``hello``; then it takes orders.

    Attributes:
        begun, asked: when it was started, and asked for a beat.
        answer, beat: what is awaited of it.
        shares: whether it sees the coordinator's store.
        held: names of states in the store of its own, where it does not.
        kills: for lack of memory on its machine, as it told last.
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
    kills: int | None = None


class Fleet:
    """Workers wherever there is a place for one.

    Args:
        setup: JSON of ``Setup``.
        marker: by which they tell whether they see the coordinator's store.
        device: on which the run was begun; None: it begins.

    Attributes:
        workers: that take orders; ``starting``: that are still to say what they are.
        device: of the run, or of the first worker; nodes with another one are left out, for they would not give the same
            bits.
        notes: for the user.
    """

    def __init__(
        self,
        cluster: RayCluster,
        layout: Layout,
        setup: bytes,
        marker: Marker,
        device: DeviceInfo | None = None,
    ) -> None:
        self.workers: list[Actor] = []
        self.starting: list[Actor] = []
        self.device = device
        self.notes: list[str] = []
        self._cluster = cluster
        self._ray = cluster.ray
        self._layout = layout
        self._setup = setup
        self._marker = marker
        self._quarantine = Quarantine()
        self._unfit: set[str] = set()  # ids of nodes that are left out
        self._failures: dict[str, str] = {}  # what workers failed with, and the id of the node where
        self._said: set[str] = set()
        self._why = ""  # a worker did not start, the last that did not
        self._shunned = ""
        self._worked = time.monotonic()  # when there was a worker last
        self._listed: tuple[float, list[Node]] = (0.0, [])

    def fill(self) -> None:
        """Start workers where there are places.

        Raises:
            UserError: there was no worker for long.
        """
        nodes = self._fit()
        while len(self.workers) + len(self.starting) < self._layout.most:
            taken = Counter(actor.node.id for actor in (*self.workers, *self.starting))
            node = choose(nodes, self._layout, taken, self._quarantine, self._shunned)
            if node is None:
                break
            self.starting.append(self._start(node))
        self._refuse_nobody()

    def welcome(self, ready: set[Any]) -> None:
        """Take the workers that said what they are; let those go that did not in time, or cannot train as the others do.

        Raises:
            UserError: one cannot, and there is no other node.
        """
        for actor in list(self.starting):
            if actor.hello in ready:
                self._greet(actor)
            elif time.monotonic() - actor.begun >= START_SECONDS:
                why = f"in {START_SECONDS:.0f} s it did not begin; others may have taken what its node lends"
                self._miss(actor, why)

    def lost(self) -> list[tuple[Actor, Lost]]:
        """Workers with an order in hand whose nodes are dead or left out for a failure; those without one are let go."""
        alive = {node.id for node in self._nodes()} - set(self._failures.values())
        gone = [actor for actor in (*self.workers, *self.starting) if actor.node.id not in alive]
        lost = Lost(killed=False, how="its node is no longer alive, or left out", place=True)
        for actor in gone:
            if actor.task is None:
                self.release(actor, lost)
        return [(actor, lost) for actor in gone if actor.task is not None]

    def failed(self, actor: Actor, what: str, error: Exception) -> Lost:
        """A worker failed at its order, for which its node may be to blame: that is left out, with all its workers.

        Raises:
            Exception: ``error``, where another node failed so before, or there is no other.
        """
        node = actor.node
        self._unfit.add(node.id)
        if self._failures.setdefault(what, node.id) != node.id or not self._fit():
            raise error
        self._note(f"node {node.address} is left out, for a worker failed there: {what}")
        return Lost(killed=False, how=f"node {node.address}: {what}")

    def release(self, actor: Actor, lost: Lost | None) -> None:
        """End a worker, or what is left of it where it was lost."""
        self._kill(actor)
        if actor in self.workers:
            self.workers.remove(actor)
            self._worked = time.monotonic()
        else:
            self.starting.remove(actor)
        if lost is not None:
            self._shunned = actor.node.id
            if lost.place:
                self._quarantine.add(actor.node.id)

    def get(self, actor: Actor, ref: Any) -> Any:
        """What a worker answered, or that it is lost.

        Raises:
            Exception: what it raised, where ``failed`` does.
        """
        errors = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except errors.RayTaskError as error:
            error.add_note(f"Raised in a worker on node {actor.node.address}.")
            return self.failed(actor, raised(error), error)
        except errors.ActorDiedError as error:
            lost = loss(error)
        except errors.RayError as error:
            return loss(error)
        if lost.killed or lost.place or actor.kills is None:
            return lost
        kills = kills_on(self._ray, actor.node)  # by Linux, of which Ray knows nothing
        return replace(lost, killed=kills is not None and kills > actor.kills)

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
        actor = self._ray.remote(
            max_restarts=0,
            max_task_retries=0,
            concurrency_groups={"beat": 1},
            scheduling_strategy=only_on(node),
            **self._layout.resources(),
        )(RayWorker)
        self._marker.renew()
        handle = actor.remote(self._setup, (str(self._marker.path), self._marker.text))
        return Actor(handle=handle, node=node, hello=handle.hello.remote(), begun=time.monotonic())

    def _greet(self, actor: Actor) -> None:
        """Take a worker that said what it is, or could not; or leave its node out."""
        errors = self._ray.exceptions
        try:
            hello = Hello.model_validate_json(self._ray.get(actor.hello))
        except errors.RayError as error:
            if isinstance(error, errors.RayTaskError) or getattr(error, "actor_init_failed", False):
                self._leave_out(actor, f"no worker begins there ({raised(error)})", MEND)
            else:
                self._miss(actor, loss(error).how)
            return
        unlike = hello.unlike(self.device)
        if unlike is not None:
            self._leave_out(actor, *unlike)
            return
        self.device = self.device or hello.device
        actor.shares, actor.kills = hello.shares, hello.kills
        self.starting.remove(actor)
        self.workers.append(actor)

    def _miss(self, actor: Actor, why: str) -> None:
        """Let a worker go that did not start; its node is tried again after a while."""
        self.release(actor, Lost(killed=False, how=why, place=True))
        self._why = f": node {actor.node.address}: a worker did not start: {why}"
        self._note(self._why.removeprefix(": "))

    def _leave_out(self, actor: Actor, why: str, hint: str) -> None:
        """Put no more workers on a node."""
        self.release(actor, None)
        self._unfit.add(actor.node.id)
        if not self.workers and not self._fit():
            raise UserError(f"node {actor.node.address}: {why}", hint)
        self._note(f"node {actor.node.address} is left out: {why}")

    def _note(self, text: str) -> None:
        """Tell the user, once."""
        if text not in self._said:
            self._said.add(text)
            self.notes.append(text)

    def _fit(self) -> list[Node]:
        """The nodes that are alive, lend something, and are not left out."""
        return [n for n in self._nodes() if n.id not in self._unfit and self._layout.slots(n) > 0]

    def _refuse_nobody(self) -> None:
        if not self.workers and time.monotonic() - self._worked > NOBODY_SECONDS:
            raise UserError(
                f"no node of the cluster has had a worker for {NOBODY_SECONDS:.0f} s{self._why}",
                "Start nodes, then give the same command again: it goes on where it stopped.",
            )
