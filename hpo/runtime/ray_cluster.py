"""The Ray cluster that trains: the one that RAY_ADDRESS names, or one on this machine that ends with the run."""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import socket
import tempfile
import threading
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from hpo.errors import UserError
from hpo.runtime.placement import Node
from hpo.runtime.scratch import claim, leave
from hpo.training.private_files import make_file

ADDRESS = "RAY_ADDRESS"
ANSWER_SECONDS = 10.0  # for a connection to the address
STORE_BYTES = 256 * 2**20  # of Ray's object store here, which holds jobs, answers and states on their way
# Bytes of the path of a folder below which Ray's sockets fit: they lie 85 deeper, and macOS allows 103, Linux 107.
LONGEST_ROOT = 18


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
        UserError: there is no Ray, nothing answers at the address, or no cluster could be started here.
    """

    def __init__(self, cpus: int) -> None:
        address = os.environ.get(ADDRESS) or "local"
        if address == "local":
            _close_off()
        self.ray = import_ray()
        self._folder: Path | None = None
        before = signal.getsignal(signal.SIGTERM)
        try:
            if address == "local":
                self._start(cpus)
            else:
                self._join(address)
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
            self._init(address)
        except _failures(self.ray) as error:
            raise UserError(
                f"{ADDRESS}={address}: {_first_line(error)}",
                "Run this on a node of the cluster, with its token: `hpo cluster` prints how nodes are started.",
            ) from error

    def _start(self, cpus: int) -> None:
        """A cluster that listens on loopback alone and asks for a token that only this user can read."""
        os.environ.setdefault("RAY_worker_niceness", "0")  # as processes have it; by default they stand back
        self._folder = claim("hpo-ray-", secrets.token_hex(4), _root())
        try:
            self._init(
                "local",
                num_cpus=cpus,
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
                _temp_dir=str(self._folder / "ray"),  # which Ray opens to all
            )
            if not ip_address(self.ray.util.get_node_ip_address()).is_loopback:
                raise RuntimeError("Ray listens past loopback, and so could be reached by others")
        except _failures(self.ray) as error:
            self.close()
            raise UserError(
                f"--on ray: no cluster could be started on this machine: {_first_line(error)}",
                "Train without Ray, or name a cluster in RAY_ADDRESS: `hpo cluster` prints how one is started.",
            ) from error

    def _init(self, address: str, **more: Any) -> None:
        self.ray.init(address, log_to_driver=False, logging_level="ERROR", **more)


@cache
def _close_off() -> None:
    """Have Ray ask for a token and know no network, in this process and in all that it starts.

    It looks once, when it is imported. Without a network, as by default where it supports no clusters of several machines,
    it takes the loopback address for that of the machine; else it listens on all, whatever address it is told.
    """
    folder = claim("hpo-token-", secrets.token_hex(4))
    atexit.register(leave, folder)
    token = folder / "token"
    make_file(token)
    token.write_text(secrets.token_hex(32), encoding="ascii")
    os.environ.pop("RAY_AUTH_TOKEN", None)
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(token))
    os.environ.update(RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0")


def _root() -> Path:
    """Where the folder of a cluster lies: with temporary files, or where a path is short enough for its sockets."""
    usual = Path(tempfile.gettempdir())
    return usual if len(os.fsencode(usual)) <= LONGEST_ROOT else Path("/tmp")  # noqa: S108


def _failures(ray: Any) -> tuple[type[Exception], ...]:
    """What ``ray.init`` raises where it cannot do what it is asked."""
    return (OSError, RuntimeError, ValueError, ray.exceptions.RayError)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


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
