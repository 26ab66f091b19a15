"""One table: as shown in the page and in a paper, and as plain numbers for CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from hpo.records.cells import harmless


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: file stem and anchor.
        note: what the numbers are, with their methods.
        columns, rows: text as shown; one string a cell.
        frame: the same as numbers, shares of 1 and device-seconds.
        bold, marked: indices of rows that are the best, or not separable from it.
        bold_cells, marked_cells: the same of single cells, as (row, column).
        links: where the first cell of a row leads to in the page, as a relative address.
    """

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    frame: pd.DataFrame
    bold: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    bold_cells: frozenset[tuple[int, int]] = frozenset()
    marked_cells: frozenset[tuple[int, int]] = frozenset()
    links: Mapping[int, str] = field(default_factory=dict)

    def is_bold(self, row: int, column: int) -> bool:
        """Whether a cell is the best, or of the best row."""
        return row in self.bold or (row, column) in self.bold_cells

    def is_marked(self, row: int, column: int) -> bool:
        """Whether a cell bears the star of what is not separable from the best: a row bears it at its first cell."""
        return (row in self.marked - self.bold and column == 0) or (row, column) in self.marked_cells

    def csv(self) -> str:
        """The numbers as CSV with a header; no text begins like a formula."""
        frame = self.frame.map(lambda cell: harmless(cell) if isinstance(cell, str) else cell)
        return str(
            frame.to_csv(
                index=False, lineterminator="\n", header=list(map(harmless, map(str, frame.columns)))
            )
        )


def computed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers that the report computes, to 12 digits: those behind them differ from one CPU to another."""
    return {
        name: float(f"{value:.12g}") if isinstance(value, float) else value for name, value in facts.items()
    }


def make_table(
    name: str, title: str, note: str, shown: Sequence[Mapping[str, str]], raw: Sequence[Mapping[str, Any]]
) -> Table:
    """A table from rows as shown and rows of numbers; no row gives a table without columns."""
    columns = tuple(shown[0]) if shown else ()
    rows = tuple(tuple(row.values()) for row in shown)
    return Table(name, title, note, columns, rows, pd.DataFrame(list(raw)))
