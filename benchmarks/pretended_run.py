"""One process of a run in which nothing is trained: what its coordinator took, by trial and by kind of work.

python -m benchmarks.pretended_run SPACE RESULTS REPORT.json STOP
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hpo.search.trials as trials_module
from benchmarks.data import open_space
from benchmarks.measure import peak_bytes
from benchmarks.pretended import PretendedEngine, Pretender
from benchmarks.replay import MEGABYTE
from hpo.search import coordinator
from hpo.search.draws import Draws
from hpo.search.pruners import Pruner
from hpo.search.storage import StoredStudy
from hpo.tracking.tracker import Tracker
from hpo.training.course import Planner

TRAINING = "training"  # what a worker would do
WINDOW = 500  # trials over which a figure is a mean


class Stop(KeyboardInterrupt):
    """As many trials have ended as were asked for."""


@dataclass(frozen=True)
class Look:
    """Seconds of the wall, and of the coordinator's thread on the processor; megabytes of the process; seconds by kind."""

    wall: float
    processor: float
    megabytes: float
    seconds: Mapping[str, float]


class Clock:
    """Counts the seconds of some calls, and looks at the clock whenever a trial has ended.

    Attributes:
        seconds: by kind of work. ``TRAINING`` is no work of the coordinator, though here it is done in its process.
        looks: one for each trial that ended now.
    """

    def __init__(self, stop: int) -> None:
        self.began = time.perf_counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.looks: list[Look] = []
        self._training = 0.0  # seconds of the processor
        self.first: float | None = None
        self.stopped = 0.0
        self._known = 0
        self._stop = stop

    def count(self, owner: Any, name: str, kind: str) -> None:
        """Count the seconds of every call of ``owner.name`` as ``kind``."""
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **given: Any) -> Any:
            at, processor = time.perf_counter(), time.thread_time()
            try:
                return inner(*args, **given)
            finally:
                self.seconds[kind] += time.perf_counter() - at
                if kind == TRAINING:
                    self._training += time.thread_time() - processor

        setattr(owner, name, timed)

    def started(self, *_: Any) -> None:
        """The first training that begins ends the opening."""
        self.first = self.first or time.perf_counter()

    def rung(self, *_: Any) -> None:
        """Nothing is noted."""

    def trial(self, *_: Any) -> None:
        if self.first is None:
            self._known += 1
            return
        processor = time.thread_time() - self._training
        wall = time.perf_counter() - self.seconds[TRAINING]
        self.looks.append(Look(wall, processor, _megabytes(), dict(self.seconds)))
        if self._known + len(self.looks) == self._stop:
            self.stopped = time.perf_counter()
            raise Stop

    def confirmation(self, *_: Any) -> None:
        """Nothing is noted."""

    def note(self, *_: Any) -> None:
        """Nothing is noted."""

    def figures(self) -> dict[str, float]:
        """What was measured: each window of trials is named by its last."""
        assert self.first is not None, "something was left to do"
        found = {"seconds of opening": self.first - self.began, "trials known": float(self._known)}
        for last in _windows(len(self.looks)):
            first, end = self.looks[max(0, last - WINDOW)], self.looks[last - 1]
            count = min(last, WINDOW + 1) - 1
            found |= {
                f"ms a trial at {last}, {kind}": 1000 * (seconds - first.seconds.get(kind, 0.0)) / count
                for kind, seconds in end.seconds.items()
                if kind != TRAINING
            }
            found[f"ms a trial at {last}"] = 1000 * (end.wall - first.wall) / count
            found[f"ms a trial at {last}, processor"] = 1000 * (end.processor - first.processor) / count
            found[f"MB at {last}"] = end.megabytes
        return found


def _windows(ended: int) -> list[int]:
    return [last for last in (100, 1_000, 10_000) if last <= ended] + ([ended] if ended % 1_000 > 1 else [])


def _megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(space: Path, results: Path, report: Path, stop: int) -> None:
    """Run ``space`` below ``results`` until ``stop`` trials have ended; 0: to its end."""
    opened = open_space(space)
    clock = Clock(stop)
    clock.count(Pretender, "do", TRAINING)
    clock.count(Planner, "plan", "plan")
    clock.count(Draws, "draw", "ask")
    clock.count(Pruner, "decide", "prune")
    clock.count(trials_module, "write_trial", "record")
    for name in ("begin", "add", "report", "end"):
        clock.count(StoredStudy, name, "journal")
    for name in ("started", "rung", "trial"):
        clock.count(Tracker, name, "tell MLflow")
    clock.count(Tracker, "finish", "finish MLflow")
    found: dict[str, float] = {}
    try:
        with patch.object(coordinator, "Engine", PretendedEngine):
            outcome = coordinator.run_experiment(opened, results, None, "cpu", clock)
        found = {
            "seconds of the report": outcome.profile["report"],
            "seconds until MLflow has all": clock.seconds["finish MLflow"],
        }
    except Stop:
        found["seconds of stopping"] = time.perf_counter() - clock.stopped
    found["MB of memory"] = peak_bytes(os.getpid()) / MEGABYTE
    report.write_text(json.dumps(clock.figures() | found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
