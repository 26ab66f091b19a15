"""One run whose workers sleep: how busy they were, and what the coordinator took for a segment.

python -m benchmarks.busy_run SPACE RESULTS REPORT.json WORKERS MEAN
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.data import open_space
from benchmarks.sleepers import SleepingEngine, busy
from hpo.records.events import Work
from hpo.search import coordinator
from hpo.search.scheduler import Scheduler


class Watch:
    """Notes when the last trial began and when the last one ended. The workers have no more to do from then on than one
    training of each search, or than the confirmations."""

    def __init__(self) -> None:
        self.last_begun = self.last_ended = 0.0

    def started(self, work: Work) -> None:
        if not work.confirmation:
            self.last_begun = time.perf_counter()

    def trial(self, *_: Any) -> None:
        self.last_ended = time.perf_counter()

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def main(space: Path, results: Path, report: Path, count: int, mean: float) -> None:
    """Run ``space`` below ``results`` with ``count`` workers, whose segments take ``mean`` seconds."""
    engines: list[SleepingEngine] = []

    def engine(wanted: Any, *_: Any) -> SleepingEngine:
        engines.append(SleepingEngine(wanted, count, mean))
        return engines[0]

    ends: list[float] = []
    scheduled = Scheduler.run

    def run(*given: Any) -> None:
        processor = time.thread_time()
        scheduled(*given)
        ends.extend((time.perf_counter(), time.thread_time() - processor))

    watch = Watch()
    with patch.object(coordinator, "Engine", engine), patch.object(Scheduler, "run", run):
        coordinator.run_experiment(open_space(space), results, None, "cpu", watch)
    [sleepers] = [e.sleepers for e in engines]
    assert sleepers.began is not None
    jobs, seconds = len(sleepers.slept), ends[0] - sleepers.began
    found = {
        "% busy until the last trial began": 100
        * busy(sleepers.slept, count, sleepers.began, watch.last_begun),
        "% busy until the last trial ended": 100
        * busy(sleepers.slept, count, sleepers.began, watch.last_ended),
        "% busy in all": 100 * busy(sleepers.slept, count, sleepers.began, ends[0]),
        "jobs": jobs,
        "seconds": seconds,
        "ms of the coordinator a job": 1000 * (seconds - sleepers.waited) / jobs,
        "ms of the coordinator a job, processor": 1000 * ends[1] / jobs,
    }
    report.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
