"""Workers that sleep in place of training: how busy the real coordinator keeps them, and what it takes for a segment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import spaces
from benchmarks.measure import ROOT, environment
from benchmarks.replay import Bench

WORKERS, MEAN = 64, 10.0  # seconds of a segment
ON_RAY, MEAN_ON_RAY = 8, 5.0  # each a process with torch


def busy(bench: Bench) -> dict[str, Any]:
    """Draws that look at nothing; then TPE with pruning, whose draws wait for the one before them in their search."""
    few = (4, 0.05) if bench.small else (WORKERS, MEAN)
    plans = {
        "random": spaces.many(4, 3 if bench.small else 4, 2 if bench.small else 16, "random", "none"),
        "TPE with pruning": spaces.many(6, 3 if bench.small else 16, 3, "tpe", "successive_halving"),
    }
    figures: dict[str, Any] = {
        "load of the machine at its begin": os.getloadavg()[0],
        "workers": few[0],
        "mean seconds of a segment": few[1],
    }
    for name, data in plans.items():
        space = bench.space("busy-" + name.split()[0], data)
        report = space.parent / "report.json"
        found = _run(
            ["-m", "benchmarks.busy_run", *map(str, (space, space.parent / "results", report, *few))], report
        )
        figures |= {f"{name}, {label}": value for label, value in found.items()}
    return {"repeats": 1, "ratios": {}, "figures": figures}


def busy_on_ray(bench: Bench) -> dict[str, Any]:
    """Actors on a Ray cluster of two machines, which are network namespaces of this one: for root on Linux."""
    few = (2, 0.05) if bench.small else (ON_RAY, MEAN_ON_RAY)
    space = bench.space("busy-ray", spaces.many(4, 3, 2 if bench.small else 8, "random", "none"))
    report = space.parent / "report.json"
    begin = {
        "load of the machine at its begin": os.getloadavg()[0],
        "workers": few[0],
        "mean seconds of a segment": few[1],
    }
    run = ["-m", "benchmarks.ray_run", *map(str, (space, space.parent / "results", report, *few))]
    found = _run(run, report, alone=["unshare", "--net", "--mount"])
    return {"repeats": 1, "ratios": {}, "figures": begin | found}


def _run(arguments: Sequence[str], report: Path, alone: Sequence[str] = ()) -> dict[str, float]:
    """What one run reports, in a process of its own."""
    command = [*alone, sys.executable, *arguments]
    subprocess.run(command, cwd=ROOT, check=True, env=environment(1), stdout=sys.stderr)
    found: dict[str, float] = json.loads(report.read_text(encoding="utf-8"))
    return found
