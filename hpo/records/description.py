"""The description of the tables, for ``schema.json`` and for docs/records.md."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hpo.records.base import SCHEMA
from hpo.records.columns import TableSchema
from hpo.records.held_out_columns import ITEMS, SHIFT_TABLES
from hpo.records.run_columns import RUNS, SPACE
from hpo.records.training_columns import AUDITED, CONFIRMATIONS, COSTS, PARAMETERS, RUNGS, TRIALS


@dataclass(frozen=True)
class Description:
    """Tables that belong together; ``name`` and ``version`` of their schema stand in every Parquet file of them."""

    name: str
    version: int
    tables: tuple[TableSchema, ...]

    def as_json(self) -> dict[str, Any]:
        """The description as a JSON object; a column whose ``empty`` is an empty text is never empty."""
        described = {
            table.name: {
                "meaning": table.meaning,
                "key": list(table.key),
                "columns": [asdict(column) for column in table.columns],
            }
            for table in self.tables
        }
        return {"schema": self.name, "version": self.version, "tables": described}


TABLES = (RUNS, SPACE, TRIALS, CONFIRMATIONS, PARAMETERS, RUNGS, ITEMS, COSTS, AUDITED, *SHIFT_TABLES)
RECORDS = Description("hpo.records", SCHEMA, TABLES)

_HEAD = f"""\
# The tables of a run

<!-- Made from hpo/records/*columns.py; tests/records/test_tables.py says how to make it again. -->

`hpo export-records RUN` writes each as Parquet and as CSV, with `schema.json` beside them. The schema is `{RECORDS.name}`,
version {SCHEMA}: each Parquet file has it in its metadata (`hpo.schema`, `hpo.version`), and unit and meaning in those of
each column. `hpo import` reads the Parquet files back.

An empty cell means what the last column says; where that is blank, no cell is empty. Cells of type `json` hold a JSON value.
In CSV, a text of a user's that begins with `=`, `+`, `-`, `@`, `'`, a tab or a line break has a `'` put before it, so that
no spreadsheet takes it for a formula.
"""


def as_markdown() -> str:
    """The description of the tables of a run as a page."""
    lines = [_HEAD]
    for table in RECORDS.tables:
        key = ", ".join(f"`{name}`" for name in table.key)
        lines += [f"## {table.name}", "", f"{table.meaning} Different in each row: {key}.", ""]
        lines += ["| column | type | unit | meaning | empty |", "|---|---|---|---|---|"]
        lines += [f"| `{c.name}` | {c.dtype} | {c.unit} | {c.meaning} | {c.empty} |" for c in table.columns]
        lines.append("")
    return "\n".join(lines)
