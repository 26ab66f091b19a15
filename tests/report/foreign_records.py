"""A run of another tool as records: a loss to minimise, and nothing of items, seeds, rungs, costs or sizes."""

from __future__ import annotations

from hpo.records.metrics import Metric
from hpo.records.run import Records, Run
from hpo.records.search import Search

LOSS = Metric(name="log-loss", maximize=False, share=False)


def foreign(records: Records) -> Records:
    """``records`` as far as a source without rungs, items, seeds and costs would hold them, scores as losses."""
    bare = {"seed": -1, "rungs": (), "segments": (), "passes": (), "best_rung": None}
    trials = tuple(
        t.model_copy(update={**bare, "score": None if t.score is None else round(1 - t.score, 6)})
        for t in records.trials
    )
    confirmations = tuple(
        c.model_copy(
            update={
                **bare,
                "best_rung": -1,
                "test_score": round(1 - c.test_score, 6),
                "selected_score": None if c.selected_score is None else round(1 - c.selected_score, 6),
                "validation_score": None,
                "test_correct": None,
                "test_predictions": None,
                "test_seconds": 0.0,
                "fresh": False,
            }
        )
        for c in records.confirmations
    )
    run = Run(
        name=records.run.name,
        question=records.run.question,
        task=records.run.task,
        source="Optuna",
        strategies=records.run.strategies,
        baseline=records.run.baseline,
        replicates=records.run.replicates,
        trials=records.run.trials,
        seeds=records.run.seeds,
        metric=LOSS,
        resource="steps",
        search=Search(shared_draws=None),
        space=(),
    )
    return Records(run=run, trials=trials, confirmations=confirmations)
