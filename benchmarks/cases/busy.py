"""Sixty-four workers that sleep in place of training: how busy the real coordinator keeps them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from benchmarks import spaces
from benchmarks.measure import ROOT, environment
from benchmarks.replay import Bench

WORKERS, MEAN = 64, 10.0  # seconds of a segment


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
        subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.busy_run",
                *map(str, (space, space.parent / "results", report, *few)),
            ],
            cwd=ROOT,
            check=True,
            env=environment(1),
            stdout=sys.stderr,
        )
        found = json.loads(report.read_text(encoding="utf-8"))
        figures |= {f"{name}, {label}": value for label, value in found.items()}
    return {"repeats": 1, "ratios": {}, "figures": figures}
