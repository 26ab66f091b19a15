"""Interactions of two parameters beyond what each does alone."""

from __future__ import annotations

import math

from hpo.report.figure import Axis, Cells, Figure, Panel
from hpo.report.sections.importances import Importances, Share
from hpo.report.sections.selected import PAGE_ROWS
from hpo.report.table import Table, computed, make_table
from hpo.report.text import percent, percent_interval

MOST_PARAMETERS = 10  # of the matrix

Pair = frozenset[str]


def interactions_figure(found: Importances) -> Figure | None:
    """A matrix of shares, main effects on its diagonal; None where none may be shown."""
    names = found.order[:MOST_PARAMETERS]
    shares: dict[Pair, Share] = {
        frozenset(share.effect.parameters): share for share in (*found.mains, *found.pairs) if share.shown
    }
    if not found.pairs:
        return None
    most = found.pairs[0].value
    cells = [[shares.get(frozenset((row, column))) for column in names] for row in names]
    ticks = [(float(place), name) for place, name in enumerate(names)]
    first = found.pairs[0]
    left = f" The {MOST_PARAMETERS} most important parameters." if len(found.order) > len(names) else ""
    fit = found.fit
    return Figure(
        name="interactions",
        title="Interactions of two parameters",
        caption=(
            "Share of the forest's variance, in percent, by two parameters together beyond what each does alone; on the "
            f"diagonal by one alone (fANOVA, {fit.trees} trees on {fit.trials:,} trials, out-of-bag R2 {fit.r2:.2f}). "
            f"Colour: interactions, relative to the largest. Empty: never both active, or not shown.{left}"
        ),
        alt=f"Largest interaction: {' and '.join(first.effect.parameters)}, {percent(first.value)}.",
        panels=(
            Panel(
                [
                    Cells(
                        values=[[_colour(cell, most) for cell in row] for row in cells],
                        texts=[
                            ["" if cell is None else f"{100 * cell.value:.1f}" for cell in row]
                            for row in cells
                        ],
                        hover=[["" if cell is None else _told(cell) for cell in row] for row in cells],
                    )
                ],
                Axis(ticks=ticks),
                Axis(ticks=ticks),
                rows=len(names),
            ),
        ),
        table=_table(found),
        legend=False,
    )


def _colour(cell: Share | None, most: float) -> float:
    if cell is None or len(cell.effect.parameters) == 1:
        return math.nan
    return cell.value / most if most > 0 else 0.0


def _told(cell: Share) -> str:
    return f"{' and '.join(cell.effect.parameters)}: {percent(cell.value)}\n95 % {percent_interval(cell.interval)}"


def _table(found: Importances) -> Table:
    pairs = found.pairs[:PAGE_ROWS]
    shown = [
        {
            "Parameters": " and ".join(pair.effect.parameters),
            "Share": percent(pair.value),
            "95 % interval": percent_interval(pair.interval),
            "Out-of-bag R2": f"{pair.effect.fit.r2:.2f}",
            "Trials": f"{pair.effect.fit.trials:,}",
        }
        for pair in pairs
    ]
    raw = [
        computed(
            {
                "first": pair.effect.parameters[0],
                "second": pair.effect.parameters[1],
                "share": pair.value,
                "interval_low": pair.interval[0],
                "interval_high": pair.interval[1],
                "confidence": found.fanova.confidence,
                "r2_out_of_bag": pair.effect.fit.r2,
                "trials": pair.effect.fit.trials,
            }
        )
        for pair in pairs
    ]
    note = "By fANOVA, beyond the main effects; the largest first. Intervals by the bootstrap over trials."
    if len(found.pairs) > PAGE_ROWS:
        note += f" The first {PAGE_ROWS:,} of {len(found.pairs):,} pairs."
    return make_table("interactions", "Interactions of two parameters", note, shown, raw)
