"""Records of random searches: draws independent of results, none pruned, and scores that parameters make."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hpo.records.metrics import Metric
from hpo.records.run import Records, Run
from hpo.records.search import ParameterInfo, Search
from hpo.records.trainings import Trial

LOSS = Metric(name="loss", maximize=False, share=False)
SPACE = (
    ParameterInfo(name="arm", kind="compared", values=("a", "b")),
    ParameterInfo(name="rate", kind="range", low=1e-4, high=1e-1, log=True, default=1e-3),
    ParameterInfo(name="dropout", kind="range", low=0.0, high=0.5, default=0.25),
    ParameterInfo(name="layers", kind="range", low=1, high=4, step=1, integer=True, default=2),
    ParameterInfo(name="head", kind="choices", values=([], [64]), default=[]),
    ParameterInfo(name="decay", kind="range", low=0.0, high=1.0, default=0.5, when={"arm": ("b",)}),
)

Score = Callable[[dict[str, Any], np.random.Generator], float]


def place(rate: float) -> float:
    """Of a rate on its log scale, 0 to 1."""
    return (math.log10(rate) + 4) / 3


def by_rate(values: dict[str, Any], random: np.random.Generator) -> float:
    """Best at 1e-2, and nothing else matters but a little noise."""
    return 0.8 - 0.4 * (place(values["rate"]) - 2 / 3) ** 2 + random.normal(0, 0.005)


def noise(values: dict[str, Any], random: np.random.Generator) -> float:
    return 0.7 + random.normal(0, 0.05)


def searched(
    score: Score = by_rate,
    *,
    trials: int = 40,
    replicates: int = 2,
    metric: Metric | None = None,
    strategies: Sequence[str] = ("a", "b"),
    seed: int = 0,
) -> Records:
    """A run of random search without its confirmations; draw 0 is the default configuration."""
    random = np.random.default_rng(seed)
    made = []
    for name in strategies:
        for replicate in range(replicates):
            for draw in range(trials):
                values = _configuration(name, draw, random)
                made.append(trial(name, replicate, draw, round(score(values, random), 6), values))
    return Records(run=head(strategies, replicates, trials, metric), trials=tuple(made), confirmations=())


def head(strategies: Sequence[str], replicates: int, trials: int, metric: Metric | None = None) -> Run:
    return Run(
        name="searched",
        question="Which arm?",
        task="toy",
        strategies=tuple(strategies),
        replicates=replicates,
        trials=trials,
        seeds=1,
        metric=metric or Metric(),
        search=Search(sampler="random", pruner="none", independent=True, shared_draws=True),
        space=SPACE if len(strategies) > 1 else SPACE[1:-1],
    )


def trial(
    strategy: str, replicate: int, draw: int, score: float | None, values: dict[str, Any] | None = None
) -> Trial:
    return Trial(
        strategy=strategy,
        replicate=replicate,
        draw=draw,
        parameters=values or {},
        state="failed" if score is None else "complete",
        reason="diverged" if score is None else "reached its end",
        score=score,
    )


def tabled(
    scores: dict[str, Sequence[Sequence[float | None]]],
    *,
    metric: Metric | None = None,
    independent: bool | None = True,
) -> Records:
    """Records of another tool that hold no more than the scores (replicates, draws) of each strategy."""
    made = [
        trial(name, replicate, draw, score, {"x": 1000 * replicate + draw})
        for name, rows in scores.items()
        for replicate, row in enumerate(rows)
        for draw, score in enumerate(row)
    ]
    run = head(tuple(scores), max(map(len, scores.values())), len(made), metric).model_copy(
        update={"source": "a table", "space": (), "search": Search(independent=independent)}
    )
    return Records(run=run, trials=tuple(made), confirmations=())


def _configuration(strategy: str, draw: int, random: np.random.Generator) -> dict[str, Any]:
    values: dict[str, Any] = {
        "arm": strategy,
        "rate": float(10 ** random.uniform(-4, -1)),
        "dropout": float(random.uniform(0, 0.5)),
        "layers": int(random.integers(1, 5)),
        "head": [[], [64]][random.integers(2)],
        "decay": float(random.uniform()),
    }
    if draw == 0:
        values |= {p.name: p.default for p in SPACE if p.default is not None}
    if strategy != "b":
        del values["decay"]
    return values
