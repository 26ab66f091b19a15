"""Every case by name: what is done, what is to be reached, and the function that measures it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.cases import (
    alone,
    buckets,
    busy,
    early_stop,
    estimates,
    optimizer,
    published,
    replays,
    reports,
    searches,
    shared,
    trials,
    verdicts,
    writes,
)
from benchmarks.replay import Bench


@dataclass(frozen=True)
class Case:
    """``run`` measures; ``work`` and ``target`` are what the table says of it."""

    run: Callable[[Bench], dict[str, Any]]
    work: str
    target: str


CASES: dict[str, Case] = {
    "overhead": Case(
        replays.overhead,
        "64 trials of 10 tiny steps",
        "at most 30 ms a trial beyond the bare steps; 10x under T's",
    ),
    "no_harm": Case(
        replays.no_harm, "one full fine-tuning, nothing shared", "at least 0.97 of P*'s speed; 1.8x T"
    ),
    "main_job": Case(
        replays.main_job,
        "trials and confirmations of `lr_schedules.yaml`",
        "5x T, 3x T*, 2.5x P*; under 6 minutes on two cores; efficiency 0.6",
    ),
    "cool_down": Case(replays.cool_down, "4 horizons x 4 shapes x 2 peaks x 2 seeds", "6x T, 3.2x T*"),
    "poor_case": Case(
        replays.poor_case,
        "linear decay, each trial its own peak and horizon",
        "at least 1.0 of P*; overhead at most 2 %",
    ),
    "frozen": Case(replays.frozen, "6 layers, k in 3, 4, 5; 5 rates x 2 heads", "2.4x T*"),
    "head_only": Case(replays.head_only, "6 layers, k = 6; 5 rates x 2 heads", "100x T*"),
    "duplicates": Case(
        alone.duplicates,
        "200 TPE trials on 60 points; 10, 100, 1,000 trials",
        "at most 20 ms a hit; time a trial flat in their number",
    ),
    "longer": Case(
        alone.longer,
        "a run of T epochs extended to 2T; `kill -9` ten times",
        "1.9x starting anew; at most one segment lost each time",
    ),
    "workers": Case(
        alone.workers,
        "one worker of all threads against one of one thread for each core",
        "the rule of `--workers`",
    ),
    "buckets": Case(
        buckets.buckets,
        "length buckets against plain shuffling, ten seeds, all layers",
        "no less accuracy than plain shuffling; 2x over dynamic padding expected",
    ),
    "optimizer": Case(
        optimizer.optimizer,
        "a step of the foreach optimizer against the fused one, MiniLM",
        "the faster one is used: fused",
    ),
    "writes": Case(
        writes.writes,
        "a state of 42 MB into a new file, past the system's page cache and into it",
        "the faster way is used: past it",
    ),
    "estimates": Case(
        estimates.estimates,
        "what `hpo check` estimates of three shipped spaces, which are then run",
        "time, memory and disk within a factor of 2",
    ),
    "reports": Case(
        reports.reports,
        "the report of 100, 1,000 and 10,000 trials of ten rungs",
        "10,000 in under a minute; imports in under 2 s; the page under 8 MB",
    ),
    "trials": Case(
        trials.trials,
        "10,000 trials in one run through the real coordinator, in which nothing is trained",
        "ms a trial flat from 100 to 10,000; the report in under a minute; memory bounded",
    ),
    "busy": Case(
        busy.busy,
        "64 workers that sleep 5 to 15 s a segment: random draws; TPE with pruning, in 96 searches",
        "at least 95 % busy",
    ),
    "busy_on_ray": Case(
        busy.busy_on_ray,
        "8 actors that sleep 2.5 to 7.5 s a segment, on a Ray cluster of two nodes: random draws",
        "at least 95 % busy",
    ),
    "shared": Case(
        shared.shared,
        "what all workers share: facts in one store, its count of states, courses planned",
        "none; figures for docs/scale.md",
    ),
    "published": Case(
        published.published,
        "three published comparisons through `hpo import` and `hpo report`",
        "every published number to its last printed digit",
    ),
    "verdicts": Case(
        verdicts.verdicts,
        "simulated runs of known truth: 2, 4, 6 strategies, 1, 3, 5 searches, 1, 2, 5, 10 seeds",
        'false "better" in at most 5 % of runs; 95 % intervals cover 93 to 98 %; power as planned',
    ),
    "early_stop": Case(
        early_stop.early_stop,
        "simulated runs in which strategies stop half-way that can no longer change the comparison",
        "what is said of a strategy that went on changes in at most 5 % of runs",
    ),
    "to_an_answer": Case(
        searches.to_an_answer,
        "each side free to search, until within 0.5 points of the best known",
        "5x T, 2.5x P*, over ten paired seeds",
    ),
    "ray_tune": Case(
        replays.ray_tune, "the frozen case, k in 4, 5, against Ray Tune", "none; a further peer"
    ),
}
