"""Which cluster is taken, and what is said where there is none; tests/search/test_run.py trains on one."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpo.errors import UserError
from hpo.runtime import ray_cluster
from hpo.runtime.ray_cluster import RayCluster


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="Ray is not installed") as caught:
        RayCluster(1)
    assert "pip install 'hpo[ray]'" in caught.value.hint


def test_an_address_at_which_nothing_listens_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(UserError, match=f"RAY_ADDRESS={address}: nothing answers there"):
            RayCluster(1)


def test_the_address_of_rays_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "ray://10.0.0.1:10001")
    with pytest.raises(UserError, match="a client's address"):
        RayCluster(1)


class StandIn:
    """For the library: notes how it is asked to begin, and begins at an address or fails."""

    exceptions = SimpleNamespace(RayError=OverflowError)

    def __init__(self, begun: str | Exception) -> None:
        self.begun = begun
        self.util = SimpleNamespace(get_node_ip_address=lambda: begun)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.ended = 0

    def init(self, address: str, **more: Any) -> None:
        self.asked.append((address, more))
        if isinstance(self.begun, Exception):
            raise self.begun

    def shutdown(self) -> None:
        self.ended += 1


@pytest.fixture
def stood_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have a stand-in begin so in the place of Ray."""

    def stand_in(begun: str | Exception) -> StandIn:
        library = StandIn(begun)
        monkeypatch.setattr(ray_cluster, "import_ray", lambda: library)
        return library

    return stand_in


@pytest.mark.parametrize("address", [None, "", "local"])
def test_without_an_address_and_at_local_the_cluster_of_this_machine_is_the_closed_one(
    address: str | None, stood_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    library = stood_in("127.0.0.1")
    RayCluster(3).close()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    (asked,) = library.asked
    assert asked[0] == "local"
    assert asked[1]["num_cpus"] == 3
    folder = Path(asked[1]["_temp_dir"]).parent
    assert folder.name.startswith("hpo-ray-")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("begun", "told"),
    [
        (OSError("AF_UNIX path length cannot exceed 107 bytes: /a"), "AF_UNIX path length"),
        (OverflowError("Failed to start the dashboard\nmore"), "Failed to start the dashboard$"),
        ("10.0.0.1", "Ray listens past loopback"),
    ],
)
def test_a_cluster_that_does_not_start_here_or_could_be_reached_is_told_and_leaves_nothing(
    begun: str | Exception, told: str, stood_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    library = stood_in(begun)
    with pytest.raises(UserError, match=f"no cluster could be started on this machine: {told}"):
        RayCluster(1)
    assert library.ended == 1
    assert not Path(library.asked[0][1]["_temp_dir"]).parent.exists()


@pytest.mark.parametrize(("usual", "taken"), [("/" + "t" * 17, "/" + "t" * 17), ("/" + "t" * 18, "/tmp")])
def test_rays_sockets_fit_however_long_the_path_of_the_temporary_folder(
    usual: str, taken: str, stood_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    library = stood_in("127.0.0.1")
    monkeypatch.setattr(ray_cluster, "_close_off", lambda: None)
    monkeypatch.setattr(ray_cluster, "claim", lambda prefix, token, root: root / f"{prefix}{token}")
    monkeypatch.setattr(ray_cluster, "leave", lambda folder: None)
    monkeypatch.setattr(tempfile, "tempdir", usual)
    RayCluster(1).close()
    asked = library.asked[0][1]["_temp_dir"]
    assert asked.startswith(f"{taken}/hpo-ray-")
    deepest = "/session_2026-11-27_23-59-59_123456_4194304/sockets/plasma_store"  # as Ray 2.60 names it
    assert len(asked + deepest) <= 103  # of macOS; Linux allows 107
