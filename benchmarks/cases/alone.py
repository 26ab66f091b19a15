"""The cases of hpo alone: duplicates, longer budgets and kills, for which peers have nothing to compare."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import spaces
from benchmarks.measure import Measured, run_side, start_side
from benchmarks.replay import Bench
from hpo.records.files import read_records

KILLS = 10


def duplicates(bench: Bench) -> dict[str, Any]:
    """200 trials of TPE on 60 points for the cost of a hit; 10, 100 and 1,000 for the cost of a trial."""
    bench.warm_up()
    figures: dict[str, Any] = {}
    for trials in (4, 70) if bench.small else (10, 100, 200, 1000):
        name = f"duplicates_{trials}"
        run = bench.hpo(bench.space(name, spaces.duplicates(trials)), bench.folder / name / "run")
        bench.say(f"{name}: {run.wall:.2f} s")
        hits = run.report["extra"]["hits"]
        figures[f"{trials} trials, hits"] = len(hits)
        figures[f"{trials} trials, ms a hit"] = 1000 * median(hits) if hits else None
        figures[f"{trials} trials, ms a trial"] = 1000 * run.wall / trials
        figures[f"{trials} trials, ms of the last hits"] = (
            1000 * median(hits[-max(1, len(hits) // 10) :]) if hits else None
        )
        figures[f"{trials} trials, segments trained"] = run.report["trained"]
    return {"repeats": 1, "figures": figures}


def longer(bench: Bench) -> dict[str, Any]:
    """A run of T epochs, then 2T over the same store, against 2T anew; then kills."""
    bench.warm_up()
    epochs = 1 if bench.small else 12
    ratios, trained = [], []
    for repeat in range(bench.repeats or (1 if bench.small else 5)):
        short = bench.space("longer_short", spaces.longer(bench.small, epochs))
        long = bench.space("longer_long", spaces.longer(bench.small, 2 * epochs))
        both, anew = bench.folder / "longer" / f"both{repeat}", bench.folder / "longer" / f"anew{repeat}"
        first = bench.hpo(short, both)
        extended = bench.hpo(long, both)
        again = bench.hpo(long, anew)
        bench.say(
            f"longer, repeat {repeat}: {first.wall:.2f} s, extended {extended.wall:.2f} s, anew {again.wall:.2f} s"
        )
        ratios.append(again.wall / extended.wall)
        trained.append((extended.report["trained"], again.report["trained"]))
    lost = kills(bench, 1 if bench.small else KILLS)
    figures = {
        "epochs, T": epochs,
        "segments trained, extended": trained[0][0],
        "segments trained, anew": trained[0][1],
        "kills": len(lost),
        "finished segments trained again, at most a kill": max(lost),
    }
    return {"repeats": len(ratios), "ratios": {"anew": ratios}, "figures": figures}


def workers(bench: Bench) -> dict[str, Any]:
    """One worker of all threads against one worker of one thread for each core, at two depths of freezing."""
    bench.warm_up()
    ratios: dict[str, list[float]] = {}
    repeats = bench.repeats or (1 if bench.small else 3)
    for depth in (0, 4):
        name = f"workers_{depth}"
        space = bench.space(name, spaces.workers(bench.small, depth))
        walls: dict[int, list[float]] = {1: [], bench.threads: []}
        for repeat in range(repeats):
            for count, of_count in walls.items():
                folder = bench.folder / name / f"{count}_{repeat}"
                of_count.append(run_side(bench.job("H", space, folder, workers=count), bench.threads).wall)
                bench.say(f"{name}, repeat {repeat}, {count} workers: {of_count[-1]:.2f} s")
        pairs = zip(walls[1], walls[bench.threads], strict=True)
        ratios[f"one worker, {depth} layers frozen"] = [one / many for one, many in pairs]
    return {"repeats": repeats, "ratios": ratios}


def kills(bench: Bench, count: int) -> list[int]:
    """Kill runs at random moments of their training; finished segments that each resumed run trained again.

    What each worker was in the midst of is lost besides: one segment a worker, and no more by construction.
    """
    space = bench.space("killed", spaces.killed())
    whole = bench.hpo(space, bench.folder / "killed" / "whole")
    facts = _facts(bench.folder / "killed" / "whole" / "killed")
    rng = random.Random(0)  # noqa: S311 - moments, no secrets
    return [_kill(bench, space, bench.folder / "killed" / f"run{i}", whole, facts, rng) for i in range(count)]


def _kill(bench: Bench, space: Path, results: Path, whole: Measured, facts: Any, rng: random.Random) -> int:
    process = start_side(bench.job("H", space, results), bench.threads)
    segments = results / ".store" / "segments"
    while process.poll() is None and not _files(segments):
        time.sleep(0.01)
    training = whole.wall - whole.report["done"][0]["ended"]  # from the end of the first trial on
    time.sleep(rng.random() * 0.8 * training)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    there = len(_files(segments))
    resumed = bench.hpo(space, results)
    assert _facts(results / "killed") == facts, "a resumed run has other records than one in one piece"
    return int(resumed.report["trained"]) - (len(_files(segments)) - there)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.json") if path.is_file()]


_MEASURED = {"seconds", "spent", "test_seconds", "retrained_seconds"}


def _facts(folder: Path) -> Any:
    """The records without what a clock measured."""
    return _without_clock(read_records(folder).model_dump(mode="json"))


def _without_clock(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_clock(v) for k, v in value.items() if k not in _MEASURED}
    return (
        [_without_clock(v) for v in value]
        if isinstance(value, Sequence) and not isinstance(value, str)
        else value
    )
