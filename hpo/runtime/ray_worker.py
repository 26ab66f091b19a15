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
from hpo.runtime.parcels import new_files
from hpo.runtime.scratch import claim, leave
from hpo.runtime.serving import Order, Server, Setup, failure
from hpo.training.exchange import take
from hpo.training.marker import is_seen

SAME = ("torch", "transformers", "numpy")  # versions that decide what is read and computed


class Hello(Frozen):
    """What a worker is: its device and the versions of what it computes with, or what its user can mend.

    Attributes:
        shares: whether it sees the store of the coordinator.
    """

    device: DeviceInfo | None = None
    versions: Mapping[str, str] = {}
    shares: bool = False
    message: str = ""
    hint: str = ""


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
        hello = Hello(device=info, versions=versions(), shares=self._shared)
        return hello.model_dump_json().encode()

    def do(
        self, order: bytes, files: Mapping[str, bytes], known: Sequence[str]
    ) -> tuple[bytes, dict[str, bytes]]:
        """Do an order, having loaded what all of them need.

        Args:
            files: of the coordinator's store, for a worker that does not see it.
            known: names of what need not be sent back.

        Returns:
            JSON of the answer; and, from such a worker, the files that are new.
        """
        asked = Order.model_validate_json(order)
        try:
            if self._server is None:
                self._server = Server(self._setup)
        except UserError as error:
            return failure(asked, error).model_dump_json().encode(), {}
        if self._shared:
            return self._server.answer(asked).model_dump_json().encode(), {}
        take(self._server.recall.store, files)
        answer = self._server.answer(asked)
        new = {} if answer.done is None else new_files(self._server.recall, asked.job, known)
        return answer.model_dump_json().encode(), new

    def leave(self) -> None:
        """Remove what this worker, the last one here, has on the disk of its machine."""
        if not self._shared:
            leave(self._setup.store.parent)

    def beat(self) -> int:
        """A sign of life: the units of work that have ended."""
        return progressed()


def versions() -> dict[str, str]:
    """Of what decides what is computed in this process."""
    found = {name: importlib.metadata.version(name) for name in SAME}
    return {"hpo": __version__, "python": ".".join(platform.python_version_tuple()[:2]), **found}
