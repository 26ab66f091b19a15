"""The results as tables: the strategies on the test split, and their comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hpo.records.run import Records
from hpo.records.trainings import Confirmation
from hpo.report import costs
from hpo.report.analysis import Analysis, Standing
from hpo.report.comparing import Comparison
from hpo.report.listings import searched
from hpo.report.optimism import drop_name, mean_drop
from hpo.report.sizes import uneven_trials
from hpo.report.table import Table, computed, make_table
from hpo.report.terms import single_training, units_of, without_search
from hpo.report.text import Units, configuration, counted, p_text, seconds, value_text
from hpo.stats.comparisons import least_sign_flip_p
from hpo.stats.decision import Outcome


def main_table(records: Records, analysis: Analysis) -> Table:
    """One row a strategy, the baseline last."""
    shown, raw = [], []
    standings = [*analysis.standings, *([analysis.baseline] if analysis.baseline else [])]
    for standing in standings:
        role = "baseline" if standing is analysis.baseline else "strategy"
        facts = _facts(records, standing, role)
        raw.append(computed(facts))
        shown.append(_main_row(records, standing, facts))
    uneven = uneven_trials(records.run, analysis.sizes)
    note = f"{_main_note(records)}{_shared(records, raw)}{uneven and f' {uneven}'}"
    table = make_table("main", "Strategies on the test split", note, shown, raw)
    if not analysis.finished or len(analysis.standings) < 2:
        return table
    best = [i for i, s in enumerate(standings) if s.name == analysis.best and s is not analysis.baseline]
    level = [i for i, s in enumerate(standings) if s.level_with_best and i not in best]
    return replace(table, bold=frozenset(best), marked=frozenset(level))


def _main_note(records: Records) -> str:
    run = records.run
    groups = "" if run.split.groups is None else " Items are drawn by group: groups' sums, linearised."
    best = "highest" if run.metric.maximize else "lowest"
    items: tuple[costs.Item, ...] = (*records.trials, *records.confirmations)
    drop = f" Drop: {drop_name(run.metric)}, the optimism of the search."
    whose = "trials (pruned and failed ones too) and confirmations"
    if without_search(run):
        drop, whose = "", "trainings"
    return (
        f"Test: mean {run.metric.name} with its 95 % interval over {_sampled(records)}."
        f"{groups} Bold: the {best} mean; *: not separable from it (all pairs, Holm, 0.05).{drop} Seconds: device time of "
        f"{whose}, charged as if each had run alone, spent with shared work once"
        f"{costs.partly(items)}."
    )


def _shared(records: Records, rows: Iterable[Mapping[str, Any]]) -> str:
    """That rows add up to more than was spent, where they share work; empty where they do not."""
    total = costs.spent((*records.trials, *records.confirmations))
    spent = sum(row["seconds_spent"] or 0.0 for row in rows)
    if total is None or spent - total < 0.05:  # the least digit shown
        return ""
    return (
        f" Work that rows share is in the Spent of each, so that these add up to more than the {seconds(total)} "
        "device-seconds spent in all."
    )


def _sampled(records: Records) -> str:
    """What the intervals are over, and by which method."""
    units = units_of(records.run)[1]
    if all(c.item_scores is None for c in records.confirmations):
        alone = "; one alone has none" if single_training(records.run) else ""
        return f"{units} by Student's t (scores of single items were not recorded{alone})"
    if single_training(records.run):
        return "items alone: each strategy has one training, so that it speaks of these trained models only"
    return (
        f"{units} and items, by the crossed variance with Satterthwaite's degrees of freedom, never narrower than "
        f"Student's over the {units} alone"
    )


def _facts(records: Records, standing: Standing, role: str) -> dict[str, Any]:
    """Numbers of one row of the main table."""
    own = [c for c in records.confirmations if c.role == role and c.strategy == standing.name]
    trials = [t for t in records.trials if role == "strategy" and t.strategy == standing.name]
    items: list[costs.Item] = [*trials, *own]
    selected = [c.selected_score for c in own if c.selected_score is not None]
    at_selection = sum(selected) / len(selected) if selected else None
    low, high = standing.estimate.interval()
    return {
        "strategy": standing.name,
        "role": role,
        "validation_at_selection": at_selection,
        "test_score": standing.estimate.mean,
        "interval_low": low,
        "interval_high": high,
        "confidence": 0.95,
        "drop": mean_drop(records, standing.name) if role == "strategy" else None,
        "units": standing.estimate.units,
        "seeds_per_unit": standing.seeds,
        "items": records.run.split.test,
        "rank_low": standing.ranks[0] if standing.ranks else None,
        "rank_high": standing.ranks[1] if standing.ranks else None,
        "trials": len(trials),
        "confirmations": len(own),
        "seconds_charged": costs.charged(items),
        "seconds_spent": costs.spent(items),
    }


def _main_row(records: Records, standing: Standing, facts: Mapping[str, Any]) -> dict[str, str]:
    baseline = facts["role"] == "baseline"
    own = [c for c in records.confirmations if (c.role, c.strategy) == (facts["role"], standing.name)]
    metric, units = records.run.metric, Units(records.run.metric)
    selection: dict[str, str] = {}
    configurations = "Configurations"
    if not without_search(records.run):
        configurations = "Selected configurations"
        selection = {
            "Validation at selection": units.value(facts["validation_at_selection"]),
            f"Drop{',' if metric.share else ''}{units.difference_unit}": units.difference(facts["drop"]),
        }
    ranks = f"{facts['rank_low']} to {facts['rank_high']}" if standing.ranks else "-"
    if standing.ranks and standing.ranks[0] == standing.ranks[1]:
        ranks = str(standing.ranks[0])
    return {
        "Strategy": f"{standing.name} (baseline)" if baseline else standing.name,
        f"Test {metric.name}": units.value(standing.estimate.mean),
        "95 % interval": units.interval(standing.estimate.interval()),
        "Over": over(records, standing.estimate.units, standing.seeds),
        **selection,
        "Possible ranks": ranks,
        "Charged, s": costs.cell(facts["seconds_charged"]),
        "Spent, s": costs.cell(facts["seconds_spent"]),
        configurations: "fixed: " + configuration(own[0].parameters)
        if baseline
        else _spread(own, searched(records)),
    }


def over(records: Records, units: int, seeds: int) -> str:
    """What a mean is over: ``5 searches x 1 seed, 1,000 items``."""
    items = counted(records.run.split.test, "item")
    if records.run.split.test == 0:
        items = "items not recorded"
    if records.run.split.groups is not None:
        items += f" in {counted(len(set(records.run.split.groups)), 'group')}"
    if without_search(records.run):
        each = f" of {counted(seeds, 'training')}" if units_of(records.run)[0] == "replicate" else ""
        return f"{counted(units, *units_of(records.run))}{each}, {items}"
    if records.run.replicates == 1:
        return f"1 search x {counted(units, 'seed')}, {items}"
    return f"{counted(units, 'search', 'searches')} x {counted(seeds, 'seed')}, {items}"


def _spread(confirmations: Iterable[Confirmation], names: Iterable[str]) -> str:
    """Range of each searched parameter over the selected configurations."""
    chosen = [c.parameters for c in confirmations]
    parts = []
    for name in names:
        values = [parameters[name] for parameters in chosen if name in parameters]
        if not values:
            continue
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            low, high = value_text(min(values)), value_text(max(values))
            parts.append(f"{name} {low}" if low == high else f"{name} {low} to {high}")
        else:
            parts.append(f"{name} " + ", ".join(sorted({value_text(v) for v in values})))
    return "; ".join(parts)


def comparison_table(records: Records, analysis: Analysis) -> Table:
    """One row a comparison: the family first, the comparisons with the baseline after it."""
    family = "all pairs" if analysis.family == "pairs" else "with the reference"
    sides = [(family, c) for c in analysis.comparisons]
    sides += [("with the baseline", c) for c in analysis.baseline_comparisons]
    units = Units(records.run.metric)
    paired = "paired by replicate, seed and item"
    if records.run.search.shared_draws is False:
        paired = "of independent samples (nothing pairs them), by Welch"
    margin = "No margin is known."
    if analysis.margin.value > 0:
        told = units.difference(analysis.margin.value).lstrip("+") + units.difference_unit
        margin = f"Margin of practical equivalence: {told} ({analysis.margin.reason})."
    few = "" if all(c.enough for _, c in sides) else " (-: too few units, or without spread, for any verdict)"
    note = (
        f"Difference in test {records.run.metric.name}{',' if units.difference_unit else ''}{units.difference_unit}, the "
        f"first minus the second, {paired}; 95 % interval of each alone over {_sampled(records)}, and together over its "
        f"family by Bonferroni. p: Holm within the family{few}; sign flip: exact over units, with the least p it can reach. "
        f"Correlation: of the units' means / item by item. {margin}"
    )
    shown = [_comparison_row(records, name, c, analysis) for name, c in sides]
    raw = [computed(_comparison_facts(name, c, finished=analysis.finished)) for name, c in sides]
    return make_table("comparisons", "Comparisons", note, shown, raw)


def _comparison_row(
    records: Records, family: str, comparison: Comparison, analysis: Analysis
) -> dict[str, str]:
    c = comparison
    tested = analysis.finished and c.enough
    flip = "-" if c.sign_flip_p is None else f"{p_text(c.sign_flip_p)} ({_least(c)})"
    verdict = str(c.outcome)
    units = Units(records.run.metric)
    if c.outcome in {Outcome.BETTER, Outcome.RELEVANT} and c.favours == c.second:
        verdict = verdict.replace("better", "worse")
    unit, item = (
        "-" if value is None else f"{value:.2f}" for value in (c.correlation_units, c.correlation_items)
    )
    return {
        "Comparison": f"{c.first} - {c.second}",
        "Difference": units.difference(c.estimate.mean),
        "95 % interval": units.difference_interval(c.estimate.interval()),
        "95 % together": units.difference_interval(c.simultaneous),
        "p, Holm": p_text(c.holm_p) if tested else "-",
        "p, sign flip": flip if tested else "-",
        "Verdict": verdict if analysis.finished else "unfinished",
        "Correlation": f"{unit} / {item}",
        "Over": over(records, c.estimate.units, c.seeds),
        "Family": family,
    }


def _least(comparison: Comparison) -> str:
    least = least_sign_flip_p(comparison.estimate.units)
    return "its least" if comparison.sign_flip_p == least else f"least {p_text(least)}"


def _comparison_facts(family: str, comparison: Comparison, *, finished: bool) -> dict[str, Any]:
    c = comparison
    low, high = c.estimate.interval()
    tested = finished and c.enough
    return {
        "family": family,
        "first": c.first,
        "second": c.second,
        "difference": c.estimate.mean,
        "interval_low": low,
        "interval_high": high,
        "confidence": 0.95,
        "together_low": c.simultaneous[0],
        "together_high": c.simultaneous[1],
        "variance": c.estimate.variance,
        "degrees_of_freedom": c.estimate.df,
        "p": c.p if tested else None,
        "p_holm": c.holm_p if tested else None,
        "p_sign_flip": c.sign_flip_p if tested else None,
        "correlation_units": c.correlation_units,
        "correlation_items": c.correlation_items,
        "outcome": str(c.outcome) if finished else "unfinished",
        "units": c.estimate.units,
        "seeds_per_unit": c.seeds,
        "items_or_groups": c.estimate.items,
    }
