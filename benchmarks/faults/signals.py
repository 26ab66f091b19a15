"""Processes that are told to end, as those of a machine that is taken away, and workers that hang."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import Bench, Found
from benchmarks.faults.kills import workers_of
from benchmarks.faults.study import Process, Study
from tests.e2e.processes import alive, below

GRACE = 10.0  # seconds from SIGTERM to SIGKILL
# Seconds of silence after which a worker hangs, in place of 120, in all runs but each tenth: above the 5 between two signs
# of life, which a worker that is starved of processor time by its neighbours may miss.
SILENT = 20.0


def preempted(bench: Bench, times: int) -> Found:
    """SIGTERM to the coordinator, every second time to all processes of the run; ten seconds later SIGKILL."""
    found, taken, slowest, codes = Found(), 0, 0.0, set[int]()
    while taken < times:
        study = bench.study(f"preempted-{taken}", workers=2)
        while taken < times:
            process = study.start(command=taken % 5 == 4)
            wall = bench.undisturbed.seconds + (bench.imports if taken % 5 == 4 else 0.0)
            if process.ends_within(bench.random.uniform(0.0, wall)):
                break
            slowest = max(slowest, _preempt(process, found, to_all=taken % 2 == 1))
            codes.add(process.wait())
            taken += 1
        _ends(bench, study, found)
    return found.tell(times=taken, slowest_seconds=round(slowest, 2), exit_codes=sorted(codes))


def hung(bench: Bench, times: int) -> Found:
    """SIGSTOP of a worker of two in the midst of its work, for good."""
    found, noticed = Found(), []
    for number in range(times):
        study = bench.study(f"hung-{number}", workers=2)
        whole = number % 10 == 9  # the command as it is, with all its patience
        process = study.start(command=whole, before=lambda: None if whole else _impatient())  # noqa: B023
        while study.segments() < 3 and process.poll() is None:
            time.sleep(0.01)
        process.ends_within(bench.random.uniform(0.0, 0.3 * bench.undisturbed.seconds))
        workers = workers_of(process.pid)
        if workers:
            victim = bench.random.choice(workers)
            os.kill(victim, signal.SIGSTOP)
            stopped = time.monotonic()
            while alive(victim) and process.poll() is None:
                time.sleep(0.05)
            noticed.append(round(time.monotonic() - stopped, 1))
        bench.ended(study, process.wait(), process.printed, found)
        if workers and alive(victim):
            found.fault(f"{study.folder.name}: the stopped worker is still there")
            os.kill(victim, signal.SIGKILL)
    return found.tell(times=len(noticed), ended_after_seconds=noticed)


def _preempt(process: Process, found: Found, *, to_all: bool) -> float:
    """Take the machine away; seconds until nothing of the run was left."""
    family = {process.pid, *below(process.pid)}
    began = time.monotonic()
    for pid in family if to_all else {process.pid}:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    while (left := {pid for pid in family if alive(pid)}) and time.monotonic() < began + GRACE:
        process.poll()
        time.sleep(0.02)
    seconds = time.monotonic() - began
    if left:
        names = "; ".join(_command(pid) for pid in sorted(left))
        found.fault(f"{len(left)} of {len(family)} processes were left after {GRACE:g} s: {names}")
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return seconds


def _ends(bench: Bench, study: Study, found: Found) -> None:
    process = study.start()
    bench.ended(study, process.wait(), process.printed, found)


def _command(pid: int) -> str:
    """The end of a process's command line."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()[-60:]
    return f"process {pid}, which has ended since"


def _impatient() -> None:
    from hpo.runtime import attempts

    vars(attempts)["SILENT_SECONDS"] = SILENT


FAULTS: dict[str, Any] = {"preempted": (preempted, 20), "worker_hangs": (hung, 10)}
