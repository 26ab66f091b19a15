"""A table in LaTeX: booktabs' rules, numbers aligned by siunitx, the best in bold, ties marked, no wider than the page.

What a page cannot hold stands in the table's CSV file alone, and the caption says so: columns that do not fit, rows
beyond a page. A column of one long text throughout is said once in the caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import ceil

from hpo.report.kit.columns import Column, guarded, make_column
from hpo.report.kit.tex import tex
from hpo.report.table import Table

SAID_ONCE = 12  # characters from which on a text that all rows share moves into the caption
CELL_LINES = 6  # of a wrapped cell; beyond it a smaller type is tried, and at last a column left out

COLUMN, PAGE = 219.0, 455.0  # points: one column of a two-column paper, and both
_GAP = 8.0  # points between two columns of the table
_LONGEST = (24, 12)  # characters of a cell above which it is wrapped: tried in turn


@dataclass(frozen=True)
class Size:
    """A size of type: points of a character (an average of digits and letters, with some air), lines on a page."""

    name: str
    points: float
    lines: int


_SIZES = (Size("small", 4.6, 46), Size("footnotesize", 4.2, 54), Size("scriptsize", 3.95, 62))

NEEDS = r"% needs \usepackage[T1]{fontenc} and \usepackage{booktabs,tabularx,siunitx}, siunitx of version 3"


@dataclass(frozen=True)
class Layout:
    """Columns that fit ``width`` points in type of ``size``, and how many characters are left to wrapped ones."""

    columns: tuple[Column, ...]
    width: float
    size: Size
    room: float

    @property
    def wrapped(self) -> tuple[Column, ...]:
        """Columns whose cells are wrapped."""
        return tuple(column for column in self.columns if column.kind == "wrapped")

    @cached_property
    def shares(self) -> dict[int, float]:
        """Characters that each wrapped column gets of the room, by its place: more where cells are longer."""
        spare = {c.place: max(0.0, c.mean_length - c.width) for c in self.wrapped}
        left = self.room - sum(c.width for c in self.wrapped)
        total = sum(spare.values())
        parts = {place: own / total if total else 1 / len(spare) for place, own in spare.items()}
        return {c.place: c.width + left * parts[c.place] for c in self.wrapped}

    def lines(self, row: int) -> int:
        """Lines that ``row`` takes; a wrapped line is on average not filled to its end."""
        return max([1, *(ceil(1.1 * c.lengths[row] / self.shares[c.place]) for c in self.wrapped)])

    @property
    def rows(self) -> int:
        """How many rows a page holds at most; at least one."""
        total = accumulate(map(self.lines, range(len(self.columns[0].cells))))
        return max(1, sum(lines <= self.size.lines for lines in total))


def table_tex(table: Table) -> str:
    """A ``table`` or ``table*`` environment that compiles with pdfLaTeX; a comment where there are no rows."""
    if not table.rows:
        return f"% {tex(table.title)}: nothing is recorded yet\n"
    layout, said, left_out = _fit(table)
    notes = [tex(table.note), *said, *_left_out(table, left_out, layout.rows)]
    environment = "table" if layout.width == COLUMN else "table*"
    return "\n".join(
        [
            NEEDS,
            rf"\begin{{{environment}}}",
            rf"\caption{{{tex(table.title)}. {' '.join(notes)}}}",
            rf"\label{{tab:{table.name}}}",
            rf"\centering\{layout.size.name}",
            rf"\setlength{{\tabcolsep}}{{{_GAP / 2:g}pt}}",
            r"\sisetup{retain-explicit-plus, detect-weight, group-separator = {,}, group-minimum-digits = 4}",
            *_tabular(layout, _marked(table, layout.columns)[: layout.rows]),
            rf"\end{{{environment}}}",
            "",
        ]
    )


def _fit(table: Table) -> tuple[Layout, list[str], tuple[str, ...]]:
    """The largest type in which all columns fit, what columns of one text say, and the names of columns left out.

    Where no type does, long texts are wrapped more, and then columns are left out from the right. A smaller type is taken
    where it brings all rows onto the page.
    """
    names = table.columns
    made = {longest: _columns(table, longest) for longest in _LONGEST}
    for count in range(len(names), 1, -1):
        for longest in _LONGEST:
            columns, said = _said_once(made[longest][:count])
            tried = [_layout(columns, width, size) for width in (COLUMN, PAGE) for size in _SIZES]
            fitting = [layout for layout in tried if _fits(layout)]
            if fitting:
                whole = (layout for layout in fitting if layout.rows == len(table.rows))
                return next(whole, fitting[-1]), said, names[count:]
    return _layout(made[_LONGEST[-1]][:2], PAGE, _SIZES[-1]), [], names[2:]


def _columns(table: Table, longest: int) -> list[Column]:
    named = zip(table.columns, zip(*table.rows, strict=True), strict=True)
    return [make_column(place, *column, longest) for place, column in enumerate(named)]


def _said_once(columns: Sequence[Column]) -> tuple[list[Column], list[str]]:
    """Columns without those of one long text throughout, and what these say."""
    same = [column for column in columns[1:] if len(column.cells) > 1 and _says_one_thing(column)]
    said = [f"{tex(column.name)}, in each row: {column.cells[0]}." for column in same]
    return [column for column in columns if column not in same], said


def _says_one_thing(column: Column) -> bool:
    return column.kind != "number" and len(set(column.cells)) == 1 and column.lengths[0] > SAID_ONCE


def _layout(columns: Sequence[Column], width: float, size: Size) -> Layout:
    fixed = sum(column.width for column in columns if column.kind != "wrapped")
    return Layout(tuple(columns), width, size, (width - _GAP * (len(columns) - 1)) / size.points - fixed)


def _fits(layout: Layout) -> bool:
    if not layout.wrapped:
        return layout.room >= 0
    if layout.width == COLUMN or layout.room < sum(column.width for column in layout.wrapped):
        return False
    return max(map(layout.lines, range(len(layout.columns[0].cells)))) <= CELL_LINES


def _left_out(table: Table, columns: Sequence[str], shown: int) -> list[str]:
    """What stands in the CSV file alone."""
    total, told = len(table.rows), []
    if shown < total:
        told.append(f"The first {shown:,} of {total:,} rows.")
    if columns:
        told.append(f"Not shown: {tex(', '.join(columns))}.")
    return [*told, f"The whole table: {tex(table.name)}.csv."] if told else []


def _marked(table: Table, columns: Sequence[Column]) -> list[list[str]]:
    """Cells row by row, the best in bold and those not separable from it with a star.

    Of a row that is the best, its name and its first number are bold: no other number need be the best of its column.
    """
    number = next((column for column in columns if column.kind == "number"), None)
    return [
        [
            _cell(table, row, column, bold=row in table.bold and column in {columns[0], number})
            for column in columns
        ]
        for row in range(len(table.rows))
    ]


def _cell(table: Table, row: int, column: Column, *, bold: bool) -> str:
    text, star = column.cells[row], "$^{*}$"
    bold = bold or (row, column.place) in table.bold_cells
    marked = table.is_marked(row, column.place)
    if column.kind == "number":
        return (r"\bfseries " if bold else "") + text + (f"{{{star}}}" if marked else "")
    return (rf"\textbf{{{text}}}" if bold else text) + (star if marked else "")


def _tabular(layout: Layout, rows: Sequence[Sequence[str]]) -> list[str]:
    specs = " ".join(_spec(layout, column) for column in layout.columns)
    name = "tabularx" if layout.wrapped else "tabular"
    begin = r"\begin{tabularx}{\linewidth}" if layout.wrapped else r"\begin{tabular}"
    return [
        f"{begin}{{@{{}}{specs}@{{}}}}",
        r"\toprule",
        " & ".join(column.header for column in layout.columns) + r" \\",
        r"\midrule",
        *(guarded(" & ".join(row)) + r" \\" for row in rows),
        r"\bottomrule",
        rf"\end{{{name}}}",
    ]


def _spec(layout: Layout, column: Column) -> str:
    if column.kind != "wrapped":
        return column.spec
    factor = len(layout.wrapped) * layout.shares[column.place] / layout.room
    return rf">{{\hsize={factor:.3f}\hsize\raggedright\arraybackslash}}X"
