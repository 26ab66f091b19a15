"""A machine that is taken away: SIGTERM at random moments, ten seconds, then SIGKILL to whatever is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from hpo.runtime.processes import CLOSING_SECONDS
from hpo.tracking.tracker import PATIENCE
from tests.e2e.processes import alive, below
from tests.e2e.runs import facts, hpo, start

GRACE = 10.0  # seconds
TIMES = 20


def test_what_a_stopped_run_waits_for_at_most_fits_into_the_grace() -> None:
    """Workers end while MLflow is written; a process that does not end is given a second more before it is killed."""
    assert max(PATIENCE, CLOSING_SECONDS) + 1 < GRACE - 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks into /proc")
def test_a_run_that_is_preempted_again_and_again_is_down_in_time_and_ends_as_one_never_was(
    tiny_space: Path, tmp_path: Path
) -> None:
    """Every second signal goes to all processes of the run, as the system's own does when it shuts down."""
    command = ("run", "--space", str(tiny_space), "--workers", "2")
    done = hpo(*command, cwd=_folder(tmp_path, "undisturbed"))
    assert done.returncode == 0, done.stderr
    wanted = facts(tmp_path / "undisturbed" / "results" / "tiny")
    seed = time.time_ns() % 10**9
    chance = random.Random(seed)
    taken, runs, slowest = 0, 0, 0.0
    while taken < TIMES:
        folder = _folder(tmp_path, f"disturbed{runs}")
        runs += 1
        while taken < TIMES:
            process = start(*command, cwd=folder)
            try:
                process.communicate(timeout=chance.uniform(0.0, 15.0))
                break  # it came to its end before
            except subprocess.TimeoutExpired:
                slowest = max(slowest, _preempt(process, to_all=taken % 2 == 1))
                taken += 1
        done = hpo(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert facts(folder / "results" / "tiny") == wanted, f"moments drawn with seed {seed}"
    print(f"{taken} times in {runs} runs, down in {slowest:.1f} s at most; moments drawn with seed {seed}")


def _preempt(process: subprocess.Popen[str], *, to_all: bool) -> float:
    """Take the machine away; seconds until nothing was left, which is in time."""
    family = {process.pid, *below(process.pid)}
    began = time.monotonic()
    for pid in family if to_all else {process.pid}:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    while (left := {pid for pid in family if alive(pid)}) and time.monotonic() < began + GRACE:
        process.poll()
        time.sleep(0.02)
    seconds = time.monotonic() - began
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    assert not left, f"{len(left)} of {len(family)} processes were left after {GRACE} s"
    return seconds


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
