"""Processes killed, and two coordinators on one run."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import Bench, Found
from tests.e2e.processes import children

LOADED = 3.0  # seconds of processor time, by which a worker that took a dead one's place has ended its job


def coordinator(bench: Bench, times: int) -> Found:
    """``kill -9`` of the coordinator, of one run again and again until it ends; every fifth of a command from its start."""
    found, kills, phases, lost = Found(), 0, Counter[str](), Counter[int]()
    while kills < times:
        study = bench.study(f"coordinator-{kills}")
        while kills < times:
            command = kills % 5 == 4
            begun, stored = study.trainings(), study.segments()
            process = study.start(command=command, before=study.counted)
            wall = bench.undisturbed.seconds + (bench.imports if command else 0.0)
            if process.ends_within(bench.random.uniform(0.0, wall)):
                break
            process.kill()
            kills += 1
            phases[study.phase()] += 1
            if not command:
                lost[study.trainings() - begun - (study.segments() - stored)] += 1
        bench.ends(study, found)
    return found.tell(times=kills, phases=dict(phases), segments_lost_by_kill=dict(lost))


def worker(bench: Bench, times: int) -> Found:
    """``kill -9`` of a worker, one after another, while the run goes on."""
    found, kills, runs = Found(), 0, 0
    while kills < times:
        study = bench.study(f"worker-{kills}", workers=2)
        process = study.start(command=True)
        runs += 1
        killed: set[int] = set()
        first: set[int] = set()
        while kills < times and not process.ends_within(bench.random.uniform(0.0, 2.0)):
            alive = workers_of(process.pid)
            if not killed:
                first |= set(alive)
            ready = [
                pid
                for pid in alive
                if pid not in killed and (pid in first or _processor_seconds(pid) > LOADED)
            ]
            if ready:
                victim = bench.random.choice(ready)
                os.kill(victim, signal.SIGKILL)
                killed.add(victim)
                kills += 1
        bench.ended(study, process.wait(), process.printed, found)
    return found.tell(times=kills, runs=runs)


def two_coordinators(bench: Bench, times: int) -> Found:
    """A second ``hpo run`` of a run under way: it is refused, and the first one goes on."""
    found = Found()
    for number in range(times):
        study = bench.study(f"two-{number}")
        first = study.start(before=study.counted)
        while not (study.run / ".lock").exists() and first.poll() is None:
            time.sleep(0.01)
        first.ends_within(bench.random.uniform(0.0, 0.5 * bench.undisturbed.seconds))
        other = study.beside()
        code, printed = other.finish()
        if (code, "another process is at work on" in printed) != (2, True):
            found.fault(f"the second coordinator ended with {code}: {printed}")
        bench.ended(study, first.wait(), first.printed, found)
    return found.tell(times=times)


def workers_of(coordinator: int) -> list[int]:
    """Worker processes below a coordinator: those that its fork server forked."""
    servers = [pid for pid in children(coordinator) if "forkserver" in _command_line(pid)]
    return sorted(child for server in servers for child in children(server))


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


FAULTS: dict[str, Any] = {
    "coordinator": (coordinator, 50),
    "worker": (worker, 50),
    "two_coordinators": (two_coordinators, 5),
}
