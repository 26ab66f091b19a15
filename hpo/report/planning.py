"""What would decide the open comparison that matters most, and which ranks are possible; as sentences."""

from __future__ import annotations

from hpo.records.run import Run
from hpo.records.verdict_rule import LEAST_SEARCHES, LEAST_SEEDS
from hpo.report.analysis import Analysis
from hpo.report.comparing import Comparison
from hpo.report.terms import units_of, without_search
from hpo.report.text import Units, listed
from hpo.stats.decision import Outcome
from hpo.stats.power import MOST_UNITS


def told_of(analysis: Analysis) -> list[Comparison]:
    """The comparisons that a verdict is worded by: of the best with each other, first in each; or with the reference."""
    if analysis.family == "reference":
        return list(analysis.comparisons)
    return [
        c if c.first == analysis.best else c.swapped()
        for c in analysis.comparisons
        if analysis.best in {c.first, c.second}
    ]


def what_would_tell(run: Run, analysis: Analysis) -> list[str]:
    """Possible ranks, and what would decide the open comparison that matters most."""
    told = told_of(analysis)
    unknown = [c for c in told if c.outcome is Outcome.INCONCLUSIVE]
    if not unknown:
        return []
    sign = 1 if run.metric.maximize else -1
    other = {s.name: sign * s.estimate.mean for s in analysis.standings}
    key = max(unknown, key=lambda c: other[c.second] if analysis.family == "pairs" else other[c.first])
    ranks = listed(f"{s.name} {_rank(s.ranks)}" for s in analysis.standings if s.ranks)
    plan = _plan(run, analysis, key)
    return [f"{plan} Possible ranks (all pairs, Holm): {ranks}." if ranks != "none" else plan]


def _rank(ranks: tuple[int, int] | None) -> str:
    if ranks is None:
        return ""
    return str(ranks[0]) if ranks[0] == ranks[1] else f"{ranks[0]} to {ranks[1]}"


def _plan(run: Run, analysis: Analysis, comparison: Comparison) -> str:
    c, plan, unit = comparison, comparison.needed, Units(run.metric)
    searches = analysis.claim == "strategies"
    least = LEAST_SEARCHES if searches else LEAST_SEEDS
    further, seeds = _lever_names(run, searches=searches)
    if plan is None:
        return _without_plan(c, f"{least} {further}", few=c.estimate.units < least)
    short = max(0, least - c.estimate.units)
    units = None if plan.units is None else max(plan.units, short)
    pair = f"{c.first} from {c.second}"
    if units == 0:
        return (
            f"This design tells a difference of {_planned(unit, plan.difference)} at 80 % power; {pair} differs by "
            f"{unit.difference(c.estimate.mean)}, neither shown nor shown to be negligible."
        )
    aim = f"To tell {pair} at 80 % power, if they differ by {_planned(unit, plan.difference)}, it would take"
    if run.search.shared_draws is False:
        many = f"about {_rounded(units):,} further" if units else f"more than {MOST_UNITS:,}"
        return f"{aim} {many} {further} of each, as independent samples, for nothing pairs them."
    items = "test items" if run.split.groups is None else "groups of test items"
    levers = [
        (units, f"{further} of each"),
        (plan.seeds if searches else None, seeds),
        (None if short else plan.items, items),
    ]
    limit = {"units": further, "seeds": seeds.split(" a ", maxsplit=1)[0], "items": items}[plan.limit]
    return f"{aim} {_ways(levers)}; the {limit} limit."


def _ways(levers: list[tuple[int | None, str]]) -> str:
    ways = [f"about {_rounded(count):,} further {name}" for count, name in levers if count]
    return (
        " or ".join(ways) if ways else "more than any one of searches, seeds or test items alone could give"
    )


def _lever_names(run: Run, *, searches: bool) -> tuple[str, str]:
    """What further units are called, and further seeds within them."""
    if without_search(run):
        return units_of(run)[1], "trainings a replicate"
    return ("searches" if searches else "fresh seeds"), "fresh seeds a search"


def _without_plan(comparison: Comparison, least: str, *, few: bool) -> str:
    pair = f"{comparison.first} from {comparison.second}"
    if few:
        return f"What would tell {pair} cannot be planned yet: run at least {least} of each."
    return (
        f"What would tell {pair} cannot be planned: their difference is the same in all, without any spread."
    )


def _planned(units: Units, difference: float) -> str:
    return units.difference(difference).lstrip("+") + units.difference_unit


def _rounded(count: int) -> int:
    """``count`` up to two significant digits: it is planned from a few units."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step
