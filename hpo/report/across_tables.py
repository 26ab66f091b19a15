"""The tables across runs: strategies by task, every run's own verdict, and the ranking with one task left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hpo.report import costs
from hpo.report.across import Across, TaskRun
from hpo.report.across_words import items_of
from hpo.report.table import Table, computed, make_table
from hpo.report.tables import over
from hpo.report.text import Units, between, counted, listed, seconds
from hpo.stats.decision import Outcome
from hpo.stats.ranks import block_ranks

RANK = "Mean rank"


def results_table(across: Across) -> Table:
    """Mean test score with its interval, strategies by runs, the longer list downwards, and the mean ranks last.

    The best of each run is bold, what its verdict cannot separate from it is starred.
    """
    down = len(across.runs) > len(across.names)
    cells = {(run.label, name): cell_text(run, name) for run in across.runs for name in across.names}
    heads = [_head(across, run) for run in across.runs]
    ranks = [f"{rank:.2f}" for rank in across.blocks.mean_ranks]
    if down:
        shown = [
            {"Run": head, **{name: cells[run.label, name] for name in across.names}}
            for head, run in zip(heads, across.runs, strict=True)
        ]
        shown.append({"Run": RANK, **dict(zip(across.names, ranks, strict=True))})
    else:
        shown = [
            {
                "Strategy": name,
                **{head: cells[run.label, name] for head, run in zip(heads, across.runs, strict=True)},
                RANK: rank,
            }
            for name, rank in zip(across.names, ranks, strict=True)
        ]
    table = make_table("across", "Strategies over runs", _results_note(across), shown, _facts(across))
    best, level = _emphasis(across, down=down)
    return replace(table, bold_cells=best, marked_cells=level)


def _emphasis(across: Across, *, down: bool) -> tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]:
    """Cells of the best of each run, and of those level with it, as (row, column)."""
    best, level = set(), set()
    for place, run in enumerate(across.runs):
        for index, name in enumerate(across.names):
            cell = (place, index + 1) if down else (index, place + 1)
            if run.standing(name) in run.best:
                best.add(cell)
            elif run.near_best(name):
                level.add(cell)
    return frozenset(best), frozenset(level)


def _head(across: Across, run: TaskRun) -> str:
    metric = run.records.run.metric
    name = f"{run.label}, {metric.name}" if across.blocks.metric is None else run.label
    return f"{name}, %" if metric.share else name


def cell_text(run: TaskRun, name: str) -> str:
    """``78.2 [76.5, 79.9]``, without the unit; a single score has no interval."""
    estimate, units = run.standing(name).estimate, Units(run.records.run.metric)
    low, high = estimate.interval()
    mean = number(units, estimate.mean)
    return mean if math.isinf(low) else f"{mean} [{number(units, low)}, {number(units, high)}]"


def number(units: Units, score: float) -> str:
    """A score without its unit."""
    return units.value(score).removesuffix(" %")


def _results_note(across: Across) -> str:
    metric = across.blocks.metric
    scores = f"Mean test {metric.name}" if metric else "Mean test score in each run's own metric"
    return (
        f"{scores} with its 95 % interval in each run, over what the table of runs says. Bold: the best of its run; *: not "
        f"separable from it there (all pairs, Holm, 0.05). {RANK}: over {across.blocks.over}, 1 is best."
    )


def _facts(across: Across) -> list[dict[str, Any]]:
    ranks = block_ranks(across.blocks.oriented)
    rows = []
    for run in across.runs:
        block = across.blocks.labels.index(run.block)
        for index, name in enumerate(across.names):
            standing = run.standing(name)
            low, high = standing.estimate.interval()
            facts = {
                "run": run.label,
                "task": run.records.run.task,
                "model": run.records.run.model.source,
                "metric": run.records.run.metric.name,
                "strategy": name,
                "test_score": standing.estimate.mean,
                "interval_low": low,
                "interval_high": high,
                "confidence": 0.95,
                "units": standing.estimate.units,
                "seeds_per_unit": standing.seeds,
                "best": standing in run.best,
                "level_with_best": standing.level_with_best,
                "rank_in_block": float(ranks[block, index]),
                "mean_rank": across.blocks.mean_ranks[index],
            }
            rows.append(computed(facts))
    return rows


def runs_table(across: Across, reports: Mapping[str, str] | None = None) -> Table:
    """One row a run: its own verdict, what it is over, and its cost; ``reports``: address of its report by label."""
    shown, raw = [], []
    for run in across.runs:
        head, analysis, items = run.records.run, run.verdict.analysis, items_of(run)
        best = run.best[0]
        level = [s.name for s in analysis.standings if s.level_with_best and s not in run.best]
        charged, spent = costs.charged(items), costs.spent(items)
        decided = sum(c.outcome is not Outcome.INCONCLUSIVE for c in analysis.comparisons)
        units = Units(head.metric)
        shown.append(
            {
                "Run": run.label,
                "Model": head.model.source,
                "Verdict": _word(run, decided),
                "Best": f"{listed(s.name for s in run.best)}, {units.value(best.estimate.mean)}",
                "Not separable from it": listed(level),
                "Margin": _margin(units, analysis.margin.value),
                "Trials a search": between(analysis.sizes.trials) if head.trials else "-",
                "Over": over(run.records, best.estimate.units, best.seeds),
                "Charged, s": "-" if charged is None else f"{seconds(charged)}{costs.partly(items)}",
                "Spent, s": "-" if spent is None else seconds(spent),
            }
        )
        raw.append(
            computed(
                {
                    "run": run.label,
                    "name": head.name,
                    "task": head.task,
                    "model": head.model.source,
                    "metric": head.metric.name,
                    "state": run.verdict.state,
                    "comparisons": len(analysis.comparisons),
                    "decided": decided,
                    "best": analysis.best,
                    "margin": analysis.margin.value,
                    "replicates": head.replicates,
                    "trials": head.trials,
                    "seeds": head.seeds,
                    "test_items": head.split.test,
                    "seconds_charged": charged,
                    "seconds_spent": spent,
                }
            )
        )
    note = "Each run's own verdict, with its own margin and error control; the report of a run stands beside its records."
    table = make_table("runs", "Verdicts run by run", note, shown, raw)
    known = reports or {}
    links = {place: known[run.label] for place, run in enumerate(across.runs) if run.label in known}
    return replace(table, links=links)


def _margin(units: Units, margin: float) -> str:
    return units.difference(margin).lstrip("+") + units.difference_unit if margin else "none"


def _word(run: TaskRun, decided: int) -> str:
    made = counted(len(run.verdict.analysis.comparisons), "comparison")
    family = "all pairs" if run.verdict.analysis.family == "pairs" else "with the reference"
    return f"{decided:,} of {made} decided ({family})" if decided else "inconclusive"


def without_table(across: Across) -> Table:
    """How the ranking changes with each block left out."""
    noun = across.blocks.noun
    order = [across.names[index] for index in across.blocks.order]
    shown, raw = [], []
    for found in across.without:
        ranking = sorted(zip(found.mean_ranks, across.names, strict=True), key=lambda pair: pair[0])
        changes = "none" if [name for _, name in ranking] == order else "the order"
        if set(found.leaders) != set(across.blocks.leaders):
            changes = "the best"
        shown.append(
            {
                f"Without {noun}": found.block,
                "Best": listed(found.leaders),
                "Changes": changes,
                "Mean ranks": ", ".join(f"{name} {rank:.2f}" for rank, name in ranking),
            }
        )
        raw += [
            computed({"without": found.block, "strategy": name, "mean_rank": rank})
            for name, rank in zip(across.names, found.mean_ranks, strict=True)
        ]
    note = f"Mean ranks over the other {across.blocks.plural}; with all of them: {_ranking(across)}."
    return make_table("leave-one-out", f"With one {noun} left out", note, shown, raw)


def _ranking(across: Across) -> str:
    blocks = across.blocks
    return ", ".join(f"{blocks.names[index]} {blocks.mean_ranks[index]:.2f}" for index in blocks.order)
