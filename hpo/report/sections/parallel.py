"""Parallel coordinates: every complete trial as a line over the parameters, to its score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo.records.run import Records
from hpo.report.figure import Axis, Figure, Line, Mark, Panel, Weight
from hpo.report.sections.explored import Explored, explore
from hpo.report.sections.importances import SEED
from hpo.report.sections.selected import PAGE_ROWS
from hpo.report.table import Table, make_table
from hpo.report.text import Units, configuration, plain_value, value_text
from hpo.stats.parameters import Array, Categorical, Numerical, Parameter

MOST_LINES = 200
BEST = 20  # trials drawn stronger; they are always among those drawn

_MOST_CELLS = 12  # of an axis of choices or steps, for its trials to be spread within each
_SPREAD = 0.8  # of a cell


@dataclass(frozen=True)
class Row:
    """One axis: its name with its ends, and where each trial lies on it from 0 to 1, NaN where it has no value."""

    label: str
    places: Array


def parallel_figure(records: Records) -> Figure | None:
    """For the page alone; None with fewer than two complete trials or nothing searched.

    Axes lie one below another, so that their names have room, and a trial's line runs down over them to its score.
    """
    explored = explore(records)
    searched = [p for p in explored.parameters if p.name != explored.compared]
    if len(explored.trials) < 2 or not searched:
        return None
    oriented = explored.oriented(records.run.metric.maximize)
    order = np.argsort(-oriented, kind="stable")
    drawn = _drawn(order)
    rows = [_row(explored, parameter, oriented) for parameter in searched]
    rows.append(_score_row(records, explored, oriented))
    heights = [float(height) for height in reversed(range(len(rows)))]
    marks: list[Mark] = [Line((0.0, 1.0), (height, height), weight="faint") for height in heights]
    best = {int(i) for i in order[:BEST]}
    marks += _lines(records, explored, rows, [i for i in drawn if i not in best], "faint")
    marks += _lines(records, explored, rows, [i for i in drawn if i in best], "normal")
    ticks = [(height, row.label) for height, row in zip(heights, rows, strict=True)]
    return Figure(
        name="parallel",
        title="All complete trials over all parameters",
        caption=_caption(records, explored, len(drawn)),
        alt=f"{len(drawn):,} complete trials, each a line over {', '.join(row.label for row in rows)}.",
        panels=(
            Panel(
                marks,
                Axis(limits=(-0.02, 1.02), hidden=True),
                Axis(ticks=ticks, limits=(-0.3, len(rows) - 0.7)),
                rows=2 * len(rows),
            ),
        ),
        table=_table(records, explored, drawn),
        paper=False,
    )


def _drawn(order: npt.NDArray[np.intp]) -> list[int]:
    """Indices of the trials drawn: all, or the best and a seeded sample of the others; ``order``: the best first."""
    if order.size <= MOST_LINES:
        return list(range(order.size))
    others = np.random.default_rng(SEED).choice(order[BEST:], MOST_LINES - BEST, replace=False)
    return sorted(int(i) for i in np.concatenate([order[:BEST], others]))


def _row(explored: Explored, parameter: Parameter, oriented: Array) -> Row:
    codes = explored.encoded[:, explored.parameters.index(parameter)]
    if isinstance(parameter, Categorical):
        ends = parameter.values[0], parameter.values[-1]
        count = len(parameter.values)
        places = _spread(codes, count, oriented)
    else:
        ends = parameter.low, parameter.high
        count = _cells(parameter)
        # A bound of the range is half a cell within the codes' unit interval.
        places = codes if not count else _spread(np.floor(codes * count), count, oriented)
    return Row(f"{parameter.name}, {value_text(ends[0])} to {value_text(ends[1])}", places)


def _cells(parameter: Numerical) -> int:
    """Steps of a linear range that are few enough to have a cell each; else 0."""
    if parameter.step is None or parameter.log:
        return 0
    count = round((parameter.high - parameter.low) / parameter.step) + 1
    return count if count <= _MOST_CELLS else 0


def _spread(cells: Array, count: int, oriented: Array) -> Array:
    """Places of trials in ``count`` cells side by side: within each from the worst score on the left to the best."""
    places = np.full(cells.shape, np.nan)
    for cell in range(count):
        own = np.flatnonzero(cells == cell)
        ranks = np.argsort(np.argsort(oriented[own], kind="stable"), kind="stable")
        share = (ranks + 0.5) / max(own.size, 1) - 0.5
        places[own] = (cell + 0.5 + _SPREAD * share) / count
    return places


def _score_row(records: Records, explored: Explored, oriented: Array) -> Row:
    """The better end on the right."""
    units = Units(records.run.metric)
    worst, best = (units.value(float(explored.scores[i])) for i in (oriented.argmin(), oriented.argmax()))
    places = (oriented - oriented.min()) / (float(np.ptp(oriented)) or 1.0)
    return Row(f"validation {records.run.metric.name}, {worst} to {best}", places)


def _lines(
    records: Records, explored: Explored, rows: Sequence[Row], drawn: Sequence[int], weight: Weight
) -> list[Mark]:
    """One mark a strategy: its trials one after another, a gap between them."""
    heights = [float(height) for height in reversed(range(len(rows)))]
    marks: list[Mark] = []
    for index, name in enumerate(records.run.strategies):
        own = [i for i in drawn if explored.trials[i].strategy == name]
        if own:
            x = [v for i in own for v in (*(float(row.places[i]) for row in rows), math.nan)]
            y = [*heights, math.nan] * len(own)
            hover = [text for i in own for text in [_told(records, explored, i)] * (len(rows) + 1)]
            marks.append(Line(x, y, name, index, weight, hover=hover))
    return marks


def _told(records: Records, explored: Explored, place: int) -> str:
    trial, units = explored.trials[place], Units(records.run.metric)
    score = units.value(float(explored.scores[place]))
    lead = f"{trial.strategy}, replicate {trial.replicate}, draw {trial.draw}: {score}"
    values = explored.values(place, _names(explored))
    return f"{lead}\n{configuration({name: v for name, v in values.items() if v is not None})}"


def _caption(records: Records, explored: Explored, drawn: int) -> str:
    total = len(explored.trials)
    sampled = f" Drawn: those and {drawn - BEST:,} others of {total:,}, at random." if drawn < total else ""
    left = "".join(f" {sentence}" for sentence in explored.left_out)
    strong = f" Stronger: the best {BEST}." if total > BEST else ""
    better = "highest" if records.run.metric.maximize else "lowest"
    return (
        f"Each complete trial as a line down from its parameters, each on its own scale, to its validation score, the "
        f"{better} on the right. Where a parameter has few values, trials of one value lie side by side, the best on the "
        f"right. A gap: the parameter is not active.{strong}{sampled}{left}"
    )


def _table(records: Records, explored: Explored, drawn: Sequence[int]) -> Table:
    units = Units(records.run.metric)
    names = _names(explored)
    kept = drawn[:PAGE_ROWS]
    shown, raw = [], []
    for i in kept:
        trial, values, score = explored.trials[i], explored.values(i, names), float(explored.scores[i])
        lead = {"Strategy": trial.strategy, "Replicate": str(trial.replicate), "Draw": str(trial.draw)}
        told = {name: "-" if value is None else value_text(value) for name, value in values.items()}
        shown.append(lead | told | {f"Validation {records.run.metric.name}": units.value(score)})
        plain = {name: plain_value(value) for name, value in values.items()}
        raw.append(
            {
                "strategy": trial.strategy,
                "replicate": trial.replicate,
                "draw": trial.draw,
                **plain,
                "validation_score": score,
            }
        )
    note = "The complete trials drawn. Every trial: data/trials.csv."
    return make_table("parallel", "All complete trials over all parameters", note, shown, raw)


def _names(explored: Explored) -> list[str]:
    return [p.name for p in explored.parameters if p.name != explored.compared]
