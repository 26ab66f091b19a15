"""How trials ended, and whether strategies were pruned at different rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpo.records.run import Records
from hpo.records.selection import searches
from hpo.records.trainings import Trial
from hpo.report.blocks import unpaired
from hpo.report.sections.failures import failure_reasons, failure_rule
from hpo.report.sections.rung_levels import Levels, rows_of_strategies
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units, capitalised, counted, p_text
from hpo.stats.ranks import friedman

_STATES = ("complete", "pruned", "failed")


def states_table(records: Records) -> Table:
    """One row a strategy: its trials by how they ended."""
    shown, raw = [], []
    for label, strategy in rows_of_strategies(records):
        own = [t for t in records.trials if strategy in {None, t.strategy}]
        counts = {state: sum(t.state == state for t in own) for state in _STATES}
        facts = {"trials": len(own), **counts, "duplicates": sum(t.duplicate_of is not None for t in own)}
        shown.append({"Strategy": label, **{capitalised(name): f"{n:,}" for name, n in facts.items()}})
        raw.append({"strategy": strategy, **facts})
    reasons = failure_reasons(records)
    note = (
        "Duplicates, counted under their states too, repeat a configuration of their search and share its training. "
        f"{failure_rule(records)}{': ' if reasons else ''}{reasons}."
    )
    return make_table("pruning_states", "How trials ended", note, shown, raw)


def rates_table(records: Records, side: Levels) -> Table:
    """One row a strategy: how much of its searches was pruned, and how much its trials learn after the last rung."""
    units = Units(records.run.metric)
    comma = "," if units.difference_unit else ""
    shares = _shares(records)
    shown, raw = [], []
    for name in records.run.strategies:
        own = list(shares.get(name, {}).values())
        if not own:
            continue
        late = _late_gains(side, name)
        gain = float(np.median(late)) if late else None
        shown.append(
            {
                "Strategy": name,
                "Pruned, mean": f"{100 * np.mean(own):.0f} %",
                "Least to most": f"{100 * min(own):.0f} to {100 * max(own):.0f} %",
                "Searches": f"{len(own):,}",
                f"Gain after the last rung{comma}{units.difference_unit}": units.difference(gain),
                "Complete trials": f"{len(late):,}",
            }
        )
        raw.append(
            {
                "strategy": name,
                **computed({"pruned_mean": float(np.mean(own)), "least": min(own), "most": max(own)}),
                "searches": len(own),
                **computed({"late_gain_median": gain}),
                "complete_trials": len(late),
            }
        )
    return make_table("pruning_rates", "Pruning by strategy", _note(records, shares), shown, raw)


def _note(records: Records, shares: dict[str, dict[int, float]]) -> str:
    return (
        "Pruned: share of a search's trials, each configuration once, as mean and range over its searches. "
        f"{_test(records, shares)} Where the pruner compares trials of one search, each strategy loses about the same "
        "share by construction, so that equal rates alone do not clear it. Gain after the last rung: median over complete "
        "trials of the final score beside that at the last rung before the end, better positive; a strategy that gains "
        "more there blooms late, and is judged early by less of it. Pruning chose these trials."
    )


def _test(records: Records, shares: dict[str, dict[int, float]]) -> str:
    """Friedman's test of the shares over replicates, where every strategy has a search in each and these are paired."""
    names = records.run.strategies
    if records.run.search.shared_draws is False:
        return f"{unpaired(records.run)}, so that it is not tested whether the rates differ."
    replicates = set.intersection(*(set(shares.get(name, {})) for name in names))
    if len(names) < 2 or len(replicates) < 2:
        return "Too few searches to test whether the rates differ."
    found = friedman([[shares[name][r] for name in names] for r in sorted(replicates)], maximize=False)
    return (
        f"That all strategies are pruned at one rate has p {p_text(found.corrected.f_p)} (Friedman's test over "
        f"{counted(len(replicates), 'replicate')}, corrected for ties, Iman and Davenport's F)."
    )


def _shares(records: Records) -> dict[str, dict[int, float]]:
    """Strategy to replicate to the share of its trainings that were pruned."""
    first = [t for t in records.trials if t.duplicate_of is None]
    shares: dict[str, dict[int, float]] = {}
    for (strategy, replicate), own in searches(first).items():
        shares.setdefault(strategy, {})[replicate] = _share(own)
    return shares


def _share(trials: Sequence[Trial]) -> float:
    return sum(t.state == "pruned" for t in trials) / len(trials)


def _late_gains(side: Levels, strategy: str) -> list[float]:
    """Final score less that at the last rung, of complete trials that were evaluated at one."""
    own = side.trials[strategy]
    return [t.final - t.scores[-1] for t in own if t.pruned_at is None and t.final is not None and t.scores]
