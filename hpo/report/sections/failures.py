"""Trials that failed, and by which rule."""

from __future__ import annotations

from collections import Counter

from hpo.records.run import Records
from hpo.report.text import counted, listed

_REASONS = 3


def failure_rule(records: Records) -> str:
    """What counts as failed and what becomes of it."""
    if records.run.source == "hpo":
        return (
            "A trial fails when its training or validation loss is not finite by an evaluation, or when the memory does not "
            "hold its training with one text at a time; where that holds fewer texts than a step has, the step is computed "
            "in more parts. A failed trial stays among the trials and in the cost of its search, is not drawn again and "
            "cannot be selected"
        )
    return f"A trial counts as failed where {records.run.source} calls it so; such a trial cannot be selected"


def failure_reasons(records: Records) -> str:
    """Failed trials with their commonest reasons: ``2 trials failed: ...``; empty where none did."""
    reasons = Counter(t.reason for t in records.trials if t.state == "failed")
    if not reasons:
        return ""
    told = [f"{reason} ({count:,})" for reason, count in reasons.most_common(_REASONS)]
    rest = len(reasons) - len(told)
    others = [f"{counted(rest, 'other reason')}"] if rest else []
    return f"{counted(sum(reasons.values()), 'trial')} failed: {listed([*told, *others])}"
