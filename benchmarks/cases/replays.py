"""The cases in which every side replays one trial list."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks import spaces
from benchmarks.replay import Bench, Replayed, replay, result


def overhead(bench: Bench) -> dict[str, Any]:
    """Many trials of ten tiny steps; what a trial costs is the slope from few trials to many, less the side's own steps.

    Not less the steps of the loop by hand: hpo's take less time than those, and its overhead would be below nothing.
    """
    few, many = (2, 6) if bench.small else (16, 64)
    sides = ("T", "T*", "P*")
    first = replay(bench, "overhead_few", spaces.overhead(few), sides, 5, one_by_one=True)
    last = replay(bench, "overhead", spaces.overhead(many), sides, 5, one_by_one=True)
    bare = {side: 1000 * _median_training(last, side) / last.counts.trainings for side in last.runs}
    beyond = {
        side: 1000 * (_median_wall(last, side) - _median_wall(first, side)) / (many - few) - bare[side]
        for side in last.runs
    }
    figures = {
        **{f"{side}, ms a trial in steps and evaluations": value for side, value in bare.items()},
        **{f"{side}, ms a trial beyond": value for side, value in beyond.items()},
        "T / H beyond": beyond["T"] / beyond["H"],
        "H, seconds of a run whatever its trials": _median_wall(first, "H")
        - first.counts.trainings * (beyond["H"] + bare["H"]) / 1000,
    }
    return {**result(last), "figures": figures}


def no_harm(bench: Bench) -> dict[str, Any]:
    """One full fine-tuning and its confirmation."""
    found = replay(bench, "no_harm", spaces.no_harm(bench.small), ("T", "T*", "P*"), 5)
    examples = sum(t.steps * t.parameters["batch_size"] for t in found.trainings)
    figures = {f"{side}, examples a second": examples / _median_wall(found, side) for side in found.runs}
    return {**result(found), "figures": figures}


def main_job(bench: Bench) -> dict[str, Any]:
    """The trials and confirmations of lr_schedules.yaml."""

    found = replay(bench, "main_job", spaces.main_job(bench.small, bench.replicates), ("T", "T*", "P*"), 1)
    figures = {"replicates of 5": bench.replicates, "H, minutes": _median_wall(found, "H") / 60}
    return {**result(found), "figures": figures}


def cool_down(bench: Bench) -> dict[str, Any]:
    """Forks of trunks."""
    return result(replay(bench, "cool_down", spaces.cool_down(bench.small), ("T", "T*", "P*"), 1))


def poor_case(bench: Bench) -> dict[str, Any]:
    """Nothing to share; what hpo does beside steps and evaluations, as a share of its wall time."""
    found = replay(bench, "poor_case", spaces.poor_case(bench.small), ("P*",), 1)
    run = found.runs["H"][-1]
    profile = run.report["profile"]
    kept = sum(profile.get(kind, 0.0) for kind in ("store", "track"))
    figures = {
        "store and track, % of the wall": 100 * kept / run.wall,
        "other (a worker without work at the end), % of the wall": 100 * profile.get("other", 0.0) / run.wall,
        "load and report, seconds": profile.get("load", 0.0) + profile.get("report", 0.0),
    }
    return {**result(found), "figures": figures}


def frozen(bench: Bench) -> dict[str, Any]:
    """Depths 3 to 5 of six, the lowest layers' outputs computed once."""
    return result(replay(bench, "frozen", spaces.frozen(bench.small, (3, 4, 5)), ("T*", "P*"), 1))


def head_only(bench: Bench) -> dict[str, Any]:
    """All six layers frozen; besides the wall the seconds in steps, evaluations and passes alone."""
    found = replay(bench, "head_only", spaces.frozen(bench.small, (6,)), ("T*", "P*"), 1)
    figures = {
        f"{side} / H in steps and evaluations": _median_training(found, side) / _median_training(found, "H")
        for side in ("T*", "P*")
    }
    return {**result(found), "figures": figures}


def ray_tune(bench: Bench) -> dict[str, Any]:
    """The frozen case against Ray Tune; needs the extra ``bench``."""
    return result(replay(bench, "ray_tune", spaces.frozen(bench.small, (4, 5)), ("R",), 1))


def _median_wall(found: Replayed, side: str) -> float:
    return median(run.wall for run in found.runs[side])


def _median_training(found: Replayed, side: str) -> float:
    return median(float(run.report["training_seconds"]) for run in found.runs[side])
