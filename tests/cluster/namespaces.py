"""Runs a module where the network is its own: nothing that it starts can be reached, or reaches anything, from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

ALONE = (
    ["unshare", "--net"]
    if hasattr(os, "geteuid") and os.geteuid() == 0
    else ["unshare", "--map-root-user", "--net"]
)
# An address past loopback and a way out, as a machine in a network has them: Ray listens where it finds these.
CONNECTED = (
    "ip link set lo up && ip addr add 10.78.0.1/32 dev lo && ip route add default dev lo src 10.78.0.1 "
    '&& exec "$@"'
)


def skip_without_namespaces() -> None:
    """Skip the test where this system forbids network namespaces."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no `unshare` or `ip`: Ray is tried in a network namespace of its own alone")
    tried = subprocess.run(_alone("true"), capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this system forbids network namespaces: {tried.stderr.strip()}")


def run_alone(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run ``python -m`` in a network of one machine, for so many seconds at most."""
    skip_without_namespaces()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    return subprocess.run(
        _alone(sys.executable, "-m", *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env={**kept, "OMP_NUM_THREADS": "1"},
    )


def _alone(*command: str) -> list[str]:
    return [*ALONE, "sh", "-c", CONNECTED, "sh", *command]
