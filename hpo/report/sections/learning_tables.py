"""The numbers behind learning curves."""

from __future__ import annotations

from hpo.records.run import Records
from hpo.report.sections.selected import PAGE_ROWS, Key, key
from hpo.report.table import Table, make_table
from hpo.report.text import Units, capitalised, value_text


def curve_table(records: Records, chosen: frozenset[Key]) -> Table:
    """One row a rung; of more than a page carries, the selected trials' first."""
    metric, units = records.run.metric, Units(records.run.metric)
    trials = sorted(records.trials, key=lambda t: key(t) not in chosen)
    rungs = [(t, r) for t in trials for r in t.rungs]
    if len(rungs) <= PAGE_ROWS:
        rungs = [(t, r) for t in records.trials for r in t.rungs]
    shown, raw = [], []
    for t, r in rungs[:PAGE_ROWS]:
        shown.append(
            {
                "Strategy": t.strategy,
                "Replicate": str(t.replicate),
                "Draw": str(t.draw),
                "State": t.state,
                capitalised(records.run.resource): f"{r.examples:,}",
                f"Validation {metric.name}": units.value(r.score),
                "Validation loss": _loss(r.loss),
                "Training loss": _loss(r.train_loss),
                "Learning rate": "-" if r.learning_rate is None else value_text(r.learning_rate),
            }
        )
        raw.append(
            {
                "strategy": t.strategy,
                "replicate": t.replicate,
                "draw": t.draw,
                "state": t.state,
                "examples": r.examples,
                "steps": r.steps,
                "validation_score": r.score,
                "validation_loss": r.loss,
                "train_loss": r.train_loss,
                "learning_rate": r.learning_rate,
            }
        )
    note = "Losses: mean cross-entropy in nats. Learning rate: of the last step before the rung."
    if len(rungs) > PAGE_ROWS:
        note = f"{PAGE_ROWS:,} of {len(rungs):,} rungs, those of selected trials first; all: data/rungs.csv. {note}"
    return make_table("curves", "Learning curves", note, shown, raw)


def _loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4f}"
