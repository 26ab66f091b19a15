"""What pruning may have cost, by the pruned trials that were trained on to their ends."""

from __future__ import annotations

from hpo.records.run import Records
from hpo.report.audit import gains, missed_by_pruning
from hpo.report.sections.rung_levels import rows_of_strategies
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units


def missed_table(records: Records) -> Table:
    """Of pruned trials how many are better than what their search selected, by the audit; no rows without one."""
    units, known = Units(records.run.metric), gains(records)
    comma = "," if units.difference_unit else ""
    shown, raw = [], []
    for label, strategy in rows_of_strategies(records):
        found = missed_by_pruning(records, strategy)
        if found is None:
            continue
        own = [gain for a, gain in known if gain is not None and strategy in {None, a.strategy}]
        gain = max(own, default=None)
        shown.append(
            {
                "Strategy": label,
                "Pruned": f"{found.pruned:,}",
                "Audited": f"{found.audited:,}",
                "Better": f"{found.better:,}",
                "At most, of the pruned": f"{found.most:,} ({100 * found.most_share:.0f} %)",
                f"Largest gain{comma}{units.difference_unit}": units.difference(gain),
            }
        )
        raw.append(
            {
                "strategy": strategy,
                "pruned": found.pruned,
                "audited": found.audited,
                "better": found.better,
                "most": found.most,
                **computed({"most_share": found.most_share, "largest_gain": gain}),
            }
        )
    return make_table("pruning_missed", "What pruning may have cost", _note(records), shown, raw)


def _note(records: Records) -> str:
    seeds = ", ".join(str(seed) for seed in sorted({a.sample_seed for a in records.audited}))
    return (
        "Audited: drawn uniformly without replacement from the pruned trials of all searches, each configuration of a "
        f"search once (seed of the draw {seeds}), and trained on to the end with the trial's own seed. Better: a better "
        "validation score than that of the trial which its search selected. At most: upper 95 % bound of the number among "
        "all pruned (one-sided, hypergeometric, Katz 1953), of each row alone. Largest gain: of an audited trial over the "
        "selected one, negative where none is better; one that failed has none."
    )
