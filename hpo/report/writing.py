"""Writes a report beside the records it is made from: the same records give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpo.records.files import read_records
from hpo.report.charts import confirmations, learning_curves
from hpo.report.listings import selected_table, setup_table, space_table, trial_table
from hpo.report.page import render
from hpo.report.sentences import Verdict, verdict
from hpo.report.tables import comparison_table, main_table


@dataclass(frozen=True)
class Report:
    """Where a report lies, and what it says.

    Attributes:
        html: the page.
        tables: LaTeX and CSV files.
        markdown: the verdict alone.
    """

    html: Path
    tables: tuple[Path, ...]
    markdown: Path
    verdict: Verdict


def write_report(folder: Path) -> Report:
    """Write ``report.html``, ``tables/*.tex`` and ``*.csv`` and ``verdict.md`` from the records below ``folder``.

    Raises:
        UserError: there are no records, or one does not fit the schema.
    """
    records = read_records(folder)
    judged = verdict(records)
    tables = {
        "setup": setup_table(records),
        "space": space_table(records),
        "main": main_table(records, judged.analysis),
        "comparisons": comparison_table(records, judged.analysis),
        "selected": selected_table(records),
        "trials": trial_table(records),
    }
    charts = [confirmations(records, judged.analysis), learning_curves(records)]
    written = []
    for name, table in tables.items():
        written.append(_write(folder / "tables" / f"{name}.tex", table.latex()))
        written.append(_write(folder / "tables" / f"{name}.csv", table.csv()))
    return Report(
        html=_write(folder / "report.html", render(records.run, judged, tables, charts)),
        tables=tuple(written),
        markdown=_write(folder / "verdict.md", judged.markdown()),
        verdict=judged,
    )


def _write(path: Path, text: str) -> Path:
    """Write whole or not at all, so that a reader never sees half a report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)
    return path
