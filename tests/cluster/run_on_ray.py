"""Runs a space on a Ray cluster, untracked: SPACE RESULTS WORKERS."""

from __future__ import annotations

import sys
from pathlib import Path

from hpo.config.space import load_space
from hpo.search import coordinator
from hpo.search.coordinator import run_experiment
from tests.search.nobody import Nobody


def main(space: str, results: str, workers: str) -> None:
    coordinator.Tracker = Nobody  # type: ignore[misc,assignment]
    opened = load_space(space, [], [])
    print(run_experiment(opened, Path(results), None, "cpu", Nobody(), int(workers), on="ray").trained)


if __name__ == "__main__":
    main(*sys.argv[1:])
