"""What pruning saved: the cost of pruned trials beside what it would have been to their ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hpo.records.charges import charged_seconds
from hpo.records.run import Records
from hpo.records.trainings import Trial
from hpo.report.sections.rung_levels import rows_of_strategies
from hpo.report.table import Table, computed, make_table
from hpo.report.text import capitalised
from hpo.stats.pruning import Saved, saved


class WholeCosts:
    """What trials of ``records`` would have cost, trained to their ends."""

    def __init__(self, records: Records) -> None:
        by_epochs = records.run.split.train and records.run.resource == "examples seen"
        self._texts = records.run.split.train if by_epochs else 0
        self._ends: dict[str, set[int]] = {}
        for trial in records.trials:
            if trial.state == "complete" and trial.rungs:
                self._ends.setdefault(trial.strategy, set()).add(trial.rungs[-1].examples)

    def horizon(self, trial: Trial) -> int | None:
        """How far the whole training goes, in what rungs count; None where it cannot be told.

        Its epochs times the training texts where both are recorded; else where all complete trials of its strategy
        ended.
        """
        epochs = trial.parameters.get("epochs")
        if self._texts and isinstance(epochs, int | float):
            return math.ceil(self._texts * epochs)
        ends = self._ends.get(trial.strategy, set())
        return next(iter(ends)) if len(ends) == 1 else None

    def seconds(self, trial: Trial) -> float | None:
        """Device-seconds of the whole; None where it cannot be told.

        Training and evaluations cost what they cost the trial for what it saw, times the horizon. Passes through frozen
        layers, most of which are made at the beginning, stay as they are, so that this is rather too little.
        """
        end, here, cost = self.horizon(trial), reached(trial), charged_seconds(trial)
        if not (end and here and cost):
            return None
        passes = 0.0 if trial.charged is not None else sum(p.seconds for p in trial.passes)
        return passes + (cost - passes) * end / here


def reached(trial: Trial) -> int | None:
    """How far ``trial`` was trained, in what rungs count; None where it was not recorded."""
    if trial.rungs:
        return trial.rungs[-1].examples
    return trial.segments[-1].examples if trial.segments else None


def saved_table(records: Records) -> Table:
    """Of pruned trials what they were trained and charged, and would have been to their ends; no rows where unknown."""
    costs = WholeCosts(records)
    shown, raw = [], []
    for label, strategy in rows_of_strategies(records):
        own = [t for t in records.trials if t.state == "pruned" and strategy in {None, t.strategy}]
        trained = _saved([reached(t) for t in own], [costs.horizon(t) for t in own])
        cost = _saved([charged_seconds(t) or None for t in own], [costs.seconds(t) for t in own])
        if trained is None and cost is None:
            continue
        resource = capitalised(records.run.resource)
        shown.append(
            {
                "Strategy": label,
                "Pruned": f"{len(own):,}",
                **_cells(resource, "", trained, ",.0f"),
                **_cells("Seconds charged", " in seconds", cost, ",.1f"),
            }
        )
        raw.append(_facts(strategy, len(own), trained, cost))
    note = (
        f"Of all pruned trials, with duplicates, since each is charged to its search; in {records.run.resource}, and in "
        "device-seconds as if each had run alone. To the ends in seconds is an estimate: a trial's own device-seconds of "
        "training and evaluation for what it saw, times the length of its whole training, and the passes through frozen "
        "layers that it was charged; further passes are left out, so that the saving is rather too small."
    )
    return make_table("pruning_saved", "What pruning saved", note, shown, raw)


def _saved(charged: Sequence[float | None], whole: Sequence[float | None]) -> Saved | None:
    """What was saved, where every trial's numbers are known."""
    first, second = [c for c in charged if c is not None], [w for w in whole if w]
    if not charged or len(first) < len(charged) or len(second) < len(charged):
        return None
    return saved(first, second)


def _cells(what: str, unit: str, found: Saved | None, form: str) -> dict[str, str]:
    return {
        what: "-" if found is None else format(found.charged, form),
        f"To the ends{unit}": "-" if found is None else format(found.whole, form),
        f"Saved{unit}": "-" if found is None else f"{100 * found.share:.1f} %",
    }


def _facts(strategy: str | None, pruned: int, trained: Saved | None, cost: Saved | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"strategy": strategy, "pruned": pruned}
    for kind, found in (("resource", trained), ("seconds", cost)):
        facts[f"{kind}_charged"] = None if found is None else found.charged
        facts[f"{kind}_whole"] = None if found is None else found.whole
        facts[f"{kind}_saved_share"] = None if found is None else found.share
    return computed(facts)
