"""How far the verdict hangs on the budget, on single searches and seeds, and on the space's ends (Cooper et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpo.records.run import Records, Run
from hpo.report.section import Section
from hpo.report.sections.edges import Edge, bounded, edge_table, edges
from hpo.report.sections.leave_out import LeftOut, kinds, left_out, left_out_sentence, left_out_table
from hpo.report.sections.sub_budgets import SubBudget, sub_budget_sentence, sub_budget_table, sub_budgets
from hpo.report.sentences import Verdict
from hpo.report.table import Table, computed, make_table
from hpo.report.terms import without_search
from hpo.report.text import Units, listed
from hpo.stats.ranks import midranks, rounded

NAME, TITLE = "robustness", "Robustness"


def robustness_section(records: Records, judged: Verdict) -> Section:
    """Verdict with one left out and at smaller budgets, ranks on validation and test, selected values at an edge."""
    without, budgets, at_edge = left_out(records, judged), sub_budgets(records), edges(records)
    tables = (
        left_out_table(records, without),
        sub_budget_table(records, judged, budgets),
        rank_table(records, judged),
        edge_table(at_edge),
    )
    parts = tuple(table for table in tables if table.rows)
    text = tuple(_text(records, judged, without, budgets, at_edge))
    if not parts and not bounded(records):
        return Section(NAME, TITLE, absent=f"Nothing can be recomputed: {' '.join(text)}")
    return Section(NAME, TITLE, text, parts)


def _text(
    records: Records,
    judged: Verdict,
    without: Sequence[LeftOut],
    budgets: Sequence[SubBudget],
    at_edge: Sequence[Edge],
) -> list[str]:
    told = [f"{_left(records.run, judged, without)}."]
    if without_search(records.run):
        return [
            *told,
            "No search is recorded: no budget can be made smaller, and no value was selected at an edge.",
        ]
    if budgets:
        told.append(f"{sub_budget_sentence(records, budgets)}.")
    else:
        told.append("No search has several trials on record, so none can be made smaller.")
    return [*told, f"{edge_sentence(records, at_edge)}."]


def _left(run: Run, judged: Verdict, without: Sequence[LeftOut]) -> str:
    if without:
        one = " or ".join(kinds(without))
        return f"With one {one} left out, {left_out_sentence(without, judged.analysis.best)}"
    if judged.state == "unfinished":
        return "The run is unfinished, and no outcome is looked at before its end, with nothing left out or something"
    if len(judged.analysis.standings) < 2:
        return "Nothing is compared, so no replicate or seed is left out"
    few = "trainings" if without_search(run) else "replicates and fresh seeds"
    return f"There are too few {few} for one to be left out"


def edge_sentence(records: Records, at_edge: Sequence[Edge]) -> str:
    """Where at least half of a strategy's searches agree on an end, and of what no range is recorded."""
    if without_search(records.run):
        return "No search is recorded, so that no value was selected"
    seen = [p.name for p in records.run.space if p.observed]
    if not bounded(records):
        only = f", only the values seen of {listed(seen)}" if seen else ""
        return f"No range of a searched parameter is recorded{only}, so that no value can be held against its ends"
    unknown = f"; the range of {listed(seen)} is not recorded, only the values seen" if seen else ""
    return f"{_agreed(at_edge)}{unknown}"


def _agreed(at_edge: Sequence[Edge]) -> str:
    agreed = [e for e in at_edge if 2 * len(e.values) >= e.searches]
    if not at_edge:
        return "No selected configuration lies at the edge of a range"
    if not agreed:
        return "At no end of a range lie half of a strategy's selected configurations"
    told = "; ".join(
        f"{e.strategy}, {e.parameter.name} at its {e.end} end in {len(e.values)} of {e.searches}"
        for e in agreed
    )
    return f"At the end of a range lie at least half of a strategy's selected configurations: {told}"


def rank_table(records: Records, judged: Verdict) -> Table:
    """Strategies by their means on validation and on test; no rows before the end, or where only test is recorded."""
    units, standings = Units(records.run.metric), judged.analysis.standings
    columns = _columns(records, judged)
    compared = judged.state != "unfinished" and len(standings) > 1 and len(columns) > 1
    shown, raw = [], []
    for place, standing in enumerate(standings if compared else ()):
        row = {"Strategy": standing.name}
        facts: dict[str, Any] = {"strategy": standing.name, "units": standing.estimate.units}
        for column in columns:
            score, rank = column.scores[place], column.ranks[place]
            row |= {
                column.title: units.value(score),
                f"Rank {column.place}": "-" if rank is None else f"{rank:g}",
            }
            facts |= {**computed({column.name: score}), f"rank_{column.name}": rank}
        shown.append(row)
        raw.append(facts)
    means = "the confirmations of a strategy: of the trial at its selection, of its retraining on validation, and on test"
    differ = "selection and verdict would have named different strategies"
    if without_search(records.run):
        means = "the trainings of a strategy, on validation and on test"
        differ = "validation and test would have named different strategies"
    note = (
        f"Means over {means}. Ranks of means, 1 is best, without regard to whether they can be told apart; intervals stand "
        f"in the main table. Where ranks differ, {differ}."
    )
    return make_table("rank_agreement", "Ranks on validation and test", note, shown, raw)


@dataclass(frozen=True)
class _Column:
    """Mean scores of the strategies in one place, and their ranks; None where not recorded of all their confirmations."""

    name: str
    title: str
    place: str
    scores: list[float | None]
    ranks: list[float | None]


def _columns(records: Records, judged: Verdict) -> list[_Column]:
    standings = judged.analysis.standings
    own = [
        [c for c in records.confirmations if (c.role, c.strategy) == ("strategy", s.name)] for s in standings
    ]
    selected = [_mean([c.selected_score for c in of_one]) for of_one in own]
    again = [_mean([c.validation_score for c in of_one]) for of_one in own]
    test: list[float | None] = [s.estimate.mean for s in standings]
    on_test = _Column("test", f"Test {records.run.metric.name}", "on test", test, _ranks(records, test))
    if without_search(records.run):
        known = any(mean is not None for mean in again)
        validated = _Column("validation", "Validation", "on validation", again, _ranks(records, again))
        return [validated, on_test] if known else [on_test]
    return [
        _Column("selection", "Validation at selection", "at selection", selected, _ranks(records, selected)),
        _Column("retrained", "Validation, retrained", "retrained", again, _ranks(records, again)),
        on_test,
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(rounded(sum(known) / len(known))) if known and len(known) == len(values) else None


def _ranks(records: Records, values: Sequence[float | None]) -> list[float | None]:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return [None] * len(values)
    sign = -1 if records.run.metric.maximize else 1
    return [float(rank) for rank in midranks(sign * rounded(known))]
