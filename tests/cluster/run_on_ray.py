"""Runs a space on a Ray cluster, untracked: SPACE RESULTS WORKERS, and `tell` to print what is done and lost meanwhile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hpo.config.space import load_space
from hpo.runtime.jobs import Done, Job
from hpo.runtime.ray_executor import RayExecutor
from hpo.search import coordinator
from hpo.search.coordinator import run_experiment
from tests.search.nobody import Nobody


def tell() -> None:
    """Have executors print each job that is done, and each worker that is lost."""
    next_done, lose = RayExecutor.next_done, RayExecutor._lose

    def next_told(self: RayExecutor) -> tuple[Job, Done]:
        job, done = next_done(self)
        print("done", job.rung, flush=True)
        return job, done

    def lose_told(self: RayExecutor, worker: Any, lost: Any) -> None:
        print("lost", worker.node.address, lost, flush=True)
        lose(self, worker, lost)

    RayExecutor.next_done, RayExecutor._lose = next_told, lose_told  # type: ignore[method-assign]


def main(space: str, results: str, workers: str, *more: str) -> None:
    coordinator.Tracker = Nobody  # type: ignore[misc,assignment]
    if more:
        tell()
    opened = load_space(space, [], [])
    print(run_experiment(opened, Path(results), None, "cpu", Nobody(), int(workers), on="ray").trained)


if __name__ == "__main__":
    main(*sys.argv[1:])
