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


def skip_without_namespaces() -> None:
    """Skip the test where this system forbids network namespaces."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no `unshare` or `ip`: Ray is tried in a network namespace of its own alone")
    tried = subprocess.run([*ALONE, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this system forbids network namespaces: {tried.stderr.strip()}")


def run_alone(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run ``python -m`` with loopback as its only network, for so many seconds at most."""
    skip_without_namespaces()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    return subprocess.run(
        [*ALONE, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env={**kept, "OMP_NUM_THREADS": "1"},
    )
