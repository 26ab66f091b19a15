"""What was asked, of which data and model, over which space, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.records.run import Records
from hpo.report import costs
from hpo.report.privacy import privacy_table, privacy_text
from hpo.report.section import Section
from hpo.report.sentences import Verdict
from hpo.report.setup_tables import inferred_table, models_table, setup_table, space_table
from hpo.report.terms import without_search
from hpo.report.text import counted, listed, seconds


def setup_section(records: Records, judged: Verdict) -> Section:
    """The setup, the models compared, what an import inferred, the space, the device time, and what privacy is promised."""
    models = models_table(records, judged.analysis)
    tables = (
        setup_table(records),
        models,
        inferred_table(records),
        space_table(records),
        privacy_table(records),
    )
    parts = tuple(table for table in tables if table.rows)
    text = (*_cost(records), *privacy_text(records.run.privacy))
    return Section("setup", "Setup", text, parts)


def _cost(records: Records) -> tuple[str, ...]:
    """Device time, with what pruned, failed and repeated trainings took; nothing where no time was recorded."""
    items: tuple[costs.Item, ...] = (*records.trials, *records.confirmations)
    charged, spent = costs.charged(items), costs.spent(items)
    if charged is None or spent is None:
        return ()
    states = ("complete", "pruned", "failed")
    kinds = [_share([t for t in records.trials if t.state == s], f"{s} trial") for s in states]
    kinds.append(_share(records.confirmations, "training" if without_search(records.run) else "confirmation"))
    again = sum(item.retrained_seconds for item in items)
    repeated = (
        f", {seconds(again)} of it on training again what was known but whose state was gone" if again else ""
    )
    each = "training" if without_search(records.run) else "trial and confirmation"
    total = f"{seconds(charged)} device-seconds were charged{costs.partly(items)}, as if each {each} had run alone"
    once = f"Work that several share was done once: {seconds(spent)} were spent{repeated}."
    return (
        f"Device time: {total}: {listed(filter(None, kinds))}. {once}{costs.in_money(records.run, charged, spent)}",
    )


def _share(items: Sequence[costs.Item], noun: str) -> str:
    """``58.0 to 12 pruned trials``; empty without any."""
    if not items:
        return ""
    charged = costs.charged(items)
    told = "none recorded of" if charged is None else f"{seconds(charged)} to"
    return f"{told} {counted(len(items), noun)}{costs.partly(items)}"
