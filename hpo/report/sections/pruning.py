"""The audit of pruning: who was stopped, how far early scores foretell final ones, what it saved and may have cost."""

from __future__ import annotations

from hpo.records.charges import charged_seconds
from hpo.records.run import Records
from hpo.records.selection import auditable
from hpo.report.audit import missed_by_pruning
from hpo.report.figure import Figure
from hpo.report.section import Section
from hpo.report.sections.pruning_audit import missed_table
from hpo.report.sections.pruning_cost import WholeCosts, saved_table
from hpo.report.sections.pruning_rates import rates_table, states_table
from hpo.report.sections.pruning_rungs import correlation_table, survival_figure
from hpo.report.sections.rung_levels import levels
from hpo.report.sentences import Verdict
from hpo.report.table import Table
from hpo.report.text import counted, seconds

NAME, TITLE = "pruning", "Pruning"


def pruning_section(records: Records, judged: Verdict) -> Section:  # noqa: ARG001 one signature for all sections
    """States, survival, rank correlation, what was saved, and what it may have cost; absent where nothing was pruned."""
    why = _absent(records)
    if why:
        return Section(NAME, TITLE, absent=why)
    side = levels(records)
    figure = survival_figure(records, side)
    tables = (
        rates_table(records, side),
        correlation_table(records, side),
        saved_table(records),
        missed_table(records),
    )
    parts: list[Table | Figure] = [states_table(records), *([figure] if figure else [])]
    parts += [table for table in tables if table.rows]
    return Section(NAME, TITLE, (_what_it_cost(records), *_what_it_saved(records)), tuple(parts))


def _absent(records: Records) -> str:
    pruner = records.run.search.pruner
    if any(t.state == "pruned" for t in records.trials):
        return ""
    if not records.trials:
        own = "No trial has ended yet." if records.run.source == "hpo" else ""
        return own or f"{records.run.source} holds no trials: nothing tells what was stopped early."
    if pruner is None:
        return "No trial is recorded as pruned, nor whether the search could stop one early."
    return (
        "" if pruner != "none" else "Nothing could be pruned: every trial was trained to its end or failed."
    )


def _what_it_cost(records: Records) -> str:
    """What pruning may have cost, as far as it was measured."""
    pruned, found = len(auditable(records)), missed_by_pruning(records)
    if not pruned:
        return "No trial of a search that selected one was pruned, so pruning cost this run no selection."
    if found is None:
        how = f"run `hpo audit {records.run.name}`, which finishes a random sample of them"
        if records.run.source != "hpo":
            how = f"{records.run.source} does not hold it, and imported trials cannot be trained on"
        return (
            f"What pruning may have cost was not measured: how {counted(pruned, 'pruned trial')} would have ended is "
            f"not known; {how}."
        )
    bound = "all that were pruned"
    if found.audited < found.pruned:
        bound = (
            f"with 95 % confidence at most {found.most:,} of all {found.pruned:,} that were pruned "
            "(one-sided, hypergeometric)"
        )
    spent = sum(audited.seconds for audited in records.audited)
    return (
        f"Of {counted(found.audited, 'pruned trial')} trained to the end afterwards, drawn at random over all searches, "
        f"{found.better:,} are better on validation than what their search selected: {bound}. This audit took "
        f"{seconds(spent)} device-seconds, charged to no strategy, and changes neither trials nor verdict."
    )


def _what_it_saved(records: Records) -> list[str]:
    """What the search would have been charged without pruning; nothing where no cost can be told."""
    pruned = [t for t in records.trials if t.state == "pruned"]
    charged = [charged_seconds(t) for t in pruned]
    costs = WholeCosts(records)
    whole = [costs.seconds(t) for t in pruned]
    known = [cost for cost in whole if cost is not None]
    if not pruned or not all(charged) or len(known) < len(pruned):
        return []
    total = sum(charged_seconds(t) for t in records.trials)
    without = total - sum(charged) + sum(known)
    told = (
        f"All trials were charged {seconds(total)} device-seconds; without pruning it would have been about "
    )
    return [told + f"{seconds(without)}, so that {100 * (1 - total / without):.0f} % were saved."]
