"""How much better selected trials looked on validation than their configurations are on test."""

from __future__ import annotations

from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.records.trainings import Confirmation


def drop(metric: Metric, confirmation: Confirmation) -> float | None:
    """By how much the test score is worse than that of validation at selection; None where this is not recorded.

    Above 0, whether high or low scores are better, the search was too optimistic.
    """
    selected, test = confirmation.selected_score, confirmation.test_score
    if selected is None:
        return None
    return selected - test if metric.maximize else test - selected


def mean_drop(records: Records, strategy: str) -> float | None:
    """Mean ``drop`` over the confirmations of ``strategy``; None where none has one."""
    rows = [c for c in records.confirmations if c.role == "strategy" and c.strategy == strategy]
    drops = [found for c in rows if (found := drop(records.run.metric, c)) is not None]
    return sum(drops) / len(drops) if drops else None


def drop_name(metric: Metric) -> str:
    """What a drop is, in words."""
    return "validation at selection minus test" if metric.maximize else "test minus validation at selection"
