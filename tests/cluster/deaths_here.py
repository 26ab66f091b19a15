"""Ends workers on a cluster of this machine in several ways, and prints JSON: what a fleet makes of each, by way."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

from hpo.records.setup import DeviceInfo
from hpo.runtime import ray_fleet
from hpo.runtime.placement import lay_out
from hpo.runtime.ray_cluster import RayCluster
from hpo.runtime.ray_fleet import Fleet
from hpo.runtime.ray_worker import Hello, RayWorker, versions
from hpo.training.marker import Marker

WAYS = {"killed": signal.SIGKILL, "crashed": signal.SIGSEGV, "left": 0}


class Mortal(RayWorker):
    """An actor that loads nothing, and ends as it is told."""

    def __init__(self, *_: object) -> None: ...

    def hello(self) -> bytes:
        return (
            Hello(device=DeviceInfo(), versions=versions(), kills=self.beat()[1]).model_dump_json().encode()
        )

    def do(self, order: bytes, *_: object) -> tuple[bytes, dict[str, bytes], list[str]]:
        way = WAYS[order.decode()]
        if not way:
            os._exit(1)
        os.kill(os.getpid(), way)
        time.sleep(60)
        raise AssertionError


def main() -> None:
    told = {}
    with (
        tempfile.TemporaryDirectory() as store,
        closing(RayCluster(1)) as cluster,
        patch.object(ray_fleet, "RayWorker", Mortal),
    ):
        layout = lay_out(cluster.nodes(), "cpu", 1, 1)
        assert layout is not None
        fleet = Fleet(cluster, layout, b"", Marker(Path(store)))
        for way in WAYS:
            while not fleet.workers:
                fleet.fill()
                fleet.welcome(set(cluster.ray.wait([actor.hello for actor in fleet.starting], timeout=1)[0]))
            (actor,) = fleet.workers
            lost = fleet.get(actor, actor.handle.do.remote(way.encode(), {}, ()))
            told[way] = asdict(lost)
            fleet.release(actor, lost)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
