"""What was asked, of which data and model, over which space, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable

from hpo.records.schema import Confirmation, Records, Trial, charged_seconds, spent_seconds
from hpo.report.listings import setup_table, space_table
from hpo.report.section import Section
from hpo.report.sentences import Verdict
from hpo.report.text import counted, listed, seconds


def setup_section(records: Records, judged: Verdict) -> Section:  # noqa: ARG001 one signature for all sections
    """The setup, the search space, and the device time."""
    parts = tuple(table for table in (setup_table(records), space_table(records)) if table.rows)
    return Section("setup", "Setup", _cost(records), parts)


def _cost(records: Records) -> tuple[str, ...]:
    """Device time, with what pruned, failed and repeated trainings took; nothing where no time was recorded."""
    items: tuple[Trial | Confirmation, ...] = (*records.trials, *records.confirmations)
    if not any(charged_seconds(item) for item in items):
        return ()
    kinds = [_share([t for t in records.trials if t.state == s], s) for s in ("complete", "pruned", "failed")]
    if records.confirmations:
        kinds.append(_share(records.confirmations))
    again = sum(item.retrained_seconds for item in items)
    repeated = (
        f", {seconds(again)} of it on training again what was known but whose state was gone" if again else ""
    )
    charged = (
        f"{_charged(items)} device-seconds were charged, as if each trial and confirmation had run alone"
    )
    spent = f"Work that several share was done once: {seconds(spent_seconds(items))} were spent{repeated}."
    return (f"Device time: {charged}: {listed(filter(None, kinds))}. {spent}",)


def _share(items: Iterable[Trial | Confirmation], state: str = "") -> str:
    """``58.0 by 12 pruned trials``; empty without any."""
    found = tuple(items)
    if not found:
        return ""
    noun = counted(len(found), f"{state} trial" if state else "confirmation")
    return f"{_charged(found)} to {noun}"


def _charged(items: Iterable[Trial | Confirmation]) -> str:
    return seconds(sum(charged_seconds(item) for item in items))
