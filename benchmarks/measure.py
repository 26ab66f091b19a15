"""Runs sides as processes, one after another, and measures them from outside: wall time, memory, bytes of the store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.side import Job

ROOT = Path(__file__).parents[1]
POLL = 0.25  # seconds between two looks at the processes


class SideError(RuntimeError):
    """A side ended with an error; the message ends with its last lines."""


@dataclass(frozen=True)
class Measured:
    """A side's report with what was seen from outside.

    Attributes:
        report: of ``benchmarks.peers.report.Report``, as JSON.
        coordinator: peak resident bytes of the side's process.
        workers: of each process below it, largest first; those that took under a tenth of the largest are left out.
        store: most bytes that hpo's store took.
    """

    report: Mapping[str, Any]
    coordinator: int
    workers: tuple[int, ...]
    store: int

    @property
    def wall(self) -> float:
        return float(self.report["wall_seconds"])


def environment(threads: int) -> dict[str, str]:
    """The same for all sides. Passive waiting helps all of them where the machine has other work."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def threads_of_machine() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_side(job: Job, threads: int) -> Measured:
    """Run one side to its end.

    Raises:
        SideError: it did not end well.
    """
    process = start_side(job, threads)
    watch = _Watch(process.pid, Path(job.folder) / ".store")
    watch.start()
    code = process.wait()
    watch.ended.set()
    watch.join()
    log = Path(job.folder) / "log.txt"
    if code:
        raise SideError(f"{job.side} exit code {code}: {log.read_text(errors='replace')[-3000:]}")
    report = json.loads(Path(job.report).read_text(encoding="utf-8"))
    least = max(watch.workers.values(), default=0) / 10
    workers = tuple(sorted((b for b in watch.workers.values() if b > least), reverse=True))
    return Measured(report, watch.coordinator, workers, watch.store)


def start_side(job: Job, threads: int) -> subprocess.Popen[bytes]:
    """Begin one side, as the leader of a process group of its own."""
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "job.json"
    path.write_text(json.dumps(asdict(job)), encoding="utf-8")
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.side", str(path)],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(threads),
            start_new_session=True,
        )


def peak(threads: int) -> float:
    """The matmul peak, measured now, in operations a second."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=environment(threads),
    )
    return float(done.stdout)


class _Watch(threading.Thread):
    """Looks at the processes below one while it runs; the kernel keeps the peak of each. Nothing off Linux."""

    def __init__(self, pid: int, store: Path) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.coordinator = 0
        self.workers: dict[int, int] = {}
        self.store = 0
        self._pid = pid
        self._store = store

    def run(self) -> None:
        looks = 0
        while not self.ended.wait(POLL):
            self.coordinator = max(self.coordinator, peak_bytes(self._pid))
            for child in _below(self._pid):
                self.workers[child] = max(self.workers.get(child, 0), peak_bytes(child))
            if looks % 8 == 0:  # a walk over some thousand files is not free
                self.store = max(self.store, folder_bytes(self._store))
            looks += 1
        self.store = max(self.store, folder_bytes(self._store))


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below ``folder``; files that vanish meanwhile count nothing."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(parent) / name).stat().st_size
            except OSError:
                continue
    return total


def peak_bytes(pid: int) -> int:
    """Most resident bytes of a process so far; 0 where it is gone, or off Linux."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else 0


def _below(pid: int) -> list[int]:
    """Every process below ``pid``."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        try:
            tasks = list(Path(f"/proc/{waiting.pop()}/task").iterdir())
            children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
        except OSError:
            continue
        found += children
        waiting += children
    return found
