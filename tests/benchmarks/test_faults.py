"""The harness of ``python -m benchmarks faults`` sees what it is there to see; the faults themselves take minutes."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.faults.bench import Bench, Found
from benchmarks.faults.clocks import SITE
from benchmarks.faults.study import Left

LEFT = Left(
    records={"trials": [{"score": 0.5}]},
    trials={("linear", 0): [(1, {"learning_rate": 1e-3}, [0.5], {64: 0.5})]},
    mirrored=[("comparison", "FINISHED"), ("trial/linear/r0/d0", "FINISHED")],
    segments={"a.json": {"loss": 0.5, "state": "sha256:1"}},
    evaluations={"b.json": {"metrics": {"accuracy": 0.5}}},
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("records", {"trials": [{"score": 0.6}]}),
        ("trials", {}),
        ("mirrored", [*LEFT.mirrored, LEFT.mirrored[-1]]),
        ("segments", {**LEFT.segments, "c.json": {}}),
        ("evaluations", {"b.json": {"metrics": {"accuracy": 0.6}}}),
    ],
)
def test_what_is_other_than_undisturbed_is_named(name: str, value: object) -> None:
    assert LEFT.differences(LEFT) == []
    assert replace(LEFT, **{name: value}).differences(LEFT) == [name]


def test_moments_are_those_of_the_seed_and_a_broken_promise_is_kept(tmp_path: Path) -> None:
    one, two = (Bench(tmp_path, 7).random.random() for _ in range(2))
    assert one == two
    found = Found()
    found.fault("a run did not end")
    assert found.tell(times=1).faults == ["a run did not end"]


def test_a_clock_is_set_back_as_asked(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE)
    said = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time(), time.time_ns(), time.strftime('%s'))"],
        env={"PYTHONPATH": str(tmp_path), "FAULT_CLOCK": "-1000000 0"},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, nanoseconds, formatted = (float(word) for word in said.stdout.split())
    for found in (seconds, nanoseconds / 1e9, formatted):
        assert -1_000_100 < found - time.time() < -999_900
