"""Anytime curves as numbers: at each point drawn, and at equal cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpo.records.run import Records
from hpo.report.sections.anytime_costs import Budget
from hpo.report.sections.anytime_courses import SEED, Course, amount, told
from hpo.report.sections.selected import PAGE_ROWS
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units
from hpo.stats.anytime import AnytimeCurve, anytime_curve

QUARTERS = (0.25, 0.5, 0.75, 1.0)


def point_table(records: Records, title: str, courses: Sequence[Course]) -> Table:
    """Every point drawn, as far as a page carries them."""
    units = Units(records.run.metric)
    points = [(course, place) for course in courses for place in range(course.curve.costs.size)]
    shown = [
        {
            "Strategy": course.name,
            "Counted in": course.budget.name,
            "Cost": amount(float(course.curve.costs[place])),
            "Median best so far": told(course.curve, units, place),
            "Searches": f"{course.curve.replicates:,}",
        }
        for course, place in points[:PAGE_ROWS]
    ]
    raw = [
        _raw(course, float(course.curve.costs[place]), course.curve, place)
        for course, place in points[:PAGE_ROWS]
    ]
    note = "At each cost where a search improves; in brackets the bootstrap interval over searches."
    if len(points) > PAGE_ROWS:
        note = f"The first {PAGE_ROWS:,} of {len(points):,} points. {note}"
    return make_table("anytime", title, note, shown, raw)


def _raw(course: Course, cost: float, curve: AnytimeCurve, place: int) -> dict[str, Any]:
    return computed(
        {
            "strategy": course.name,
            "budget": course.budget.name,
            "cost": cost,
            "median": float(curve.median[place]),
            "interval_low": None if curve.low is None else float(curve.low[place]),
            "interval_high": None if curve.high is None else float(curve.high[place]),
            "confidence": None if curve.low is None else curve.confidence,
            "searches": curve.replicates,
        }
    )


def quarter_table(records: Records, made: Sequence[Budget], courses: Sequence[Course]) -> Table:
    """Medians at quarters of what the cheapest search paid in all, so that every search has paid as much."""
    units, maximize = Units(records.run.metric), records.run.metric.maximize
    shown, raw = [], []
    for budget in made:
        own = [course for course in courses if course.budget is budget]
        whole = min(float(r.costs[-1]) for course in own for r in course.replicates)
        grid = [share * whole for share in QUARTERS]
        for course in own:
            curve = anytime_curve(course.replicates, grid, seed=SEED, maximize=maximize)
            cells = {f"at {100 * share:.0f} %": told(curve, units, i) for i, share in enumerate(QUARTERS)}
            shown.append(
                {
                    "Strategy": course.name,
                    "100 % is": f"{amount(whole)} {budget.name}",
                    **cells,
                    "Searches": f"{curve.replicates:,}",
                }
            )
            raw += [
                {"share": share, **_raw(course, grid[place], curve, place)}
                for place, share in enumerate(QUARTERS)
            ]
    note = (
        f"Median over searches of the best validation {records.run.metric.name} so far, in brackets its bootstrap interval "
        "(for display only), at quarters of the least that any search paid in all. -: not every search has a complete "
        "trial by then."
    )
    return make_table("anytime-quarters", "Best so far at equal cost", note, shown, raw)
