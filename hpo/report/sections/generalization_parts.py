"""Tables and the figure of scores in domain and out of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hpo.records.run import Records, Run
from hpo.report.analysis import Standing
from hpo.report.figure import NEUTRAL, Axis, Dots, Figure, Intervals, Mark, Panel
from hpo.report.scores import Role
from hpo.report.sections.rungs import limits
from hpo.report.shifts import Domain, Ranking, drop
from hpo.report.table import Table, computed, make_table
from hpo.report.tables import over
from hpo.report.terms import single_training, units_of
from hpo.report.text import Units, listed


def scores_table(found: Sequence[Domain]) -> Table:
    """Mean and interval of each strategy in domain and on each shift set, the baseline last."""
    run = found[0].records.run
    units = Units(run.metric)
    shown, raw = [], []
    for role, standing in found[0].rows():
        row = {"Strategy": _label(role, standing)}
        facts: dict[str, Any] = {"strategy": standing.name, "role": role}
        for domain in found:
            estimate = domain.standing(role, standing.name).estimate
            low, high = estimate.interval()
            row[_title(domain)] = f"{units.value(estimate.mean)} ({units.interval((low, high))})"
            key = domain.name or "in_domain"
            facts |= computed({key: estimate.mean, f"{key}_low": low, f"{key}_high": high})
        shown.append(row)
        raw.append(facts)
    note = (
        f"Mean {run.metric.name}, in brackets its 95 % interval {_over(run)}. Bold: the best mean of its column; *: not "
        "separable from it (all pairs, Holm within the set, 0.05)."
    )
    table = make_table("shift_scores", "In domain and out of it", note, shown, raw)
    if len(found[0].analysis.standings) < 2:
        return table
    cells = [
        (row, column, domain, domain.standing("strategy", own.name))
        for row, own in enumerate(found[0].analysis.standings)
        for column, domain in enumerate(found, 1)
    ]
    best = frozenset((row, column) for row, column, domain, s in cells if s.name == domain.analysis.best)
    level = frozenset((row, column) for row, column, _, s in cells if s.level_with_best)
    return replace(table, bold_cells=best, marked_cells=level - best)


def _over(run: Run) -> str:
    """What the intervals of scores are over."""
    if single_training(run):
        return "over the items of the set alone, which speaks of these trained models only"
    units = units_of(run)[1]
    return f"over {units} and the items of the set, never narrower than Student's over the {units} alone"


def _label(role: Role, standing: Standing) -> str:
    plain = role == "strategy" or standing.name == "baseline"
    return standing.name if plain else f"{standing.name} (baseline)"


def _title(domain: Domain) -> str:
    return domain.where[0].upper() + domain.where[1:]


def drops_table(home: Domain, away: Sequence[Domain]) -> Table:
    """By how much each strategy scores worse on each shift set."""
    metric = home.records.run.metric
    units = Units(metric)
    shown, raw = [], []
    for role, standing in home.rows():
        row = {"Strategy": _label(role, standing)}
        facts: dict[str, Any] = {"strategy": standing.name, "role": role}
        for domain in away:
            found = drop(home, domain, role, standing.name)
            low, high = found.interval()
            row[_title(domain)] = f"{units.difference(found.mean)} ({units.difference_interval((low, high))})"
            facts |= computed(
                {domain.name: found.mean, f"{domain.name}_low": low, f"{domain.name}_high": high}
            )
        shown.append(row)
        raw.append(facts)
    minus = "in domain minus on the set" if metric.maximize else "on the set minus in domain"
    unit = f",{units.difference_unit}" if units.difference_unit else ""
    note = (
        f"Mean {metric.name} {minus}{unit}, in brackets its 95 % interval over {units_of(home.records.run)[1]} (the same "
        "trained models on both sides) and over the items of both sets, drawn apart. Above 0 it is worse on the set, which "
        "may be the harder one by itself: set the strategies' drops beside one another."
    )
    return make_table("shift_drops", "Drop from in domain", note, shown, raw)


def ranking_table(home: Domain, rankings: Sequence[Ranking]) -> Table:
    """One row a shift set: who is best there, where the best in domain stands, and how far the order is the same."""
    shown, raw = [], []
    total = len(home.analysis.comparisons)
    for r in rankings:
        turned = [f"{c.first} - {c.second}" for c in r.turned]
        shown.append(
            {
                "Set": r.domain.name,
                "Best mean": r.best,
                f"{r.winner} is": _WINNER[r.winner_is],
                "Its rank": str(r.rank),
                "Kendall's tau": "-" if r.tau is None else f"{r.tau:.2f}",
                "Decided": f"{len(r.decided)} of {total}",
                "Decided the other way": listed(turned),
            }
        )
        facts: dict[str, Any] = {
            "set": r.domain.name,
            "best": r.best,
            "best_in_domain": r.winner,
            "best_in_domain_is": r.winner_is,
            "rank_of_best_in_domain": r.rank,
            "kendall_tau": r.tau,
            "decided": len(r.decided),
            "turned": len(r.turned),
        }
        raw.append(computed(facts))
    note = (
        "Ranks are of means, 1 is best, whether or not they can be told apart. Kendall's tau-b is of the means in domain "
        f"and on the set, over {len(home.analysis.standings)} strategies: 1 for the same order, -1 for the opposite one. "
        "Decided: comparisons in which a difference is shown on the set; the other way: those in which the opposite one is "
        "shown in domain."
    )
    return make_table("shift_ranks", "The ranking out of domain", note, shown, raw)


_WINNER = {
    "best": "the best",
    "level": "not separable from it",
    "worse": "worse",
    "unknown": "not told: too few units",
}


def sets_table(records: Records) -> Table:
    """What each shift set is."""
    shown, raw = [], []
    for shift in records.run.shifts:
        groups = None if shift.groups is None else len(set(shift.groups))
        cut = "-" if shift.texts_cut is None else f"{shift.texts_cut:,}"
        shown.append(
            {
                "Set": shift.name,
                "Texts": f"{shift.size:,}",
                "Groups": "-" if groups is None else f"{groups:,}",
                "Of the task's own, dropped": f"{shift.overlap_dropped:,}",
                "Duplicates, dropped": f"{shift.duplicates_dropped:,}",
                "Cut at max_length": cut,
                "Largest class": "-" if shift.largest_class is None else f"{100 * shift.largest_class:.1f} %",
                "Source": shift.source,
                "Licence": shift.licence,
                "SHA-256": shift.sha256[:12],
            }
        )
        raw.append({**shift.model_dump(exclude={"groups"}), "groups": groups})
    note = (
        "Texts that also stand in the task's own splits, whatever case and spaces, were left out, then duplicates. Largest "
        "class: share of the texts with the most frequent class."
    )
    return make_table("shift_sets", "Shift sets", note, shown, raw)


def scores_figure(found: Sequence[Domain]) -> Figure:
    """A panel for each set, a row in it for each strategy: its mean with its interval, on one scale."""
    home = found[0]
    units = Units(home.records.run.metric)
    rows = list(home.rows())
    ends = [units.scale * end for domain in found for _, s in domain.rows() for end in s.estimate.interval()]
    axis = Axis(units.axis("test"), limits=limits(ends))
    ticks = [(float(len(rows) - 1 - place), _label(role, s)) for place, (role, s) in enumerate(rows)]
    panels = [
        Panel(list(_marks(domain, rows, units)), axis, Axis(ticks=ticks), _title(domain), rows=len(rows))
        for domain in found
    ]
    told = "; ".join(
        f"{domain.where}: {', '.join(f'{s.name} {units.value(s.estimate.mean)}' for _, s in domain.rows())}"
        for domain in found
    )
    return Figure(
        name="generalization",
        title="Scores in domain and out of it",
        caption=_caption(home),
        alt=f"Mean {home.records.run.metric.name} {told}.",
        panels=panels,
        table=_figure_table(found),
        legend=False,
    )


def _marks(domain: Domain, rows: Sequence[tuple[Role, Standing]], units: Units) -> Iterator[Mark]:
    for place, (role, own) in enumerate(rows):
        standing = domain.standing(role, own.name)
        mean, (low, high) = standing.estimate.mean, standing.estimate.interval()
        style = domain.records.run.strategies.index(own.name) if role == "strategy" else NEUTRAL
        x, y = [units.scale * mean], [float(len(rows) - 1 - place)]
        told = f"{_label(role, own)} {domain.where}\n{units.value(mean)}, 95 % interval {units.interval((low, high))}"
        if math.isfinite(low) and math.isfinite(high):
            yield Intervals(x, y, [units.scale * low], [units.scale * high], style=style, hover=[told])
        else:
            yield Dots(x, y, style=style, weight="strong", hover=[told])


def _caption(home: Domain) -> str:
    run = home.records.run
    paired = " Intervals of paired strategies may overlap and still differ: read the table of rankings."
    return (
        f"Mean {run.metric.name} of each strategy in domain and on each shift set, all on one scale, with its 95 % interval "
        f"{_over(run)}.{paired if len(home.analysis.standings) > 1 else ''}"
    )


def _figure_table(found: Sequence[Domain]) -> Table:
    units = Units(found[0].records.run.metric)
    shown, raw = [], []
    for domain in found:
        for role, s in domain.rows():
            low, high = s.estimate.interval()
            shown.append(
                {
                    "Set": domain.name or "in domain",
                    "Strategy": _label(role, s),
                    f"Mean {units.metric.name}": units.value(s.estimate.mean),
                    "95 % interval": units.interval((low, high)),
                    "Over": over(domain.records, s.estimate.units, s.seeds),
                }
            )
            facts = {"score": s.estimate.mean, "interval_low": low, "interval_high": high}
            raw.append(
                {
                    "set": domain.name,
                    "strategy": s.name,
                    "role": role,
                    **computed(facts),
                    "level_with_best": s.level_with_best,
                }
            )
    note = "The means drawn, with what their intervals are over."
    return make_table("generalization", "Scores in domain and out of it", note, shown, raw)
