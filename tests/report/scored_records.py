"""Records that hold test scores alone, as those of another tool do: no items, trials, seeds or costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hpo.records.metrics import Metric
from hpo.records.run import Records, Run
from hpo.records.search import Search
from hpo.records.trainings import Confirmation

AUC = Metric(name="AUC", share=False)
LOSS = Metric(name="loss", maximize=False, share=False)


def scored(
    scores: npt.ArrayLike,
    names: Sequence[str],
    *,
    metric: Metric = AUC,
    task: str = "table 6",
    shared: bool | None = None,
    reference: str | None = None,
) -> Records:
    """One run with ``scores`` (replicates, strategies), NaN where a search has none, or (replicates, strategies, seeds)."""
    table = np.asarray(scores, dtype=float)
    table = table[:, :, None] if table.ndim == 2 else table
    confirmations = [
        Confirmation(
            role="strategy",
            strategy=name,
            replicate=replicate,
            index=seed,
            parameters={},
            test_score=float(table[replicate, column, seed]),
        )
        for column, name in enumerate(names)
        for replicate in range(len(table))
        for seed in range(table.shape[2])
        if np.isfinite(table[replicate, column, seed])
    ]
    run = Run(
        name=task,
        question="Which strategy is best?",
        task=task,
        source="a table",
        strategies=tuple(names),
        reference=reference,
        replicates=len(table),
        trials=0,
        seeds=table.shape[2],
        metric=metric,
        search=Search(shared_draws=shared),
        space=(),
    )
    return Records(run=run, trials=(), confirmations=tuple(confirmations))
