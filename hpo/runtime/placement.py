"""Where workers go: on the cards of this machine, and on the nodes of a cluster."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

QUARANTINE_SECONDS = 120.0  # no worker is put on a node that was lost: lists of nodes lag behind deaths
LISTED = 8  # nodes that a note names one by one


def cards(device: str | None) -> tuple[str, ...]:
    """The GPUs that ``device`` allows, as torch names them: all that are like the first one, or the one it names.

    None where training is not on GPUs. A card of another kind computes other bits, and takes other times.
    """
    if device not in (None, "cuda"):
        return (str(device),) if str(device).startswith("cuda:") else ()
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return alike([torch.cuda.get_device_name(number) for number in range(count)])


def alike(names: Sequence[str]) -> tuple[str, ...]:
    """Of cards of these names those that are like the first."""
    return tuple(f"cuda:{number}" for number, name in enumerate(names) if name == names[0])


def share_of(workers: int, devices: int) -> float:
    """Part of a device that each of ``workers`` has where they take the devices in turn; one device where none is named.

    It bounds what a worker takes of a GPU's memory, so that none takes another's.
    """
    return 1 / math.ceil(workers / max(1, devices))


@dataclass(frozen=True)
class Node:
    """A machine of a cluster that is alive. ``cpus``, ``gpus``: how many it was told to lend."""

    id: str
    address: str
    cpus: float
    gpus: float

    def units(self, kind: str) -> int:
        """Devices that it has for workers: its GPUs, or its CPUs, one for a thread."""
        return int(self.gpus if kind == "cuda" else self.cpus)


@dataclass(frozen=True)
class Layout:
    """How workers lie on a cluster: one on each device of a kind.

    Attributes:
        kind: of the devices: ``cuda`` or ``cpu``.
        most: workers in all, also when nodes join.
        share: part of a device that each has: a GPU, or its part of all CPUs of the largest node. It is the same for all,
            for it tells what a second of a worker is charged.
    """

    kind: str
    most: int
    share: float

    def slots(self, node: Node) -> int:
        """Workers that fit on a node."""
        return node.units(self.kind)

    def resources(self) -> dict[str, float]:
        """What Ray counts for a worker."""
        return {"num_cpus": 1} if self.kind == "cpu" else {"num_cpus": 0, "num_gpus": 1}

    def sentence(self, nodes: Sequence[Node]) -> str:
        """For the user: on how many devices of which of the nodes workers were laid out, and what becomes of later ones."""
        able = [node for node in nodes if self.slots(node)]
        units = sum(self.slots(node) for node in able)
        name = "CPU" if self.kind == "cpu" else "GPU"
        listed = ", ".join(f"{node.address}: {self.slots(node)}" for node in able[:LISTED])
        more = f", and {len(able) - LISTED} more" if len(able) > LISTED else ""
        later = ", and GPUs are left alone, also those that join" if self.kind == "cpu" else ""
        return (
            f"a worker on each of {_count(units, name)} of {_count(len(able), 'node')} ({listed}{more}); nodes that join "
            f"take more, up to {_count(self.most, 'worker')} in all{later}"
        )


def lay_out(nodes: Sequence[Node], device: str | None, workers: int | None, width: int) -> Layout | None:
    """Workers on a cluster: one on each GPU where a node has any, else one on each CPU; None: there is neither.

    None shares a GPU, however many ``workers`` there shall be: nodes may still join, and what a worker is charged and may
    take of a GPU's memory cannot change within a run.

    Args:
        device: ``cpu`` leaves GPUs alone.
        workers: how many there shall be at most. None: as many as there are devices.
        width: trainings that can go on at once.
    """
    kind = "cuda" if device != "cpu" and any(node.units("cuda") for node in nodes) else "cpu"
    largest = max((node.units(kind) for node in nodes), default=0)
    if not largest or (device not in (None, "cpu") and kind == "cpu"):
        return None
    most = workers or max(1, width)
    return Layout(kind, most, 1.0 if kind == "cuda" else 1 / min(largest, most))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass
class Quarantine:
    """Nodes on which no worker is put for a time. ``clock``: seconds, from any moment on."""

    clock: Callable[[], float] = time.monotonic
    _until: dict[str, float] = field(default_factory=dict)

    def add(self, node: str) -> None:
        """A node was lost."""
        self._until[node] = self.clock() + QUARANTINE_SECONDS

    def holds(self, node: str) -> bool:
        """Whether a node was lost a short while ago."""
        return self._until.get(node, 0.0) > self.clock()


def choose(
    nodes: Sequence[Node], layout: Layout, taken: Mapping[str, int], quarantine: Quarantine, shunned: str = ""
) -> Node | None:
    """The node for one more worker: of those with free slots that with most of them; None: there is none.

    Args:
        taken: workers by id of their node.
        shunned: id of a node that is taken where there is no other: a worker just died there.
    """
    free = {
        node: layout.slots(node) - taken.get(node.id, 0) for node in nodes if not quarantine.holds(node.id)
    }
    able = [node for node, slots in free.items() if slots > 0]
    return max(able, key=lambda node: (node.id != shunned, free[node], node.id), default=None)
