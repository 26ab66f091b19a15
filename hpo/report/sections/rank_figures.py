"""The figures of ranks: the critical-difference diagram and the multi-comparison matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from hpo.records.verdict_rule import ALPHA
from hpo.report.blocks import Blocks
from hpo.report.figure import Axis, Cells, Dots, Figure, Line, Mark, Panel, Words
from hpo.report.sections.selected import PAGE_ROWS
from hpo.report.table import Table, computed, make_table
from hpo.report.text import listed, p_text
from hpo.stats.comparison_matrix import Cell, ComparisonMatrix, comparison_matrix
from hpo.stats.ranks import cliques

Matrix = list[list[Cell | None]]

_BAR = 0.45  # rows from one bar to the next
_MOST_TICKS = 9
_MOST_CHARACTERS = 50  # of a row of cells, to be read in a column of a paper


def diagram(blocks: Blocks) -> Figure:
    """The critical-difference diagram (Demsar 2006) with bars by tests of pairs (Benavoli et al. 2016)."""
    bars = cliques(blocks.mean_ranks, blocks.pairs.holm_p)
    names = [[blocks.names[index] for index in bar] for bar in bars]
    ranks = listed(f"{blocks.names[index]} {blocks.mean_ranks[index]:.2f}" for index in blocks.order)
    joined = "; ".join(listed(bar) for bar in names) or "none"
    test = "Wilcoxon's signed-rank" if blocks.metric else "the sign"
    return Figure(
        name="critical-difference",
        title="Critical-difference diagram",
        caption=(
            f"Mean ranks over {blocks.over}, the best on the left. A bar joins strategies of which no "
            f"two are shown to differ, by {test} test of all pairs with Holm at {ALPHA:g}; that is not to say that they are "
            "equal. Bars join neighbours in rank alone: two with a strategy between them that differs from one share none."
        ),
        alt=f"Mean ranks: {ranks}. Bars join: {joined}.",
        panels=(_diagram_panel(blocks, bars),),
        table=_diagram_table(blocks, bars),
        legend=False,
    )


def _diagram_panel(blocks: Blocks, bars: tuple[tuple[int, ...], ...]) -> Panel:
    count = len(blocks.names)
    base = _BAR * (len(bars) + 1) + 0.3
    top = base + (count + 1) // 2 - 1
    step = -(-count // _MOST_TICKS)
    return Panel(
        marks=[*_stems(blocks, base), *_bars(blocks, bars)],
        x=Axis(
            "mean rank",
            limits=(1 - 0.03 * (count - 1), count + 0.03 * (count - 1)),
            ticks=[(float(rank), str(rank)) for rank in range(1, count + 1, step)],
        ),
        y=Axis(limits=(-0.3, top + 0.5), hidden=True),
        rows=math.ceil(top + 0.8),
    )


def _stems(blocks: Blocks, base: float) -> Iterator[Mark]:
    """A line from the axis up to each name: the better half named to the left, the rest to the right.

    The outermost stand lowest, so that no line crosses a name.
    """
    count = len(blocks.order)
    for place, index in enumerate(blocks.order):
        left = place < (count + 1) // 2
        x, y = blocks.mean_ranks[index], base + (place if left else count - 1 - place)
        label = f"{blocks.names[index]} {x:.2f}"
        yield Line((x, x), (-0.3, y), style=blocks.styles[index], weight="faint", dash=0)
        yield Dots((x,), (0.0,), style=blocks.styles[index], hover=(label,))
        yield Words(x, y, label, "right" if left else "left")


def _bars(blocks: Blocks, bars: tuple[tuple[int, ...], ...]) -> Iterator[Mark]:
    for row, bar in enumerate(bars):
        ranks = [blocks.mean_ranks[index] for index in bar]
        told = "not shown to differ: " + listed(blocks.names[index] for index in bar)
        yield Line(
            (min(ranks), max(ranks)), (_BAR * (row + 1),) * 2, weight="strong", hover=(told, told), dash=0
        )


def _diagram_table(blocks: Blocks, bars: tuple[tuple[int, ...], ...]) -> Table:
    shown, raw = [], []
    for index in blocks.order:
        inside = " ".join(str(number) for number, bar in enumerate(bars, start=1) if index in bar) or "-"
        facts = {"strategy": blocks.names[index], "mean_rank": blocks.mean_ranks[index], "bars": inside}
        shown.append(
            {
                "Strategy": blocks.names[index],
                "Mean rank": f"{blocks.mean_ranks[index]:.2f}",
                "In bars": inside,
            }
        )
        raw.append(computed(facts))
    note = "Bars are numbered from the axis upwards; two strategies with a bar in common are not shown to differ."
    return make_table("critical-difference", "Critical-difference diagram", note, shown, raw)


def matrix_figure(blocks: Blocks) -> Figure:
    """The multi-comparison matrix (Ismail-Fawaz et al. 2023): what stands in a cell depends on its two strategies alone."""
    matrix = comparison_matrix(blocks.oriented)
    order = matrix.order if blocks.metric else blocks.order
    ticks = [(float(place), blocks.names[index]) for place, index in enumerate(order)]
    cells = [[matrix.cells[i][j] for j in order] for i in order]
    told = [
        [_hover(blocks, blocks.names[i], blocks.names[j], matrix.cells[i][j]) for j in order] for i in order
    ]
    marks = Cells(
        values=[[_share(cell) for cell in row] for row in cells],
        texts=_texts(blocks, cells),
        hover=told,
    )
    first, last = blocks.names[order[0]], blocks.names[order[-1]]
    top = matrix.cells[order[0]][order[-1]]
    return Figure(
        name="comparison-matrix",
        title="Multi-comparison matrix",
        caption=_matrix_caption(blocks, cells),
        alt=f"All pairs of {len(order)} strategies; {_hover(blocks, first, last, top)}.".replace("\n", "; "),
        panels=(Panel([marks], Axis("against", ticks=ticks), Axis(ticks=ticks), rows=len(order)),),
        table=_matrix_table(blocks, matrix, order),
        legend=False,
    )


def _share(cell: Cell | None) -> float:
    """Share of blocks won less the share lost: the colour."""
    if cell is None:
        return math.nan
    return (cell.wins - cell.losses) / (cell.wins + cell.ties + cell.losses)


def _texts(blocks: Blocks, cells: Matrix) -> list[list[str]]:
    """Mean differences, or, where they are none or would be too long, blocks won."""
    if _shows_differences(blocks, cells):
        return [[_difference(blocks, cell) for cell in row] for row in cells]
    return [["" if cell is None else str(cell.wins) for cell in row] for row in cells]


def _shows_differences(blocks: Blocks, cells: Matrix) -> bool:
    longest = max(len(_difference(blocks, cell)) for row in cells for cell in row)
    return 0 < longest * len(cells) <= _MOST_CHARACTERS


def _difference(blocks: Blocks, cell: Cell | None) -> str:
    if cell is None or blocks.units is None:
        return ""
    star = "*" if blocks.enough and cell.p < ALPHA else ""
    return blocks.units.difference(_recorded(blocks, cell)) + star


def _recorded(blocks: Blocks, cell: Cell) -> float:
    """The cell's mean difference in the metric as it is recorded."""
    return cell.difference if blocks.metric is None or blocks.metric.maximize else -cell.difference


def _hover(blocks: Blocks, row: str, column: str, cell: Cell | None) -> str:
    if cell is None:
        return row
    counts = f"better in {cell.wins:,}, level in {cell.ties:,}, worse in {cell.losses:,} of "
    lines = [f"{row} against {column}: {counts}{blocks.over}"]
    if blocks.units:
        lines.append(
            f"mean difference {blocks.units.difference(_recorded(blocks, cell))}{blocks.units.difference_unit}"
        )
        if blocks.enough:
            lines.append(f"p of this pair alone {p_text(cell.p)}")
    return "\n".join(lines)


def _matrix_caption(blocks: Blocks, cells: Matrix) -> str:
    over = blocks.over
    colour = (
        f"Colour: share of {over} in which the row is better (blue) less that in which it is worse (red)."
    )
    if blocks.units is None or not _shows_differences(blocks, cells):
        return f"Number: how many of {over} the row is better in. {colour}"
    unit = f", {blocks.units.difference_unit.strip()}" if blocks.units.difference_unit else ""
    better = "higher" if blocks.units.metric.maximize else "lower"
    star = " *: p < 0.05 by Wilcoxon's signed ranks, of that pair alone." if blocks.enough else ""
    return (
        f"Number: mean test {blocks.units.metric.name} of the row less that of the column{unit} ({better} is better), over "
        f"{over}.{star} {colour} No cell depends on which other strategies are compared."
    )


def _matrix_table(blocks: Blocks, matrix: ComparisonMatrix, order: tuple[int, ...]) -> Table:
    shown, raw = [], []
    for i, j in combinations(order, 2):
        cell = matrix.cells[i][j]
        if cell is None:  # only on the diagonal
            continue
        row = {"Row": blocks.names[i], "Column": blocks.names[j]}
        facts: dict[str, Any] = {"row": blocks.names[i], "column": blocks.names[j]}
        facts |= {"better_in": cell.wins, "level_in": cell.ties, "worse_in": cell.losses}
        if blocks.units:
            row["Mean difference"] = blocks.units.difference(_recorded(blocks, cell))
            facts["mean_difference"] = _recorded(blocks, cell)
        row |= {"Better in": str(cell.wins), "Level in": str(cell.ties), "Worse in": str(cell.losses)}
        if blocks.units and blocks.enough:
            row["p alone"] = p_text(cell.p)
            facts["p"] = cell.p
        shown.append(row)
        raw.append(computed(facts))
    note = f"The row's strategy against the column's over {blocks.over}; a pair stands once."
    if len(shown) > PAGE_ROWS:
        note += f" The first {PAGE_ROWS:,} of {len(shown):,} pairs."
    return make_table(
        "comparison-matrix", "Multi-comparison matrix", note, shown[:PAGE_ROWS], raw[:PAGE_ROWS]
    )
