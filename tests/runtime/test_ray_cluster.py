"""Which cluster is taken, and what is said where there is none; tests/search/test_run.py trains on one."""

from __future__ import annotations

import socket
import sys

import pytest

from hpo.errors import UserError
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
