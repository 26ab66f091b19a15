"""Full disks and a locked database. Disks are small file systems in memory, mounted where nobody else sees them."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import Bench, Found
from benchmarks.faults.study import Study

NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
LARGE = "256m"


class SkippedError(Exception):
    """The fault cannot be made here; the message says why."""


def store(bench: Bench, times: int) -> Found:
    """The store's disk is full of what it holds: states and hidden values first, then facts."""

    def place(study: Study) -> Path:
        study.store.mkdir(parents=True)
        study.store_limit = "100MB"  # less than there is room for later
        return study.store

    return _full(bench, times, place, (40_000, 400_000))


def journal(bench: Bench, times: int) -> Found:
    """Optuna's journal lies on a disk that is full."""

    def place(study: Study) -> Path:
        disk = study.folder / "disk"
        disk.mkdir()
        study.run.mkdir(parents=True)
        (study.run / "optuna-journal.log").symlink_to(disk / "journal")
        return disk

    return _full(bench, times, place, (4096, 24_000))


def records(bench: Bench, times: int) -> Found:
    """The run's folder, with journal and records, lies on a disk that is full."""

    def place(study: Study) -> Path:
        study.run.mkdir(parents=True)
        return study.run

    return _full(bench, times, place, (16_384, 160_000))


def mlflow(bench: Bench, times: int) -> Found:
    """MLflow's database lies on a disk that is full."""

    def place(study: Study) -> Path:
        disk = study.folder / "disk"
        disk.mkdir()
        study.database = disk / "mlflow.db"
        return disk

    return _full(bench, times, place, (200_000, 1_600_000))


def locked(bench: Bench, times: int) -> Found:
    """Another process holds MLflow's database for some seconds, and for longer than anybody waits."""
    found, ended = Found(), {"short": [], "long": []}  # type: ignore[var-annotated]
    for number in range(times):
        for name, seconds in (("short", 2.0), ("long", 25.0)):
            study = bench.study(f"locked-{name}-{number}")
            process = study.start(before=study.counted)
            while not _has_runs(study.database) and process.poll() is None:
                time.sleep(0.02)
            process.ends_within(bench.random.uniform(0.0, 0.3 * bench.undisturbed.seconds))
            holder = threading.Thread(target=_hold, args=(study.database, seconds))
            holder.start()
            code, printed = process.wait(), process.printed
            holder.join()
            ended[name].append(code)
            if code not in (0, 2) or "Traceback" in printed:
                found.fault(f"{name}: ended with {code}: {printed}")
            bench.ends(study, found)
    return found.tell(times=2 * times, exit_codes=ended)


def _full(bench: Bench, times: int, place: Callable[[Study], Path], sizes: tuple[int, int]) -> Found:
    """Run on a small disk until it is full, make room, give the command again."""
    found, refused, segments = Found(), 0, 0
    _private_mounts()
    for number in range(times):
        study = bench.study(f"full-{place.__qualname__.partition('.')[0]}-{number}")
        disk = place(study)
        with _small_disk(disk, bench.random.randint(*sizes)):
            code, printed = study.finish(before=study.counted)
            stored = study.segments()
            refused += code == 2
            if code not in (0, 2) or "Traceback" in printed:
                found.fault(f"{study.folder.name}: ended with {code}: {printed}")
            if code == 2 and "hint: " not in printed:
                found.fault(f"{study.folder.name}: no word of what to do: {printed}")
            _mount("-o", f"remount,size={LARGE}", str(disk))
            segments = max(segments, study.trainings() - stored)
            _ends_on(bench, study, found)
    return found.tell(times=times, ended_with_an_error=refused, most_segments_lost=segments)


def _ends_on(bench: Bench, study: Study, found: Found) -> None:
    """As ``bench.ends``, on a disk that cannot be removed yet."""
    code, printed = study.finish(before=study.counted)
    bench.compare(study, code, printed, found)


def _private_mounts() -> None:
    """What is mounted from now on is seen by this process and those below it alone."""
    if os.geteuid() != 0:
        raise SkippedError("only root mounts a small disk")
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS):
        raise SkippedError(f"no mounts of its own: {os.strerror(ctypes.get_errno())}")
    _mount("--make-rprivate", "/")


@contextmanager
def _small_disk(path: Path, size: int) -> Iterator[None]:
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "-l", str(path)], check=True)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["/bin/mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SkippedError(f"mounting is not allowed: {done.stderr.strip()}")


def _has_runs(database: Path) -> bool:
    """Whether MLflow has made its tables and a run."""
    if not database.is_file():
        return False
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=0.1)
    try:
        return bool(connection.execute("SELECT 1 FROM runs LIMIT 1").fetchall())
    except sqlite3.Error:
        return False
    finally:
        connection.close()


def _hold(database: Path, seconds: float) -> None:
    """Keep every other writer out for so long."""
    connection = sqlite3.connect(database, timeout=30.0, isolation_level=None)
    with suppress(sqlite3.Error):
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    connection.close()


FAULTS: dict[str, Any] = {
    "store_full": (store, 5),
    "journal_full": (journal, 5),
    "records_full": (records, 5),
    "mlflow_full": (mlflow, 5),
    "sqlite_locked": (locked, 3),
}
