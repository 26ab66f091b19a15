"""Starts the cluster of this machine as a run does, and prints JSON: who listens, rights of its files, who gets in.

It starts it at RAY_ADDRESS=local; tests/search/test_run.py has one without an address.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hpo.runtime.ray_cluster import RayCluster

COME_IN = "from hpo.runtime.ray_cluster import RayCluster; print(len(RayCluster(1).nodes()))"


def work() -> int:
    return os.getpid()


def main() -> None:
    os.environ["RAY_ADDRESS"] = "local"
    cluster = RayCluster(1)
    cluster.ray.get(cluster.ray.remote(work).remote())  # a worker listens too
    token = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
    folder = cluster._folder
    assert folder is not None
    address = cluster.ray.get_runtime_context().gcs_address
    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    told = {
        "listening": [line.split()[3] for line in listening.splitlines()],
        "rights": {str(path): oct(path.stat().st_mode & 0o777) for path in (token, token.parent, folder)},
        "inside": _come_in(address, {}),
        "outside": _come_in(address, {"RAY_AUTH_TOKEN": "0" * 64, "RAY_AUTH_TOKEN_PATH": ""}),
    }
    cluster.close()
    told["left"] = folder.exists()
    print(json.dumps(told))


def _come_in(address: str, more: dict[str, str]) -> str:
    """What a run that is told of the cluster ends with: the number of nodes, or an error."""
    done = subprocess.run(
        [sys.executable, "-c", COME_IN],
        env={**os.environ, "RAY_ADDRESS": address, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return (done.stdout + done.stderr).splitlines()[-1]


if __name__ == "__main__":
    main()
