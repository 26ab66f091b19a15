"""One run on a Ray cluster of two machines on this one, whose workers sleep: how busy they were, and the coordinator's part.

python -m benchmarks.ray_run SPACE RESULTS REPORT.json WORKERS MEAN

The machines are network namespaces behind a bridge (``tests.cluster.hosts``), so this is for root on Linux alone. The
executor, its actors and the coordinator are the real ones; an actor sleeps where it would train.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from unittest.mock import patch

from benchmarks.data import open_space
from benchmarks.pretended import Pretender
from benchmarks.sleepers import Slept, busy, seconds_of
from hpo.runtime import ray_fleet
from hpo.runtime.jobs import Done, Job
from hpo.runtime.loading import load
from hpo.runtime.ray_executor import RayExecutor
from hpo.runtime.ray_worker import RayWorker
from hpo.runtime.serving import Answer, Order, Setup
from hpo.search import coordinator
from hpo.search.scheduler import Scheduler
from hpo.training.store import Store

MEAN = "HPO_SLEEPING_MEAN"  # seconds of a segment, in the environment of the actors


class SleepingServer:
    """Answers orders as ``hpo.runtime.serving.Server`` does, having slept as long as their segments take."""

    def __init__(self, setup: Setup) -> None:
        self._loaded = load(setup.experiment, setup.device, setup.threads, setup.share, setup.mechanism)
        self.recall = self._loaded.recall(Store(setup.store, setup.room), setup.forks, setup.share)
        self._took = partial(seconds_of, float(os.environ[MEAN]))
        self._pretender = Pretender(self.recall, self._took)

    def answer(self, order: Order) -> Answer:
        """Sleep, and make the scores up."""
        if order.test_is_open:
            self.recall.open_test(self._loaded.test_sets)
        time.sleep(sum(map(self._took, self.recall.missing(order.job))))
        return Answer(attempt=order.attempt, done=self._pretender.do(order.job))


class SleepingWorker(RayWorker):
    """The actor of such a server."""

    def do(
        self, order: bytes, files: Mapping[str, bytes], known: Sequence[str]
    ) -> tuple[bytes, dict[str, bytes], list[str]]:
        """Do an order, asleep."""
        if self._server is None:
            self._server = SleepingServer(self._setup)  # type: ignore[assignment]
        return super().do(order, files, known)


class Watch:
    """What ended when, and for how long the coordinator had nothing to do but to wait."""

    def __init__(self) -> None:
        self.slept: list[Slept] = []
        self.last_begun = self.began = 0.0
        self.ended = self.processor = 0.0

    def started(self, work: object) -> None:
        if not getattr(work, "confirmation", True):
            self.last_begun = time.perf_counter()

    def __getattr__(self, name: str) -> object:
        return lambda *_: None

    def next_done(self, executor: RayExecutor) -> tuple[Job, Done]:
        """In the place of the executor's own."""
        job, done = _NEXT_DONE(executor)
        self.slept.append(Slept(time.perf_counter(), done.seconds["train"]))
        return job, done

    def run(self, scheduler: Scheduler, *given: object) -> None:
        """In the place of the scheduler's own."""
        self.began, processor = time.perf_counter(), time.thread_time()
        _RUN(scheduler, *given)  # type: ignore[arg-type]
        self.ended, self.processor = time.perf_counter(), time.thread_time() - processor


_NEXT_DONE, _RUN = RayExecutor.next_done, Scheduler.run


def drive(space: Path, results: Path, report: Path, count: int) -> None:
    """The coordinator, on the head."""
    watch = Watch()

    def next_done(executor: RayExecutor) -> tuple[Job, Done]:
        return watch.next_done(executor)

    def run(scheduler: Scheduler, *given: object) -> None:
        watch.run(scheduler, *given)

    with (
        patch.object(ray_fleet, "RayWorker", SleepingWorker),
        patch.object(RayExecutor, "next_done", next_done),
        patch.object(Scheduler, "run", run),
    ):
        coordinator.run_experiment(open_space(space), results, None, "cpu", watch, count, on="ray")  # type: ignore[arg-type]
    # The first job of each worker waits for it to load.
    first = sorted(slept.at for slept in watch.slept)[count]
    jobs = len(watch.slept)
    found = {
        "% busy until the last trial began": 100 * busy(watch.slept, count, first, watch.last_begun),
        "jobs": jobs,
        "seconds": watch.ended - watch.began,
        "ms of the coordinator a job, processor": 1000 * watch.processor / jobs,
    }
    report.write_text(json.dumps(found), encoding="utf-8")


def main(space: Path, results: Path, report: Path, count: int, mean: float) -> None:
    """Make the machines, each of which lends half of the workers, and run on them."""
    from tests.cluster.hosts import Hosts

    with tempfile.TemporaryDirectory(prefix="hpo-bench-") as folder:
        hosts = Hosts(2, Path(folder) / "hosts")
        hosts.environment[MEAN] = str(mean)
        for name in hosts.names:
            hosts.start_ray(name, count // 2)
        own = [
            sys.executable,
            "-m",
            "benchmarks.ray_run",
            "drive",
            str(space),
            str(results),
            str(report),
            str(count),
        ]
        process = hosts.run("h1", *own)
        output, _ = process.communicate()
        hosts.end()
        if process.returncode:
            raise SystemExit(output)


if __name__ == "__main__":
    if sys.argv[1] == "drive":
        drive(Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
