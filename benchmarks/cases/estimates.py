"""What `hpo check` estimates of a run against what the run then takes: time, memory of a worker, disk."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import spaces
from benchmarks.measure import ROOT, Measured, environment
from benchmarks.replay import MEGABYTE, Bench


def estimates(bench: Bench) -> dict[str, Any]:
    """Each space is estimated and then run from nothing, as often as is asked for.

    An estimate is a range. Time and disk are held against its middle, the root of the product of its ends; memory against
    its most, as the largest worker is measured. Time is that of the machine as it is: where its load is another in the run
    than it was in the estimate, so is the time, and both loads are told.
    """
    bench.warm_up()
    figures: dict[str, Any] = {}
    repeats = bench.repeats or 1
    found: dict[str, dict[str, list[float]]] = {}
    for name, data in spaces.estimated(bench.small).items():
        space = bench.space(f"estimated_{name}", data)
        for repeat in range(repeats):
            estimate = _estimate(bench, space)
            loads = {"load average, estimating": os.getloadavg()[0]}
            folder = space.parent / f"run{repeat}"
            run = bench.hpo(space, folder)
            loads["load average, running"] = os.getloadavg()[1]
            shutil.rmtree(folder)
            compared = compare(estimate, run) | loads
            bench.say(f"estimates, {name}, repeat {repeat}: {compared}")
            for label, value in compared.items():
                found.setdefault(name, {}).setdefault(label, []).append(value)
    for name, labels in found.items():
        for label, values in labels.items():
            figures[f"{name}, {label}"] = sum(values) / len(values)
    return {"repeats": repeats, "figures": figures}


def compare(estimate: Mapping[str, Any], run: Measured) -> dict[str, float]:
    """Measured over estimated, by what was estimated; and the seconds that the estimate took."""
    seconds, memory, disk = (estimate[name] for name in ("seconds", "memory", "disk"))
    largest = max((run.coordinator, *run.workers) if estimate["workers"] == 1 else run.workers, default=0)
    found = {
        "time, measured / estimated": run.wall / _middle(seconds),
        "disk, measured / estimated": run.store / max(_middle(disk), 1.0),
        "minutes measured": run.wall / 60,
        "minutes estimated, least": seconds["low"] / 60,
        "minutes estimated, most": seconds["high"] / 60,
        "seconds of the estimate": estimate["tried"],
    }
    if memory is not None:
        found["memory, measured / estimated"] = largest / memory["high"]
        found["MB of a worker, estimated"] = memory["high"] / MEGABYTE
    return found


def _middle(span: Mapping[str, float]) -> float:
    return math.sqrt(span["low"] * span["high"])


def _estimate(bench: Bench, space: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.estimating", str(space)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=environment(bench.threads),
    )
    return json.loads(done.stdout.splitlines()[-1])
