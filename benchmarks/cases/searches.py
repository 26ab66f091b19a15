"""The case in which each side is free to search: how long until its answer is as good as the best known."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks import spaces
from benchmarks.measure import run_side
from benchmarks.replay import Bench, processes

SEEDS = 10
NEAR = 0.005  # half a point of accuracy
SIDES = ("H", "T", "P*")
MOST_TRIALS = 96  # of hpo, which searches on until its answer has come


def to_an_answer(bench: Bench) -> dict[str, Any]:
    """Paired seeds; the best known of a seed is the best score that any side reached in a search of equally many trials.

    A peer that never comes near it is taken to need its whole search; hpo then makes a longer one from its beginning, of
    ``MOST_TRIALS`` if need be. So a ratio is a lower bound where a peer did not come near it, and an upper one where hpo
    did not.
    """
    bench.warm_up()
    answers: list[dict[str, tuple[float, bool]]] = []
    for seed in range(1 if bench.small else bench.repeats or SEEDS):
        trials = spaces.to_an_answer(bench.small, seed)["budget"]["trials"]
        reports = {side: _search(bench, side, seed, trials) for side in SIDES}
        best = max(score for report in reports.values() for _, score in _whole(report["done"]))
        found = {side: answered(report, best) for side, report in reports.items()}
        if not found["H"][1]:
            longer = 4 if bench.small else MOST_TRIALS
            found["H"] = answered(_search(bench, "H", seed, longer, enough=best - NEAR), best)
        for side, (seconds, came) in found.items():
            bench.say(f"to_an_answer, seed {seed}, {side}: {'answer' if came else 'none'} in {seconds:.2f} s")
        answers.append(found)
    return {
        "repeats": len(answers),
        "ratios": {side: [a[side][0] / a["H"][0] for a in answers] for side in SIDES if side != "H"},
        "figures": {
            **{f"{side}, median seconds": median(a[side][0] for a in answers) for side in SIDES},
            **{f"{side}, seeds answered": sum(a[side][1] for a in answers) for side in SIDES},
        },
    }


def _search(bench: Bench, side: str, seed: int, trials: int, enough: float | None = None) -> dict[str, Any]:
    """One search of one side, which hpo stops at a score that is ``enough``: its own account."""
    data = spaces.to_an_answer(bench.small, seed)
    data["budget"]["trials"] = trials
    space = bench.space(f"to_an_answer_{seed}", data)
    folder = space.parent / side
    count = processes(bench.threads) if side == "P*" else 1
    job = bench.job(side, space, folder, trials=trials, seed=seed, processes=count, enough=enough)
    run = run_side(job, bench.threads)
    bench.say(f"to_an_answer, seed {seed}, {side}, {trials} trials: {run.wall:.2f} s")
    shutil.rmtree(folder)
    return dict(run.report)


def answered(report: Mapping[str, Any], best: float) -> tuple[float, bool]:
    """Seconds until a score near ``best``, and whether it came; confirmations of hpo are no search and do not count."""
    came = (ended for ended, score in sorted(_whole(report["done"])) if score >= best - NEAR)
    ended = next(came, None)
    return (float(report["wall_seconds"]), False) if ended is None else (ended, True)


def _whole(done: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    return [
        (d["ended"], d["accuracy"])
        for d in done
        if not d["pruned"] and not d["confirmation"] and d["accuracy"] is not None
    ]
