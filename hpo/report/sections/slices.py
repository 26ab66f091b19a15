"""Scores against single parameters: the trials as dots, and what a forest makes of them averaged over all others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hpo.records.run import Records
from hpo.records.trainings import Trial
from hpo.report.figure import Axis, Dots, Figure, Line, Mark, Panel
from hpo.report.sections.explored import Explored
from hpo.report.sections.importances import SEED, Importances
from hpo.report.sections.rungs import limits
from hpo.report.sections.selected import PAGE_ROWS
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units, value_text
from hpo.stats.fanova import Marginal
from hpo.stats.parameters import Numerical

MOST_PANELS = 6
MOST_DOTS = 2000  # of all panels

_MARGINAL = "marginal of the forest"
_AIR = 0.03  # of a range, at both ends of its axis


def slices_figure(records: Records, explored: Explored, found: Importances) -> Figure | None:
    """Validation score against each numerical parameter, the most important first; None without one."""
    ranges = [p for p in explored.parameters if isinstance(p, Numerical)]
    ranges.sort(key=lambda p: found.order.index(p.name))
    shown = ranges[:MOST_PANELS]
    if not shown:
        return None
    drawn = _sample(len(explored.trials), MOST_DOTS // len(shown))
    units = Units(records.run.metric)
    curves = {m.parameter: m for m in _marginals(found)}
    y = Axis(units.axis("validation"), limits=limits(units.scale * float(explored.scores[i]) for i in drawn))
    panels = [
        Panel(
            [*_dots(records, explored, parameter, drawn), *_curve(curves.get(parameter.name), units)],
            Axis(parameter.name, log=parameter.log, limits=_range(parameter)),
            y,
        )
        for parameter in shown
    ]
    return Figure(
        name="slices",
        title="Score against single parameters",
        caption=_caption(records, explored, found, (len(drawn), len(shown), len(ranges))),
        alt=f"Validation {records.run.metric.name} of {len(drawn):,} complete trials against "
        f"{', '.join(parameter.name for parameter in shown)}.",
        panels=panels,
        table=_table(records, explored, shown, drawn),
    )


def _sample(count: int, most: int) -> list[int]:
    """Indices of the trials drawn, in order."""
    if count <= most:
        return list(range(count))
    return [int(i) for i in np.sort(np.random.default_rng(SEED).choice(count, most, replace=False))]


def _marginals(found: Importances) -> tuple[Marginal, ...]:
    """Those of forests that explain anything."""
    return tuple(m for m in found.fanova.marginals if m.fit.r2 is not None and m.fit.r2 > 0)


def _range(parameter: Numerical) -> tuple[float, float]:
    low, high = (math.log(v) if parameter.log else v for v in (parameter.low, parameter.high))
    air = _AIR * (high - low)
    return (math.exp(low - air), math.exp(high + air)) if parameter.log else (low - air, high + air)


def _dots(records: Records, explored: Explored, parameter: Numerical, drawn: Sequence[int]) -> list[Mark]:
    units = Units(records.run.metric)
    marks: list[Mark] = []
    for index, name in enumerate(records.run.strategies):
        own = [
            i
            for i in drawn
            if explored.trials[i].strategy == name and parameter.name in explored.configurations[i]
        ]
        if own:
            values = [explored.configurations[i][parameter.name] for i in own]
            marks.append(
                Dots(
                    x=[float(value) for value in values],
                    y=[units.scale * float(explored.scores[i]) for i in own],
                    name=name,
                    style=index,
                    weight="faint" if len(drawn) > 200 else "normal",
                    hover=[
                        f"{_named(explored.trials[i])}\n{parameter.name}={value_text(value)}: "
                        f"{units.value(float(explored.scores[i]))}"
                        for i, value in zip(own, values, strict=True)
                    ],
                )
            )
    return marks


def _named(trial: Trial) -> str:
    return f"{trial.strategy}, replicate {trial.replicate}, draw {trial.draw}"


def _curve(marginal: Marginal | None, units: Units) -> list[Mark]:
    if marginal is None:
        return []
    ends = list(zip(marginal.mean, marginal.deviation, strict=True))
    line = Line(
        x=[float(value) for value in marginal.values],
        y=[units.scale * mean for mean in marginal.mean],
        name=_MARGINAL,
        weight="strong",
        band=([units.scale * (m - d) for m, d in ends], [units.scale * (m + d) for m, d in ends]),
    )
    return [line]


def _caption(records: Records, explored: Explored, found: Importances, sizes: tuple[int, int, int]) -> str:
    drawn, panels, ranges = sizes
    total = len(explored.trials)
    sampled = f", {drawn:,} of {total:,} drawn at random" if drawn < total else f", {total:,} in all"
    curve = "No curve: no forest explains the scores out of bag."
    if _marginals(found):
        curve = (
            "Line: prediction of the forest averaged over all other parameters; band: its standard deviation over trees, no "
            "interval of the truth."
        )
    fewer = f" The {panels} most important of {ranges} numerical parameters." if ranges > panels else ""
    return (
        f"Validation {records.run.metric.name} against each numerical parameter. A dot is a complete trial{sampled}. "
        f"{curve}{fewer}"
    )


def _table(records: Records, explored: Explored, shown: Sequence[Numerical], drawn: Sequence[int]) -> Table:
    units = Units(records.run.metric)
    rows, raw = [], []
    for i in drawn[:PAGE_ROWS]:
        trial, values = explored.trials[i], explored.values(i, [p.name for p in shown])
        score = float(explored.scores[i])
        rows.append(
            {
                "Strategy": trial.strategy,
                "Replicate": str(trial.replicate),
                "Draw": str(trial.draw),
                f"Validation {records.run.metric.name}": units.value(score),
                **{name: "-" if value is None else value_text(value) for name, value in values.items()},
            }
        )
        raw.append(
            {
                "strategy": trial.strategy,
                "replicate": trial.replicate,
                "draw": trial.draw,
                "validation_score": score,
                **values,
            }
        )
    note = "The trials drawn as dots; -: the parameter is not active."
    if len(drawn) > PAGE_ROWS:
        note = f"The first {PAGE_ROWS:,} of {len(drawn):,} trials drawn; all: data/trials.csv. {note}"
    return make_table("slices", "Score against single parameters", note, rows, raw)


def marginal_table(records: Records, found: Importances) -> Table | None:
    """Marginals of all parameters, those without an order too; None where no forest explains anything."""
    units = Units(records.run.metric)
    marginals = sorted(_marginals(found), key=lambda m: found.order.index(m.parameter))
    points = [
        (m, value, mean, deviation)
        for m in marginals
        for value, mean, deviation in zip(m.values, m.mean, m.deviation, strict=True)
    ]
    if not points:
        return None
    kept = [point for m in marginals for point in _spread([p for p in points if p[0] is m])][:PAGE_ROWS]
    shown = [
        {
            "Parameter": m.parameter,
            "Value": value_text(value),
            "Predicted": units.value(mean),
            "Deviation over trees": units.difference(deviation).lstrip("+"),
            "Out-of-bag R2": f"{m.fit.r2:.2f}",
            "Trials": f"{m.fit.trials:,}",
        }
        for m, value, mean, deviation in kept
    ]
    raw = [
        computed(
            {
                "parameter": m.parameter,
                "value": value_text(value) if isinstance(value, list | tuple) else value,
                "predicted": mean,
                "deviation_over_trees": deviation,
                "r2_out_of_bag": m.fit.r2,
                "trials": m.fit.trials,
            }
        )
        for m, value, mean, deviation in kept
    ]
    note = (
        f"Validation {records.run.metric.name} that the forest predicts at a value, averaged over all other parameters of "
        "the space; its deviation over trees is no interval of the truth. Of a range, about ten values."
    )
    return make_table("marginals", "Marginals of parameters", note, shown, raw)


Point = tuple[Marginal, object, float, float]


def _spread(points: Sequence[Point]) -> Sequence[Point]:
    """About ten of ``points`` of one parameter, the first and the last among them; all where they are few."""
    if len(points) <= 12:
        return points
    return [points[round(float(i))] for i in np.linspace(0, len(points) - 1, 10)]
