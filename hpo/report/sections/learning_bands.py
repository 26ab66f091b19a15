"""Learning curves of very many trials: quantiles by rung, and the selected trials themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.records.run import Records
from hpo.records.trainings import Trial
from hpo.report.figure import NEUTRAL, Axis, Figure, Line, Mark, Panel
from hpo.report.sections.rungs import limits, rung_axis
from hpo.report.sections.selected import PAGE_ROWS, key, selected
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units, capitalised, counted

LEAST_TRIALS = 5  # at a rung, for its quantiles to be drawn
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Spread:
    """Quantiles of the scores of some trials at one rung; ``of``: which trials, ``n``: how many of them."""

    strategy: str
    of: str
    examples: int
    n: int
    low: float
    median: float
    high: float


def banded_curves(records: Records) -> Figure:
    """A panel a strategy: median and 10 to 90 % of complete and of pruned trials by rung, and the selected trials."""
    units = Units(records.run.metric)
    chosen = selected(records)
    best = [t for t in records.trials if key(t) in chosen and t.rungs]
    spreads = {
        (name, state): _spreads(records.trials, name, state)
        for name in records.run.strategies
        for state in ("complete", "pruned")
    }
    ends = [v for found in spreads.values() for s in found for v in (s.low, s.high)]
    ends += [r.score for t in best for r in t.rungs]
    x = rung_axis(records)
    y = Axis(units.axis("validation"), limits=limits(units.scale * v for v in ends))
    panels = []
    for index, name in enumerate(records.run.strategies):
        marks = list(_legend()) if index == 0 else []
        marks += _bands(spreads[name, "pruned"], "pruned", NEUTRAL, units)
        marks += _bands(spreads[name, "complete"], "complete", index, units)
        marks += [_line(t, index, units) for t in best if t.strategy == name]
        panels.append(Panel(marks, x, y, heading=name))
    return Figure(
        name="curves",
        title="Learning curves",
        caption=_caption(records, len(best)),
        alt=_alt(records, ends),
        panels=panels,
        table=_table(records, [s for found in spreads.values() for s in found]),
    )


def _spreads(trials: Sequence[Trial], strategy: str, state: str) -> list[Spread]:
    """By rung, where enough trials were evaluated; never complete and pruned ones together."""
    scores: dict[int, list[float]] = {}
    for trial in trials:
        if trial.strategy == strategy and trial.state == state:
            for rung in trial.rungs:
                scores.setdefault(rung.examples, []).append(rung.score)
    return [
        Spread(strategy, state, examples, len(found), *(float(q) for q in np.quantile(found, QUANTILES)))
        for examples, found in sorted(scores.items())
        if len(found) >= LEAST_TRIALS
    ]


def _legend() -> Iterator[Mark]:
    """Marks without points, which give the legend its samples, whichever strategy they are of."""
    yield Line((), (), "selected", weight="strong", markers=True)
    yield Line((), (), "complete")
    yield Line((), (), "pruned", dash=1)


def _bands(spreads: Sequence[Spread], name: str, style: int, units: Units) -> list[Line]:
    scale = units.scale
    if not spreads:
        return []
    line = Line(
        x=[float(s.examples) for s in spreads],
        y=[scale * s.median for s in spreads],
        name=name,
        style=style,
        band=([scale * s.low for s in spreads], [scale * s.high for s in spreads]),
        hover=[_told(s, units) for s in spreads],
        dash=1 if name == "pruned" else 0,
    )
    return [line]


def _told(spread: Spread, units: Units) -> str:
    s = spread
    return f"{counted(s.n, f'{s.of} trial')}\nmedian {units.value(s.median)}, 10 to 90 %: {units.interval((s.low, s.high))}"


def _line(trial: Trial, index: int, units: Units) -> Line:
    return Line(
        x=[float(r.examples) for r in trial.rungs],
        y=[units.scale * r.score for r in trial.rungs],
        name="selected",
        style=index,
        weight="strong",
        markers=True,
        hover=[
            f"replicate {trial.replicate}, draw {trial.draw}\n{units.value(r.score)}" for r in trial.rungs
        ],
        dash=trial.replicate,
    )


def _caption(records: Records, best: int) -> str:
    total = len(records.trials)
    states = {state: sum(t.state == state for t in records.trials) for state in ("complete", "pruned")}
    left_out = total - sum(states.values())
    without = f" {counted(left_out, 'failed trial')} left out." if left_out else ""
    return (
        f"Validation {records.run.metric.name} by rung: median and 10 to 90 % of the trials evaluated there, of "
        f"{states['complete']:,} complete and (grey, dashed) {states['pruned']:,} pruned trials apart, where at least "
        f"{LEAST_TRIALS} were evaluated; pruned trials grow fewer from rung to rung.{without} Thick with markers: the "
        f"{best:,} selected trials, a dash pattern a replicate."
    )


def _alt(records: Records, ends: Sequence[float]) -> str:
    units = Units(records.run.metric)
    span = f"from {units.value(min(ends))} to {units.value(max(ends))}" if ends else "at no common rung"
    named = f"validation {records.run.metric.name}"
    return f"Quantiles of the learning curves of {len(records.trials):,} trials, {span} {named}."


def _table(records: Records, spreads: Sequence[Spread]) -> Table:
    units = Units(records.run.metric)
    shown = [
        {
            "Strategy": s.strategy,
            "Trials": s.of,
            "n": f"{s.n:,}",
            capitalised(records.run.resource): f"{s.examples:,}",
            "10 %": units.value(s.low),
            "Median": units.value(s.median),
            "90 %": units.value(s.high),
        }
        for s in spreads[:PAGE_ROWS]
    ]
    raw = [
        computed(
            {
                "strategy": s.strategy,
                "trials": s.of,
                "n": s.n,
                "examples": s.examples,
                "quantile_10": s.low,
                "median": s.median,
                "quantile_90": s.high,
            }
        )
        for s in spreads[:PAGE_ROWS]
    ]
    note = "Quantiles over the trials evaluated at the rung. Every rung of every trial: data/rungs.csv."
    return make_table("curves", "Learning curves", note, shown, raw)
