"""Generalization: strategies in the domain that they were tuned on and on the shift sets, and where the ranking changes."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.records.run import Records
from hpo.report.figure import Figure
from hpo.report.section import Section
from hpo.report.sections.generalization_parts import (
    drops_table,
    ranking_table,
    scores_figure,
    scores_table,
    sets_table,
)
from hpo.report.sentences import Verdict
from hpo.report.shifts import Domain, Ranking, domains, drop, ranking
from hpo.report.table import Table
from hpo.report.text import Units, counted, listed

NAME, TITLE = "generalization", "Generalization"


def generalization_section(records: Records, judged: Verdict) -> Section:
    """Scores in domain and out of it, the drop, and the two rankings."""
    why = _absent(records, judged)
    if why:
        return Section(NAME, TITLE, absent=why)
    home, *away = domains(records, judged)
    rankings = [found for domain in away if (found := ranking(home, domain)) is not None]
    tables = (
        drops_table(home, away),
        ranking_table(home, rankings),
        sets_table(records),
    )
    first: list[Table | Figure] = [scores_table((home, *away)), scores_figure((home, *away))]
    text = (_opening(records), *_rankings(rankings), _drops(home, away), *_constant_is_better(records, away))
    return Section(NAME, TITLE, text, (*first, *(table for table in tables if table.rows)))


def _absent(records: Records, judged: Verdict) -> str:
    if not records.run.shifts:
        if records.run.source != "hpo":
            return f"{records.run.source} holds no scores on further sets of data."
        return (
            "No shift set was named: `shift` under `task` in a space file names further evaluation sets, on which the "
            "strategies are ranked beside the test split."
        )
    if judged.state == "unfinished":
        return "The run is unfinished, and no shift set is looked at before its end."
    return (
        ""
        if judged.analysis.standings
        else "Nothing is confirmed, so that nothing was scored on the shift sets."
    )


def _opening(records: Records) -> str:
    sets = listed(f"{shift.name} ({counted(shift.size, 'text')})" for shift in records.run.shifts)
    return (
        f"Every confirmation was scored once on {sets} too, in the state that was scored on the test split; selection saw "
        "none of them. Intervals and tests are those of the main table, with Holm's correction within each set."
    )


def _rankings(rankings: Sequence[Ranking]) -> list[str]:
    if not rankings:
        return ["Nothing is compared, so that no ranking can change."]
    return [f"{winner_sentence(rankings)}.", " ".join(map(_ranking, rankings)), _turned(rankings)]


def winner_sentence(rankings: Sequence[Ranking]) -> str:
    """On how many shift sets the best in domain is the best, or not separable from it."""
    total, winner = counted(len(rankings), "shift set"), rankings[0].winner
    by = {
        word: [r.domain.name for r in rankings if r.winner_is == word] for word in ("best", "level", "worse")
    }
    near = [*by["best"], *by["level"]]
    told = f"{winner}, the best in domain, has the best mean on {len(by['best'])} of {total}"
    if all(r.winner_is in {"best", "unknown"} for r in rankings):
        return told
    worse = f"; on {listed(by['worse'])} it is shown to be worse than the best there" if by["worse"] else ""
    return f"{told} and is best or not separable from the best on {len(near)}{worse}"


def _ranking(found: Ranking) -> str:
    r = found
    order = f"the order of the means changes (Kendall's tau {r.tau:.2f})" if r.tau is not None else ""
    if r.same_order or r.tau is None:
        order = (
            "all means stand in the order that they have in domain" if r.same_order else "no order is defined"
        )
    on = f"On {r.domain.name}"
    if r.winner_is == "best":
        return f"{on} {r.winner} is best as in domain, and {order}."
    where = {
        "level": f"from which {r.winner} is not separable",
        "worse": f"which is shown to be better than {r.winner}",
        "unknown": f"and there are too few units to tell it from {r.winner}",
    }[r.winner_is]
    return f"{on} the best mean is that of {r.best}, {where}; {order}."


def _turned(rankings: Sequence[Ranking]) -> str:
    """Which comparisons are decided one way in domain and the other way out of it."""
    turned = [f"{c.first} - {c.second} on {r.domain.name}" for r in rankings for c in r.turned]
    if turned:
        return f"Decided one way in domain and the other way out of it: {'; '.join(turned)}."
    decided = sum(len(r.decided) for r in rankings)
    if not decided:
        return "No comparison is decided on any shift set."
    return "No comparison is decided one way in domain and the other way out of it."


def _drops(home: Domain, away: Sequence[Domain]) -> str:
    """By how much the best in domain scores worse on each set."""
    units, name = Units(home.records.run.metric), home.analysis.best
    assert name is not None, "something is confirmed"
    told = []
    for domain in away:
        found = drop(home, domain, "strategy", name)
        interval = units.difference_interval(found.interval())
        told.append(f"{domain.name} {units.difference(found.mean)} ({interval})")
    unit = f",{units.difference_unit}" if units.difference_unit else ""
    return f"Drop of {name} from in domain{unit}, with its 95 % interval: {'; '.join(told)}."


def _constant_is_better(records: Records, away: Sequence[Domain]) -> list[str]:
    """On which sets a prediction of one class for all texts is more accurate than every strategy."""
    if records.run.metric.name != "accuracy":
        return []
    told = []
    for shift, domain in zip(records.run.shifts, away, strict=True):
        best = max(s.estimate.mean for s in domain.analysis.standings)
        if shift.largest_class is not None and shift.largest_class > best:
            told.append(
                f"On {shift.name} {100 * shift.largest_class:.1f} % of the texts have one class: to predict it for all of "
                "them is more accurate than every strategy's mean."
            )
    return told
