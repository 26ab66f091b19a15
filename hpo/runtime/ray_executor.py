"""The executor on a Ray cluster: an actor for each slot, warm as a process is; Ray itself gives nothing again.

A worker is lost when Ray says so, when its node is no longer listed as alive, or when it hangs (``attempts.py``).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

import torch

from hpo.errors import UserError
from hpo.records.setup import DeviceInfo
from hpo.runtime.attempts import BEAT_SECONDS, Lost, WorkersExecutor
from hpo.runtime.jobs import Done, Job
from hpo.runtime.loading import cores
from hpo.runtime.parcels import pack
from hpo.runtime.placement import Layout, Node, lay_out
from hpo.runtime.ray_cluster import RayCluster
from hpo.runtime.ray_fleet import Actor, Fleet
from hpo.runtime.recall import Recall
from hpo.runtime.serving import Answer, Beat, Order, Setup, Wanted
from hpo.training.exchange import take
from hpo.training.marker import Marker
from hpo.training.precision import Precision


class RayExecutor(WorkersExecutor[Actor]):
    """Workers on the nodes of a cluster.

    Args:
        workers: how many at most; None: one for each GPU, else for each CPU, no more than trainings at once.
        width: trainings that can go on at once.
        device: on which the run was begun, and goes on; None: it begins on that of the first worker.

    Attributes:
        share: part of a device that each worker has.
        threads: of each worker.
        precision: with which all of them compute.
        recall: what the coordinator knows, from which states go to workers that do not see its store; set before a job is.

    Raises:
        UserError: there is no Ray, no cluster, or none of its nodes can train.
    """

    threads = 1
    recall: Recall

    def __init__(
        self, wanted: Wanted, workers: int | None, width: int, device: DeviceInfo | None = None
    ) -> None:
        super().__init__()
        store = wanted.store.resolve()
        with ExitStack() as stack:
            cluster = stack.enter_context(closing(RayCluster(max(workers or 0, cores()))))
            nodes = cluster.nodes()
            layout = _layout(nodes, wanted.device, workers, width)
            self.share = layout.share
            fields = {name: getattr(wanted, name) for name in Wanted.model_fields}
            fields |= {"device": layout.kind, "store": store}
            setup = Setup(**fields, threads=self.threads, share=self.share)
            marker = Marker(store)
            stack.callback(marker.remove)
            fleet = Fleet(cluster, layout, setup.model_dump_json().encode(), marker, device)
            self._fleet = stack.enter_context(closing(fleet))
            fleet.notes.append(layout.sentence(nodes))
            self._workers = fleet.workers
            self._ray = cluster.ray
            self.precision = Precision(torch.device(layout.kind), self._first())
            self._stack = stack.pop_all()

    @property
    def slots(self) -> int:
        """Workers that there are, or begin."""
        return max(1, len(self._fleet.workers) + len(self._fleet.starting))

    def next_done(self) -> tuple[Job, Done]:
        job, done = super().next_done()
        notes = tuple(self._fleet.notes)
        self._fleet.notes.clear()
        return job, done.model_copy(update={"warnings": (*done.warnings, *notes)}) if notes else done

    def close(self) -> None:
        self._stack.close()

    def _first(self) -> DeviceInfo:
        """Wait until there is a worker: the others are to be like it."""
        fleet = self._fleet
        while not fleet.workers or fleet.device is None:
            fleet.fill()
            fleet.welcome(self._ready([actor.hello for actor in fleet.starting], BEAT_SECONDS))
        return fleet.device

    def _hear(self, seconds: float) -> Sequence[tuple[Actor, Answer | Beat | Lost]]:
        lost = self._fleet.lost()
        if lost:
            return lost
        self._fleet.fill()
        self._ask_for_beats()
        refs = [ref for actor in self._workers for ref in (actor.answer, actor.beat) if ref is not None]
        ready = self._ready([*refs, *(actor.hello for actor in self._fleet.starting)], seconds)
        self._fleet.welcome(ready)
        told = [(actor, self._told(actor, ready)) for actor in self._workers]
        return [(actor, message) for actor, message in told if message is not None]

    def _told(self, actor: Actor, ready: set[Any]) -> Answer | Beat | Lost | None:
        """The answer of an actor, else its beat, where one is there."""
        if actor.answer in ready:
            ref, actor.answer = (
                actor.answer,
                None,
            )  # as long as it is held, so are the states that came with it
            answer = self._fleet.get(actor, ref)
            return answer if isinstance(answer, Lost) else self._unpack(actor, *answer)
        if actor.beat in ready:
            ref, actor.beat = actor.beat, None
            beat = self._fleet.get(actor, ref)
            if isinstance(beat, Lost):
                return beat
            progress, actor.kills = beat
            return Beat(progress=progress)
        return None

    def _ask_for_beats(self) -> None:
        """Idle workers are asked as well: one that died meanwhile is to be given no order."""
        now = time.monotonic()
        for actor in self._workers:
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

    def _send(self, worker: Actor, order: Order) -> Lost | None:
        worker.beat, worker.asked = None, time.monotonic()
        files, known = ({}, ()) if worker.shares else self._pack(worker, order.job)
        worker.answer = worker.handle.do.remote(order.model_dump_json().encode(), files, known)
        return None

    def _renew(self, worker: Actor, *, lost: Lost | None) -> None:
        self._fleet.release(worker, lost)
        self._fleet.fill()

    def _pack(self, worker: Actor, job: Job) -> tuple[Mapping[str, bytes], Sequence[str]]:
        parcel = pack(self.recall, job, worker.held)
        return parcel.files, parcel.known

    def _unpack(
        self, actor: Actor, message: bytes, files: Mapping[str, bytes], held: Collection[str]
    ) -> Answer | Lost:
        answer = Answer.model_validate_json(message)
        if not actor.shares:
            take(self.recall.store, files)
            actor.held = set(held)
        if answer.done is None:
            error = UserError(f"node {actor.node.address}: {answer.message}", answer.hint)
            return self._fleet.failed(actor, answer.message, error)
        return answer


def _layout(nodes: Sequence[Node], device: str | None, workers: int | None, width: int) -> Layout:
    layout = lay_out(nodes, device, workers, width)
    if layout is None:
        raise UserError(
            f"no node of the cluster lends what --device {device or 'cpu'} needs",
            "Start nodes with --num-cpus or --num-gpus above 0: `hpo cluster` prints how.",
        )
    return layout
