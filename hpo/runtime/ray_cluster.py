"""The Ray cluster that trains: the one that RAY_ADDRESS names, or one on this machine that ends with the run."""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import socket
import threading
from functools import cache
from pathlib import Path
from typing import Any

from hpo.errors import UserError
from hpo.runtime.placement import Node
from hpo.runtime.scratch import claim, leave
from hpo.training.private_files import make_file

ADDRESS = "RAY_ADDRESS"
ANSWER_SECONDS = 10.0  # for a connection to the address
STORE_BYTES = (
    256 * 2**20
)  # of Ray's object store on this machine, which holds jobs, answers and states on their way


def import_ray() -> Any:
    """The library.

    Raises:
        UserError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise UserError(
            "--on ray: Ray is not installed", "Install it: python -m pip install 'hpo[ray]'."
        ) from None
    return ray


class RayCluster:
    """A connection to a cluster.

    Args:
        cpus: that a cluster on this machine lends.

    Raises:
        UserError: there is no Ray, or nothing answers at the address.
    """

    def __init__(self, cpus: int) -> None:
        address = os.environ.get(ADDRESS)
        if not address:
            _demand_token()
        self.ray = import_ray()
        self._folder: Path | None = None
        before = signal.getsignal(signal.SIGTERM)
        try:
            if address:
                self._join(address)
            else:
                self._start(cpus)
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # ray.init takes it

    def nodes(self) -> list[Node]:
        """The nodes that the cluster lists as alive.

        Raises:
            UserError: its head does not answer any more.
        """
        try:
            listed = [node for node in self.ray.nodes() if node["Alive"]]
        except (self.ray.exceptions.RayError, ConnectionError) as error:
            raise UserError(
                "the head of the Ray cluster does not answer",
                "Start the cluster again, or another one, and give the same command: it goes on where it stopped.",
            ) from error
        return [
            Node(
                id=node["NodeID"],
                address=node["NodeManagerAddress"],
                cpus=node["Resources"].get("CPU", 0.0),
                gpus=node["Resources"].get("GPU", 0.0),
            )
            for node in listed
        ]

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        self.ray.shutdown()
        if self._folder is not None:
            leave(self._folder)

    def _join(self, address: str) -> None:
        _refuse_deaf(address)
        try:
            self.ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(
                f"{ADDRESS}={address}: {first}",
                "Run this on a node of the cluster, with its token: `hpo cluster` prints how nodes are started.",
            ) from error

    def _start(self, cpus: int) -> None:
        """A cluster that listens on loopback alone and asks for a token that only this user can read."""
        self._folder = claim("hpo-ray-", secrets.token_hex(4))
        os.environ.setdefault(
            "RAY_worker_niceness", "0"
        )  # as processes have it; by default Ray's workers stand back
        self.ray.init(
            "local",
            num_cpus=cpus,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            log_to_driver=False,
            logging_level="ERROR",
            _node_ip_address="127.0.0.1",
            _temp_dir=str(self._folder / "ray"),  # which Ray opens to all
        )


@cache
def _demand_token() -> None:
    """Have Ray ask for a token, in this process and in all that it starts: it looks once, when it is imported."""
    folder = claim("hpo-token-", secrets.token_hex(4))
    atexit.register(leave, folder)
    token = folder / "token"
    make_file(token)
    token.write_text(secrets.token_hex(32), encoding="ascii")
    os.environ.pop("RAY_AUTH_TOKEN", None)
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(token))


def _refuse_deaf(address: str) -> None:
    """Refuse an address at which nothing listens: Ray itself would wait for it for long."""
    if "://" in address:
        raise UserError(
            f"{ADDRESS}={address}: a client's address",
            "Run this on a node of the cluster, and give the address as HOST:PORT.",
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return  # such as `auto`: the cluster that this machine is a node of
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"{ADDRESS}={address}: nothing answers there ({error.strerror or error})",
            "Start the cluster (`hpo cluster` prints how), or unset RAY_ADDRESS to have one started on this machine.",
        ) from error
