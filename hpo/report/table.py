"""One table: as shown in the page and in LaTeX, and as plain numbers for CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hpo.report.text import latex


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: file stem and anchor.
        note: what the numbers are, with their methods.
        columns, rows: text as shown; one string a cell.
        frame: the same as numbers, shares of 1 and device-seconds.
        bold, marked: indices of rows that are the best, or not separable from it.
    """

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    frame: pd.DataFrame
    bold: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()

    def csv(self) -> str:
        """The numbers as CSV with a header."""
        return str(self.frame.to_csv(index=False, lineterminator="\n"))

    def _layout(self) -> str:
        """LaTeX's kind of each column: a paragraph where a cell is long."""
        widest = (max(map(len, cells)) for cells in zip(*self.rows, strict=True))
        return "".join(r"p{0.3\linewidth}" if width > 48 else "l" for width in widest)

    def latex(self) -> str:
        """A ``table`` environment with booktabs' rules; the best row in bold, those level with it starred."""
        if not self.rows:
            return f"% {latex(self.title)}: nothing is recorded yet\n"
        lines = [" & ".join(latex(column) for column in self.columns) + r" \\", r"\midrule"]
        for index, row in enumerate(self.rows):
            cells = [latex(cell) for cell in row]
            if index in self.bold:
                cells = [rf"\textbf{{{cell}}}" for cell in cells]
            elif index in self.marked:
                cells[0] += "$^{*}$"
            if cells[0].startswith(("[", "*")):
                cells[0] = "{}" + cells[0]  # else the line break before it would take it as its argument
            lines.append(" & ".join(cells) + r" \\")
        return "\n".join(
            [
                "% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}",
                r"\begin{table}",
                rf"\caption{{{latex(self.title)}. {latex(self.note)}}}",
                rf"\label{{tab:{self.name}}}",
                rf"\begin{{tabular}}{{{self._layout()}}}",
                r"\toprule",
                *lines,
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
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
