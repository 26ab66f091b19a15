"""The forest plot: differences from one strategy with their intervals, and the margin of practical equivalence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpo.report.figure import Axis, Dots, Figure, Line, Mark, Panel, Rule
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units


@dataclass(frozen=True)
class Row:
    """One strategy less the centre, in the metric's unit.

    Attributes:
        interval, together: at 95 %, alone and together with the others of its family.
        outcome: what is concluded; empty where nothing is.
        over: what the mean is over.
        singles: differences behind the mean, drawn as dots.
    """

    name: str
    style: int
    mean: float
    interval: tuple[float, float]
    together: tuple[float, float]
    outcome: str
    over: str
    singles: tuple[float, ...] = ()


@dataclass(frozen=True)
class Forest:
    """What a forest plot shows.

    Attributes:
        centre: the strategy that the others are held against, and ``reason``: why it is.
        margin: of practical equivalence; 0 where there is none; ``whose``: which one it is.
        method: what intervals are over and how they are computed, as a sentence.
    """

    rows: tuple[Row, ...]
    units: Units
    centre: str
    reason: str
    margin: float
    whose: str
    method: str


def forest_figure(forest: Forest) -> Figure:
    """One row a strategy, in the order given from the top."""
    units, top = forest.units, len(forest.rows) - 1
    unit = f",{units.difference_unit}" if units.difference_unit else ""
    marks = [*_rules(forest)]
    for place, row in enumerate(forest.rows):
        marks += _row(forest, row, float(top - place))
    told = "; ".join(
        f"{row.name} {units.difference(row.mean)} ({units.difference_interval(row.interval)})"
        for row in forest.rows
    )
    axis = f"test {units.metric.name} less that of {forest.centre}{unit}"
    return Figure(
        name="differences",
        title=f"Differences from {forest.centre}",
        caption=_caption(forest),
        alt=f"Differences in test {units.metric.name}{unit} from {forest.centre}, with 95 % intervals: {told}.",
        panels=(
            Panel(
                marks,
                Axis(axis),
                Axis(ticks=[(float(top - place), row.name) for place, row in enumerate(forest.rows)]),
                rows=len(forest.rows),
            ),
        ),
        table=_table(forest),
    )


def _rules(forest: Forest) -> Iterator[Mark]:
    yield Rule("x", 0.0)
    if forest.margin > 0:
        margin = forest.units.scale * forest.margin
        yield Rule("x", -margin)
        yield Rule("x", margin, "margin")


def _row(forest: Forest, row: Row, height: float) -> Iterator[Mark]:
    """The interval together, that of the row alone as a thicker line on it, the mean; the single differences below."""
    units = forest.units
    low, high = (units.scale * end for end in row.together)
    yield Line((low, high), (height, height), "95 % together", row.style, dash=0)
    told = "\n".join(
        (
            f"{row.name} less {forest.centre}: {units.difference(row.mean)}{units.difference_unit}",
            f"95 % alone {units.difference_interval(row.interval)}, together {units.difference_interval(row.together)}",
            *([row.outcome] if row.outcome else []),
        )
    )
    low, high = (units.scale * end for end in row.interval)
    yield Line((low, high), (height, height), "95 % alone", row.style, weight="strong", dash=0)
    yield Dots((units.scale * row.mean,), (height,), style=row.style, weight="strong", hover=(told,))
    if row.singles:
        x = [units.scale * single for single in row.singles]
        yield Dots(x, [height - 0.28] * len(x), style=row.style, weight="faint")


def _caption(forest: Forest) -> str:
    better = "to the right of 0" if forest.units.metric.maximize else "to the left of 0"
    margin = ""
    if forest.margin > 0:
        value = forest.units.difference(forest.margin).lstrip("+") + forest.units.difference_unit
        margin = f" Outer lines: {forest.whose}, {value}, below which a difference does not matter."
    dots = " Dots: the single differences." if any(row.singles for row in forest.rows) else ""
    return (
        f"Test {forest.units.metric.name} of each strategy less that of {forest.centre}, {forest.reason}; better ones lie "
        f"{better}. {forest.method}{margin}{dots}"
    )


def _table(forest: Forest) -> Table:
    units = forest.units
    shown, raw = [], []
    for row in forest.rows:
        outcome = {"Outcome": row.outcome} if row.outcome else {}
        shown.append(
            {
                "Strategy": row.name,
                "Difference": units.difference(row.mean),
                "95 % alone": units.difference_interval(row.interval),
                "95 % together": units.difference_interval(row.together),
                **outcome,
                "Over": row.over,
            }
        )
        raw.append(
            computed(
                {
                    "strategy": row.name,
                    "less": forest.centre,
                    "difference": row.mean,
                    "interval_low": row.interval[0],
                    "interval_high": row.interval[1],
                    "together_low": row.together[0],
                    "together_high": row.together[1],
                    "outcome": row.outcome,
                }
            )
        )
    return make_table("differences", f"Differences from {forest.centre}", forest.method, shown, raw)


def known(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Those ``rows`` whose intervals are finite: a single score has none."""
    return tuple(row for row in rows if all(map(math.isfinite, (*row.interval, *row.together))))
