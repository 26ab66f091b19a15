"""A table in Markdown, for an issue, a README or a model card."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.report.table import Table
from hpo.report.text import markdown


def table_markdown(table: Table) -> str:
    """Title, table and note; the best row in bold, those not separable from it with a star."""
    lines = [f"### {markdown(table.title)}", ""]
    if table.rows:
        rows = [_row(table, index) for index in range(len(table.rows))]
        lines += [_line([markdown(c) for c in table.columns]), _line(["---"] * len(table.columns))]
        lines += [*rows, ""]
    return "\n".join([*lines, markdown(table.note), ""])


def _row(table: Table, index: int) -> str:
    return _line([_cell(table, index, column, cell) for column, cell in enumerate(table.rows[index])])


def _cell(table: Table, row: int, column: int, text: str) -> str:
    told = markdown(text)
    if told and table.is_bold(row, column):
        told = f"**{told}**"
    return told + (r" \*" if table.is_marked(row, column) else "")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
