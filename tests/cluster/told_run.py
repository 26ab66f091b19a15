"""The command itself on a Ray cluster, SPACE RESULTS WORKERS; it also prints each job done and each worker lost."""

from __future__ import annotations

import sys
from typing import Any

from hpo.cli.main import execute
from hpo.runtime.jobs import Done, Job
from hpo.runtime.ray_executor import RayExecutor


def tell() -> None:
    """Have executors print."""
    next_done, lose = RayExecutor.next_done, RayExecutor._lose

    def next_told(self: RayExecutor) -> tuple[Job, Done]:
        job, done = next_done(self)
        print("done", job.rung, flush=True)
        return job, done

    def lose_told(self: RayExecutor, worker: Any, lost: Any) -> None:
        print("lost", worker.node.address, lost, flush=True)
        lose(self, worker, lost)

    RayExecutor.next_done, RayExecutor._lose = next_told, lose_told  # type: ignore[method-assign]


def main(space: str, results: str, workers: str) -> int:
    tell()
    command = ["run", "--space", space, "--results", results, "--workers", workers]
    return execute([*command, "--device", "cpu", "--on", "ray", "--quiet"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
