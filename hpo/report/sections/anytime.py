"""Anytime curves: the best validation score that searches had found, against what they had paid by then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpo.records.run import Records
from hpo.records.selection import searches
from hpo.report.figure import Axis, Figure, Line, Panel
from hpo.report.section import Section
from hpo.report.sections.anytime_costs import Budget, budgets
from hpo.report.sections.anytime_courses import Course, amount, course_of, told
from hpo.report.sections.anytime_tables import point_table, quarter_table
from hpo.report.sentences import Verdict
from hpo.report.text import Units, listed, ranged
from hpo.stats.anytime import (
    LEAST_REPLICATES,
    RESAMPLES,
)

_TITLE = "Best so far by cost"


def anytime_section(records: Records, judged: Verdict) -> Section:  # noqa: ARG001 one signature for all sections
    """Curves against trials, examples and device-seconds, as far as they were recorded."""
    if not any(t.score is not None for t in records.trials):
        return Section("anytime", _TITLE, absent="No trial is complete, so no search has found anything yet.")
    without = _without(records)
    shown = [i for i, name in enumerate(records.run.strategies) if name not in without]
    if not shown:
        why = "Every strategy has a search without a complete trial, so no median over its searches can be drawn."
        return Section("anytime", _TITLE, absent=why)
    made = budgets(records)
    courses = [course_of(records, budget, index) for budget in made for index in shown]
    parts = (_figure(records, made, courses), quarter_table(records, made, courses))
    return Section("anytime", _TITLE, _text(made, without), parts)


def _without(records: Records) -> list[str]:
    """Strategies of which a search has no complete trial, or no trial at all."""
    scored = {(t.strategy, t.replicate) for t in records.trials if t.score is not None}
    begun = set(searches(records.trials))
    return [
        name
        for name in records.run.strategies
        if not any(own == name for own, _ in begun) or any(s[0] == name and s not in scored for s in begun)
    ]


def _text(made: Sequence[Budget], without: Sequence[str]) -> tuple[str, ...]:
    text = []
    if without:
        lost = f"No curve of {listed(without)}: a search of it has no complete trial, and leaving that out would flatter it."
        text.append(lost)
    if len(made) == 1:
        text.append(
            "Neither examples nor device-seconds of trials are recorded: costs are counted in trials alone."
        )
    return tuple(text)


def _figure(records: Records, made: Sequence[Budget], courses: Sequence[Course]) -> Figure:
    units = Units(records.run.metric)
    y = Axis(f"best {units.axis('validation')}", limits=_limits(courses, units))
    panels = [
        Panel([_line(course, units) for course in courses if course.budget is budget], Axis(budget.axis), y)
        for budget in made
    ]
    ends = "; ".join(
        f"{c.name} {units.value(float(c.curve.median[-1]))}" for c in courses if c.budget is made[0]
    )
    return Figure(
        name="anytime",
        title=_TITLE,
        caption=_caption(records, made, courses),
        alt=f"Median of the best validation {records.run.metric.name} at the end of the searches: {ends}.",
        panels=panels,
        table=point_table(records, _TITLE, courses),
    )


def _limits(courses: Sequence[Course], units: Units) -> tuple[float, float]:
    """The same in every panel."""
    curves = [c.curve for c in courses]
    values = np.concatenate([v for c in curves for v in (c.median, c.low, c.high) if v is not None])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    air = 0.05 * (high - low) or 0.05 * abs(low) or 0.5
    return units.scale * (low - air), units.scale * (high + air)


def _line(course: Course, units: Units) -> Line:
    curve = course.curve
    band = None
    if curve.low is not None and curve.high is not None:
        band = ([units.scale * float(v) for v in curve.low], [units.scale * float(v) for v in curve.high])
    return Line(
        x=[float(cost) for cost in curve.costs],
        y=[units.scale * float(v) for v in curve.median],
        name=course.name,
        style=course.style,
        band=band,
        step=True,
        hover=[f"{course.name}\n{_told(course, units, place)}" for place in range(curve.costs.size)],
    )


def _told(course: Course, units: Units, place: int) -> str:
    return f"{told(course.curve, units, place)} at {amount(float(course.curve.costs[place]))} {course.budget.name}"


def _caption(records: Records, made: Sequence[Budget], courses: Sequence[Course]) -> str:
    metric, counts = records.run.metric, sorted({c.curve.replicates for c in courses})
    lines = f"median over {ranged(counts, 'search', 'searches')} of each strategy, from where each has a complete trial"
    if counts[-1] == 1:
        lines = "one search of each strategy"
    band = f" Fewer than {LEAST_REPLICATES} searches give no interval."
    if counts[-1] >= LEAST_REPLICATES:
        band = (
            f" Band: 95 % percentiles of {RESAMPLES:,} bootstrap draws of whole searches, at each cost alone and for "
            f"display only: it never leaves what was seen, which holds the median of {counts[-1]:,} searches with "
            f"{100 * (1 - 2.0 ** (1 - counts[-1])):.4g} % at most."
        )
    better = "highest" if metric.maximize else "lowest"
    return (
        f"The {better} validation {metric.name} of a complete trial so far: {lines}. Pruned and failed trials add to the "
        f"cost and give no score; a search keeps its best beyond its last trial.{_costs(made)}{band}"
    )


def _costs(made: Sequence[Budget]) -> str:
    names = {budget.name for budget in made}
    charged = " Charged: as if each trial had run alone." if "seconds charged" in names else ""
    if "seconds spent" not in names:
        return charged
    return f"{charged} Spent: shared work once, what searches share in equal parts."
