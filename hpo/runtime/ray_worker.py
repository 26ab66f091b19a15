"""The worker on a node of a Ray cluster: an actor that stays warm. It takes and gives bytes of JSON, as processes do."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence

from hpo import __version__
from hpo.errors import UserError
from hpo.pulse import progressed
from hpo.records.base import Frozen
from hpo.records.setup import DeviceInfo
from hpo.runtime.kills import memory_kills
from hpo.runtime.parcels import new_files
from hpo.runtime.scratch import claim, leave
from hpo.runtime.serving import Order, Server, Setup, failure
from hpo.training.exchange import state_names, take
from hpo.training.marker import is_seen

SAME_VERSIONS = "Install the same versions of Python, hpo and what it needs on all nodes."
SAME = ("torch", "transformers", "numpy")  # versions that decide what is read and computed


class Hello(Frozen):
    """What a worker is: its device and the versions of what it computes with, or what its user can mend.

    Attributes:
        shares: whether it sees the store of the coordinator.
        kills: for lack of memory on its machine, as Linux counts them.
    """

    device: DeviceInfo | None = None
    versions: Mapping[str, str] = {}
    shares: bool = False
    kills: int | None = None
    message: str = ""
    hint: str = ""

    def unlike(self, device: DeviceInfo | None) -> tuple[str, str] | None:
        """Why it cannot compute as others do on ``device``, any where that is None, and what to do; None: it can."""
        if self.device is None:
            return self.message, self.hint
        ours = versions()
        other = [
            f"{name} {self.versions.get(name)}" for name in ours if self.versions.get(name) != ours[name]
        ]
        if other:
            return f"it has other versions than the coordinator: {', '.join(other)}", SAME_VERSIONS
        found, wanted = _computes(self.device), _computes(device or self.device)
        if found == wanted:
            return None
        return (
            f"it computes on {found}, and this run on {wanted}: it would not give the same bits",
            "Start a node like those on which the run began, or give --results another folder.",
        )


class RayWorker:
    """Does orders one after another; ``beat`` is answered meanwhile, from a thread of its own.

    Where it sees the store of the coordinator, by the marker in it, it works on that; else on one of its machine, and
    files go with the orders and come with the answers.

    Args:
        setup: JSON of ``Setup``.
        marker: path and text of the one that the coordinator made in its store.
    """

    def __init__(self, setup: bytes, marker: tuple[str, str]) -> None:
        self._setup = Setup.model_validate_json(setup)
        self._shared = is_seen(*marker)
        if not self._shared:
            self._setup = self._setup.model_copy(update={"store": claim("hpo-store-", marker[1]) / "store"})
        self._server: Server | None = None

    def hello(self) -> bytes:
        """Say what this worker is, before it loads."""
        import torch

        from hpo.training.precision import choose_precision

        torch.set_num_threads(self._setup.threads)
        try:
            info = choose_precision(self._setup.device).info
        except UserError as error:
            return Hello(message=error.message, hint=error.hint).model_dump_json().encode()
        hello = Hello(device=info, versions=versions(), shares=self._shared, kills=memory_kills())
        return hello.model_dump_json().encode()

    def do(
        self, order: bytes, files: Mapping[str, bytes], known: Sequence[str]
    ) -> tuple[bytes, dict[str, bytes], list[str]]:
        """Do an order, having loaded what all of them need.

        Args:
            files: of the coordinator's store, for a worker that does not see it.
            known: names of what need not be sent back.

        Returns:
            JSON of the answer; and, from such a worker, the files that are new, and the names of all states that it has now.
        """
        asked = Order.model_validate_json(order)
        try:
            if self._server is None:
                self._server = Server(self._setup)
            store = self._server.recall.store
            take(store, files)
        except UserError as error:
            return failure(asked, error).model_dump_json().encode(), {}, []
        if self._shared:
            return self._server.answer(asked).model_dump_json().encode(), {}, []
        answer = self._server.answer(asked)
        new = {} if answer.done is None else new_files(self._server.recall, asked.job, known)
        return answer.model_dump_json().encode(), new, state_names(store)

    def leave(self) -> None:
        """Remove what this worker, the last one here, has on the disk of its machine."""
        if not self._shared:
            leave(self._setup.store.parent)

    def beat(self) -> tuple[int, int | None]:
        """A sign of life: the units of work that have ended; and how often this machine had no memory left (``Hello``)."""
        return progressed(), memory_kills()


def _computes(device: DeviceInfo) -> str:
    """What decides the bits of what is computed on a device."""
    return f"{device.name} in {device.precision} with {device.threads} threads"


def versions() -> dict[str, str]:
    """Of what decides what is computed in this process."""
    found = {name: importlib.metadata.version(name) for name in SAME}
    return {"hpo": __version__, "python": ".".join(platform.python_version_tuple()[:2]), **found}
