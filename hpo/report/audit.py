"""What the audited trials say of the pruned ones."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.records.run import Records
from hpo.records.selection import auditable, selected_trials
from hpo.records.trainings import Audited, Trial
from hpo.stats.pruning import Missed, missed


def gains(records: Records) -> list[tuple[Audited, float | None]]:
    """Each audited trial with how much better it is than the one that its search selected; None where it diverged."""
    sign = 1 if records.run.metric.maximize else -1
    selected = selected_trials(records)
    pruned = _keys(auditable(records))
    found: list[tuple[Audited, float | None]] = []
    for audited in records.audited:
        if (audited.strategy, audited.replicate, audited.draw) in pruned:
            best = selected[audited.strategy, audited.replicate].score
            known = audited.score is not None and best is not None
            found.append((audited, sign * (audited.score - best) if known else None))  # type: ignore[operator]
    return found


def _keys(trials: Sequence[Trial]) -> set[tuple[str, int, int]]:
    return {(t.strategy, t.replicate, t.draw) for t in trials}


def missed_by_pruning(records: Records, strategy: str | None = None) -> Missed | None:
    """How many pruned trials are better than what their own search selected, by the audited ones; None without any.

    Each is held against the trial that its own search selected, so that the sample is one of all searches. One that
    diverged on the way counts as not better.

    Args:
        strategy: whose pruned trials; None: of the whole run.
    """
    known = [gain for audited, gain in gains(records) if strategy in {None, audited.strategy}]
    if not known:
        return None
    worst = min([0.0, *(gain for gain in known if gain is not None)])
    finals = [worst if gain is None else gain for gain in known]
    return missed(finals, sum(strategy in {None, t.strategy} for t in auditable(records)), 0.0)
