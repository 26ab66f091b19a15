"""A cluster as `--on ray` starts it, and strangers on the same machine that ask it for something."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from hpo.runtime.ray_cluster import RayCluster

ASK = """
import sys
import ray
from ray._raylet import GcsClient
try:
    print("in", len(GcsClient(address=sys.argv[1]).get_all_node_info(timeout=20)))
except Exception as error:
    print("out", type(error).__name__, str(error)[:200])
"""
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


def listening() -> list[str]:
    """Addresses at which anything in this network namespace listens, as the system writes them."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A":
                found.append(columns[1])
    return found


def ask(address: str, **token: str) -> str:
    """What the cluster says to who has this token."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_AUTH_")}
    command = [sys.executable, "-c", ASK, address]
    done = subprocess.run(
        command, env={**kept, **token}, capture_output=True, text=True, check=False, timeout=120
    )
    return (done.stdout.splitlines() or ["nothing"])[-1]


def main() -> None:
    cluster = RayCluster(1)
    try:
        address = cluster.ray.get_runtime_context().gcs_address
        token = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
        print(
            "listens",
            len(listening()),
            sorted({at for at in listening() if at.split(":")[0] not in LOOPBACK}),
        )
        print("mode", oct(stat.S_IMODE(token.stat().st_mode)))
        print("owner", ask(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(token)))
        print("other", ask(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0" * 64))
        print("none", ask(address))
    finally:
        cluster.close()


if __name__ == "__main__":
    main()
