"""Records that hold test scores alone, as those of another tool do: no items, trials, seeds or costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hpo.records.schema import Confirmation, Metric, Records, Run, Search

# AUC of four decision trees on 14 data sets: Demsar (JMLR 7, 2006), table 6, with the tie on voting broken as in the
# ranks that it prints.
TREES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
DEMSAR = np.array([
    [0.763, 0.768, 0.771, 0.798],
    [0.599, 0.591, 0.590, 0.569],
    [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657],
    [0.882, 0.888, 0.886, 0.898],
    [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685],
    [0.583, 0.583, 0.563, 0.625],
    [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000],
    [0.940, 0.962, 0.965, 0.962],
    [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.9751, 0.975],
    [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip

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
