"""A clock that is set back, between two processes of one run and while one goes on."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from benchmarks.faults.bench import Bench, Found
from benchmarks.faults.study import Study

# What a process of the run executes when it starts: its wall clock is off by so many seconds, from so many seconds on.
SITE = """\
import os, time
if "FAULT_CLOCK" in os.environ:
    _off, _from = (float(part) for part in os.environ["FAULT_CLOCK"].split())
    _time, _ns, _strftime, _born = time.time, time.time_ns, time.strftime, time.monotonic()
    def _shift():
        return _off if time.monotonic() - _born >= _from else 0.0
    time.time = lambda: _time() + _shift()
    time.time_ns = lambda: _ns() + int(_shift() * 1e9)
    time.strftime = lambda form, at=None: _strftime(form, time.localtime(time.time()) if at is None else at)
"""
DAY = 86400.0
ROOT = Path(__file__).parents[2]


def set_back(bench: Bench, times: int) -> Found:
    """By up to 400 days when a killed run goes on, and by up to a day in the midst of the next process."""
    found, kills = Found(), 0
    site = bench.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    for number in range(times):
        study = bench.study(f"clock-{number}")
        for longest, begin in ((400 * DAY, 0.0), (DAY, 3.0)):
            clock = f"{-bench.random.uniform(0, longest)} {bench.random.uniform(0, begin)}"
            environment = {"FAULT_CLOCK": clock, "PYTHONPATH": f"{site}:{ROOT}"}
            process = study.start(before=lambda: _begin(site, study), environment=environment)  # noqa: B023
            if not process.ends_within(bench.random.uniform(0.2, 0.8) * bench.undisturbed.seconds):
                process.kill()
                kills += 1
        bench.ends(study, found)
    return found.tell(times=2 * times, kills=kills)


def _begin(site: Path, study: Study) -> None:
    """In a forked process: what Python does in one that begins anew."""
    study.counted()
    spec = importlib.util.spec_from_file_location("fault_clock", site / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


FAULTS = {"clock_set_back": (set_back, 3)}
