"""Length buckets against plain shuffling: is what they save paid for in accuracy?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from benchmarks import spaces
from benchmarks.data import open_space
from benchmarks.replay import Bench

SEEDS = 10
PLAIN, BUCKETS = "plain shuffling", "buckets"


def buckets(bench: Bench) -> dict[str, Any]:
    """The same trainings on the same seeds, with batches from pools of like lengths and with batches as shuffled."""
    space = bench.space("buckets", spaces.buckets(bench.small))
    seeds = bench.repeats or (2 if bench.small else SEEDS)
    accuracy: dict[str, list[float]] = {PLAIN: [], BUCKETS: []}
    seconds: dict[str, list[float]] = {PLAIN: [], BUCKETS: []}
    for seed in range(seeds):
        for kind in (PLAIN, BUCKETS):
            scored, trained = _train(space, bench.folder / "buckets" / f"{kind} {seed}", kind, seed)
            accuracy[kind].append(scored)
            seconds[kind].append(trained)
        bench.say(f"buckets, seed {seed}: accuracy {accuracy[PLAIN][-1]:.3f}, {accuracy[BUCKETS][-1]:.3f}")
    differences = [100 * (b - p) for b, p in zip(accuracy[BUCKETS], accuracy[PLAIN], strict=True)]
    figures = {
        "test accuracy, plain, %": 100 * mean(accuracy[PLAIN]),
        "test accuracy, buckets, %": 100 * mean(accuracy[BUCKETS]),
        "buckets minus plain, points": mean(differences),
        "its standard error over seeds": stdev(differences) / math.sqrt(seeds),
        "seconds of training, plain": median(seconds[PLAIN]),
        "seconds of training, buckets": median(seconds[BUCKETS]),
    }
    ratios = [p / b for p, b in zip(seconds[PLAIN], seconds[BUCKETS], strict=True)]
    return {"repeats": seeds, "ratios": {"plain, steps alone": ratios}, "figures": figures}


def _train(space: Path, folder: Path, kind: str, seed: int) -> tuple[float, float]:
    """Test accuracy and seconds in steps of one training."""
    from hpo.config.parameters import complete
    from hpo.runtime.jobs import Job
    from hpo.runtime.loading import load
    from hpo.training.store import STORE_LIMIT, Store

    experiment = open_space(space).experiment
    loaded = load(experiment, "cpu")
    with _pools(1 if kind == PLAIN else None):
        recall = loaded.recall(Store(folder, STORE_LIMIT), ())
        recall.open_test(loaded.test_sets)
        parameters = complete({name: experiment.trial_values(name)[0] for name in experiment.parameters})
        job = Job(parameters=parameters, seed=seed, rung=0)
        worker = loaded.worker(recall)
        done = worker.do(job)
        test = worker.do(job.model_copy(update={"split": "test"})).test
    assert test is not None, "a job on the test split gives scores"
    return test.score, done.seconds["train"]


@contextmanager
def _pools(batches: int | None) -> Iterator[None]:
    """Batches whose lengths are sorted together; None: as hpo has it."""
    import hpo.data.batches as module

    before = module.POOL_BATCHES
    module.POOL_BATCHES = batches or before
    try:
        yield
    finally:
        module.POOL_BATCHES = before
