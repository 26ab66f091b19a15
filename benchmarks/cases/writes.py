"""Writing a state past the system's page cache against writing it into the cache."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.replay import Bench

MEGABYTES = 42  # of a state of MiniLM with four layers frozen
REPEATS = 20


def writes(bench: Bench) -> dict[str, Any]:
    """New files both ways in turn: how long each takes, and of that the processor's time."""
    from hpo.training.past_cache import PastCache

    size = (9 if bench.small else MEGABYTES) << 20
    data = [memoryview(os.urandom(size))]
    past = PastCache()
    ratios: list[float] = []
    seconds: dict[str, list[tuple[float, float]]] = {"past the cache": [], "into the cache": []}
    folder = bench.folder / "writes"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(bench.repeats or REPEATS):
        first = _timed(lambda path: past.write(path, data), folder / f"past-{number}")
        second = _timed(lambda path: path.write_bytes(data[0]), folder / f"into-{number}")
        seconds["past the cache"].append(first)
        seconds["into the cache"].append(second)
        ratios.append(second[0] / first[0])
    figures: dict[str, Any] = {"megabytes": size >> 20, "written past it": past.works}
    for way, taken in seconds.items():
        figures[f"{way}, ms"] = 1000 * median(wall for wall, _ in taken)
        figures[f"{way}, ms of the processor"] = 1000 * median(cpu for _, cpu in taken)
    return {"repeats": len(ratios), "ratios": {"into the cache": ratios}, "figures": figures}


def _timed(write: Callable[[Path], object], path: Path) -> tuple[float, float]:
    """Seconds, and seconds of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    write(path)
    return time.perf_counter() - wall, time.process_time() - cpu
