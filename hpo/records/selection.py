"""Which trial a search selects, and which pruned trials an audit of the run may finish."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from hpo.records.charges import Charged
from hpo.records.limits import Limit
from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.records.trainings import Trial

Search = tuple[str, int]  # strategy, replicate


def select(trials: Iterable[Trial], metric: Metric) -> Trial | None:
    """The complete trial with the best validation score; of equals the one with the lower loss, then the earlier.

    A pruned trial is never selected: its last score is none of a full training. A loss that was not recorded counts as
    the highest.
    """
    complete = [t for t in trials if t.state == "complete" and t.score is not None]
    return min(complete, key=lambda t: _rank(t, metric), default=None)


def _rank(trial: Trial, metric: Metric) -> tuple[float, float, int]:
    assert trial.score is not None
    best = trial.best_rung
    loss = trial.rungs[best].loss if best is not None and best < len(trial.rungs) else None
    score = -trial.score if metric.maximize else trial.score
    return score, math.inf if loss is None else loss, trial.draw


def searches(trials: Iterable[Trial]) -> dict[Search, list[Trial]]:
    """The trials of each search in the order given."""
    found: dict[Search, list[Trial]] = {}
    for trial in trials:
        found.setdefault((trial.strategy, trial.replicate), []).append(trial)
    return found


def begun(trials: Sequence[Trial], limit: Limit) -> Sequence[Trial]:
    """The first trials of a search, in the order of their draws, as many as it begins below ``limit``."""
    charged = Charged(by_cost=limit.by_cost)
    for number, trial in enumerate(trials):
        if charged.reaches(limit):
            return trials[:number]
        charged.add(trial)
    return trials


def is_over(trials: Iterable[Trial], limit: Limit) -> bool:
    """Whether a search whose ``trials`` have ended, in the order of their draws, begins no further one."""
    charged = Charged(by_cost=limit.by_cost)
    for trial in trials:
        charged.add(trial)
    return charged.reaches(limit)


def selected_trials(records: Records) -> dict[Search, Trial]:
    """The selected trial of each search that has a complete one, among those that its budget pays for."""
    run = records.run
    chosen = {
        search: select(begun(own, run.limit_of(search[0])), run.metric)
        for search, own in searches(records.trials).items()
    }
    return {search: trial for search, trial in chosen.items() if trial is not None}


def auditable(records: Records) -> tuple[Trial, ...]:
    """The pruned trials of searches that selected one, each training once: what a sample of pruned trials is drawn from."""
    selected = selected_trials(records)
    return tuple(
        t
        for t in records.trials
        if t.state == "pruned" and t.duplicate_of is None and (t.strategy, t.replicate) in selected
    )
