"""Machines of a Ray cluster that are killed, frozen or cut off, and a head that is lost: network namespaces on this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.faults.bench import Bench, Found
from benchmarks.faults.disks import SkippedError

ROOT = Path(__file__).parents[2]
LONGEST = 1500.0  # seconds
ANSWERS = 60  # of 85, before the last of which the fault strikes


def struck(fault: str, bench: Bench, times: int) -> Found:
    """``hpo run --on ray`` on three machines, to one of which something happens while segments are trained."""
    if os.geteuid() != 0:
        raise SkippedError("several machines on one take root")
    found, noticed, segments = Found(), [], []
    for number in range(times):
        study = bench.study(f"{fault.replace(' ', '-')}-{number}")
        study.results.mkdir(exist_ok=True)
        moment = bench.random.randint(1, ANSWERS)
        command = ["unshare", "--net", "--mount", sys.executable, "-m", "tests.cluster.faulty", fault]
        command += [str(study.folder / "faults.yaml"), str(study.results), str(moment)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
            env=_environment(),
        )
        if done.returncode:
            found.fault(f"{study.folder.name}: {done.stderr[-3000:]}")
            continue
        told = json.loads(done.stdout)
        noticed += [round(at, 1) for at in _when(fault, told)]
        segments.append(told["done"])
        bench.ended(study, told["code"], "\n".join(told["last"]), found)
    return found.tell(times=times, noticed_after_seconds=noticed, answers=segments)


def _when(fault: str, told: dict[str, Any]) -> list[float]:
    """Seconds from the fault until it was noticed, where it was."""
    if fault == "head lost":
        return [told["first ended after"]]
    return [at for at, _ in told["lost"][:1]]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}


FAULTS: dict[str, Any] = {
    "ray_node_killed": (partial(struck, "killed"), 5),
    "ray_node_frozen": (partial(struck, "frozen"), 5),
    "ray_node_cut_off": (partial(struck, "cut off"), 5),
    "ray_head_lost": (partial(struck, "head lost"), 5),
    "ray_no_shared_folder": (partial(struck, "no shared folder"), 2),
}
