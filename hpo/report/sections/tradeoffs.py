"""Trade-offs: test score against what a training costs, and all trials over all parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo.records.charges import charged_seconds
from hpo.records.run import Records
from hpo.records.trainings import Confirmation
from hpo.report.analysis import Standing
from hpo.report.figure import NEUTRAL, Axis, Dots, Figure, Line, Mark, Panel
from hpo.report.section import Section
from hpo.report.sections.parallel import parallel_figure
from hpo.report.sentences import Verdict
from hpo.report.table import Table, computed, make_table
from hpo.report.tables import over
from hpo.report.text import Units, listed, ranged, seconds
from hpo.stats.pareto import pareto_front

_TITLE = "Trade-offs"


@dataclass(frozen=True)
class Place:
    """The confirmations of one strategy, or of the baseline, by cost and score.

    Attributes:
        label: its name, the baseline marked as such.
        cost: mean device-seconds charged to one confirmation.
        front: whether no other mean is both cheaper and better.
    """

    standing: Standing
    label: str
    style: int
    own: tuple[Confirmation, ...]
    cost: float
    front: bool = False


def tradeoffs_section(records: Records, judged: Verdict) -> Section:
    """The Pareto front of the confirmed strategies, and parallel coordinates of the trials."""
    parallel = parallel_figure(records)
    places = _places(records, judged)
    parts = [
        *([] if isinstance(places, str) else [_figure(records, places)]),
        *([parallel] if parallel else []),
    ]
    why = places if isinstance(places, str) else ""
    if not parts:
        return Section("tradeoffs", _TITLE, absent=why)
    return Section("tradeoffs", _TITLE, (why,) if why else (), tuple(parts))


def _places(records: Records, judged: Verdict) -> tuple[Place, ...] | str:
    """Where every strategy lies, in the order of the run, the baseline last; or why costs and scores cannot be set off."""
    if not records.confirmations:
        return "No score against cost: no confirmation is recorded yet."
    if not all(charged_seconds(c) > 0 for c in records.confirmations):
        return "No score against cost: what confirmations cost is not recorded."
    analysis = judged.analysis
    found = [_place(records, s, "strategy", records.run.strategies.index(s.name)) for s in analysis.standings]
    if analysis.baseline is not None:
        found.append(_place(records, analysis.baseline, "baseline", NEUTRAL))
    sign = 1.0 if records.run.metric.maximize else -1.0
    front = pareto_front([p.cost for p in found], [sign * p.standing.estimate.mean for p in found])
    ahead = {int(index) for index in front}
    return tuple(
        Place(p.standing, p.label, p.style, p.own, p.cost, index in ahead) for index, p in enumerate(found)
    )


def _place(records: Records, standing: Standing, role: str, style: int) -> Place:
    own = tuple(c for c in records.confirmations if (c.role, c.strategy) == (role, standing.name))
    cost = float(np.mean([charged_seconds(c) for c in own]))
    plain = role == "strategy" or standing.name == "baseline"
    return Place(standing, standing.name if plain else f"{standing.name} (baseline)", style, own, cost)


def _figure(records: Records, places: Sequence[Place]) -> Figure:
    units = Units(records.run.metric)
    marks: list[Mark] = [mark for place in places for mark in _marks(place, units)]
    front = sorted((p for p in places if p.front), key=lambda p: p.cost)
    if len(front) > 1:
        x, y = [p.cost for p in front], [units.scale * p.standing.estimate.mean for p in front]
        marks.append(Line(x, y, "Pareto front of the means", step=True, dash=1))
    told = "; ".join(
        f"{p.label} {units.value(p.standing.estimate.mean)} for {seconds(p.cost)}" for p in front
    )
    return Figure(
        name="pareto",
        title="Test score against the cost of a training",
        caption=_caption(records, places),
        alt=f"On the Pareto front: {told} device-seconds.",
        panels=(Panel(marks, Axis("device-seconds charged to a confirmation"), Axis(units.axis("test"))),),
        table=_table(records, places),
    )


def _marks(place: Place, units: Units) -> list[Mark]:
    """The seeds faint, the mean above them: large on the front."""
    mean = place.standing.estimate.mean
    on = "on the front" if place.front else "not on the front"
    return [
        Dots(
            x=[charged_seconds(c) for c in place.own],
            y=[units.scale * c.test_score for c in place.own],
            style=place.style,
            weight="faint",
            hover=[
                f"{place.label}, replicate {c.replicate}\n{units.value(c.test_score)} for {seconds(charged_seconds(c))} s"
                for c in place.own
            ],
        ),
        Dots(
            x=[place.cost],
            y=[units.scale * mean],
            name=place.label,
            style=place.style,
            weight="strong" if place.front else "normal",
            hover=[f"{place.label}, mean: {units.value(mean)} for {seconds(place.cost)} s\n{on}"],
        ),
    ]


def _caption(records: Records, places: Sequence[Place]) -> str:
    metric = records.run.metric
    each = f"{ranged((len(p.own) for p in places), 'confirmation')} each"
    return (
        f"Mean test {metric.name} against the mean device-seconds charged to a confirmation, its evaluations included, as "
        f"if it had run alone ({each}; faint: the single ones). Large: on the Pareto front, no other mean being both "
        "cheaper and better. The front is one of means: where scores (see the comparisons) or costs hardly differ, which of "
        "them lie on it may be chance."
    )


def _table(records: Records, places: Sequence[Place]) -> Table:
    units = Units(records.run.metric)
    shown, raw = [], []
    for p in places:
        estimate = p.standing.estimate
        costs = [charged_seconds(c) for c in p.own]
        interval = estimate.interval()
        shown.append(
            {
                "Strategy": p.label,
                f"Test {records.run.metric.name}": units.value(estimate.mean),
                "95 % interval": units.interval(interval),
                "Charged, s": f"{p.cost:,.1f}",
                "Least to most, s": f"{min(costs):,.1f} to {max(costs):,.1f}",
                "Over": over(records, estimate.units, p.standing.seeds),
                "On the front": "yes" if p.front else "no",
            }
        )
        raw.append(
            computed(
                {
                    "strategy": p.standing.name,
                    "role": "baseline" if p.style == NEUTRAL else "strategy",
                    "test_score": estimate.mean,
                    "interval_low": interval[0],
                    "interval_high": interval[1],
                    "seconds_charged": p.cost,
                    "seconds_least": min(costs),
                    "seconds_most": max(costs),
                    "confirmations": len(p.own),
                    "on_front": p.front,
                }
            )
        )
    front = listed(p.label for p in places if p.front)
    note = f"On the Pareto front of the means: {front}. Seconds are those of one confirmation, as if it had run alone."
    return make_table("pareto", "Test score against the cost of a training", note, shown, raw)
