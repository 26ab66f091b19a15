"""Whom a cluster that `--on ray` starts lets in."""

from __future__ import annotations

import pytest

from tests.cluster.namespaces import run_alone


def test_a_cluster_of_a_run_listens_on_loopback_and_lets_in_nobody_without_its_token() -> None:
    pytest.importorskip("ray")
    done = run_alone("tests.cluster.strangers")
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert done.returncode == 0, done.stderr[-2000:]
    count, addresses = said["listens"].split(" ", 1)
    assert int(count) > 0
    assert addresses == "[]", "an address that is not loopback"
    assert said["mode"] == "0o600"
    assert said["owner"] == "in 1"
    assert said["other"].startswith("out AuthenticationError")
    assert said["none"].startswith("out AuthenticationError")
