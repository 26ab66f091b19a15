"""The case in which each side is free to search: how long until its answer is as good as the best known."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks import spaces
from benchmarks.measure import Measured, run_side
from benchmarks.replay import Bench, processes

SEEDS = 10
NEAR = 0.005  # half a point of accuracy
SIDES = ("H", "T", "P*")


def to_an_answer(bench: Bench) -> dict[str, Any]:
    """Paired seeds; the best known of a seed is the best score that any side reached in it.

    A side that never comes near it is taken to need at least its whole search, so that its ratio is a lower bound.
    """
    bench.warm_up()
    answers: list[dict[str, tuple[float, bool]]] = []
    for seed in range(1 if bench.small else bench.repeats or SEEDS):
        data = spaces.to_an_answer(bench.small, seed)
        space = bench.space(f"to_an_answer_{seed}", data)
        runs: dict[str, Measured] = {}
        for side in SIDES:
            folder = space.parent / side
            count = processes(bench.threads) if side == "P*" else 1
            trials = data["budget"]["trials"]
            job = bench.job(side, space, folder, trials=trials, seed=seed, processes=count)
            runs[side] = run_side(job, bench.threads)
            bench.say(f"to_an_answer, seed {seed}, {side}: {runs[side].wall:.2f} s")
            shutil.rmtree(folder)
        answers.append(answered({side: run.report for side, run in runs.items()}))
        for side, (seconds, came) in answers[-1].items():
            bench.say(f"to_an_answer, seed {seed}, {side}: {'answer' if came else 'no answer'} in {seconds:.2f} s")
    return {
        "repeats": len(answers),
        "ratios": {side: [a[side][0] / a["H"][0] for a in answers] for side in SIDES if side != "H"},
        "figures": {
            **{f"{side}, median seconds": median(a[side][0] for a in answers) for side in SIDES},
            **{f"{side}, seeds answered": sum(a[side][1] for a in answers) for side in SIDES},
        },
    }


def answered(reports: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[float, bool]]:
    """Seconds until each side's answer, and whether it came; confirmations of hpo are no search and do not count."""
    whole = {side: _whole(report["done"]) for side, report in reports.items()}
    best = max(score for done in whole.values() for _, score in done)
    return {
        side: next(
            ((ended, True) for ended, score in sorted(done) if score >= best - NEAR),
            (float(reports[side]["wall_seconds"]), False),
        )
        for side, done in whole.items()
    }


def _whole(done: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    return [
        (d["ended"], d["accuracy"])
        for d in done
        if not d["pruned"] and not d["confirmation"] and d["accuracy"] is not None
    ]
