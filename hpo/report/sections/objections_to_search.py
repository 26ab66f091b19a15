"""Answers to what is objected to a search: its space, budget, pruning, failures and cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hpo.records.base import NOT_RECORDED
from hpo.records.charges import charged_seconds
from hpo.records.run import AS_PRUNED, AS_SECONDS, Records, Run
from hpo.records.selection import Search, searches
from hpo.records.trainings import Trial
from hpo.report import costs
from hpo.report.audit import missed_by_pruning
from hpo.report.sections.edges import edges
from hpo.report.sections.failures import failure_reasons, failure_rule
from hpo.report.sections.robustness import edge_sentence
from hpo.report.sentences import Verdict
from hpo.report.sizes import uneven_trials
from hpo.report.terms import UNRECORDED, inferred, without_search
from hpo.report.text import between, counted, listed, seconds, value_text


def edge_values(records: Records, judged: Verdict) -> str:  # noqa: ARG001 one signature for all answers
    """Selected values near an end of their range."""
    found = edges(records)
    told = edge_sentence(records, found)
    return f"{told}." if not found else f"{told}. All of them: table of selected values at the edge."


def unequal_spaces(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """Whether every strategy searches the same parameters."""
    searched = [p for p in records.run.space if p.kind in {"choices", "range"}]
    if not searched:
        return f"{UNRECORDED}: the space of the searches."
    own = [p for p in searched if p.when]
    told = f"Every strategy searches the same {counted(len(searched) - len(own), 'parameter')} over the same values"
    if records.run.source != "hpo":
        where = "trainings" if without_search(records.run) else "trials"
        told = f"In the {where} {counted(len(searched), 'parameter')} vary; whether over the same ranges is not recorded"
    if not own:
        return f"{told}."
    conditions = listed(
        f"{p.name} where {' and '.join(f'{o} is ' + ' or '.join(map(value_text, v)) for o, v in p.when.items())}"
        for p in own
    )
    return (
        f"{told}; only on a condition: {conditions}. More parameters at one budget are searched less densely."
    )


def unequal_budgets(records: Records, judged: Verdict) -> str:
    """Trials a search, and charged cost of each strategy with its spread over searches."""
    found = searches(records.trials)
    if not found:
        return f"{UNRECORDED}: trials and their cost."
    trials = _trials(records.run, found)
    uneven = uneven_trials(records.run, judged.analysis.sizes)
    charged = {search: sum(map(charged_seconds, own)) for search, own in found.items()}
    if not all(charged.values()):
        return f"{trials}. Their cost is {NOT_RECORDED}."
    told = [
        _spread(name, [c for (own, _), c in charged.items() if own == name])
        for name in records.run.strategies
    ]
    return (
        f"{trials}. Device-seconds charged to a search, mean and range: {'; '.join(filter(None, told))}. The anytime curves "
        f"show scores by cost.{uneven and f' {uneven}'}"
    )


def _trials(run: Run, found: Mapping[Search, Sequence[Trial]]) -> str:
    """How many trials searches had, and what ended them where that is their cost."""
    sizes = sorted({len(own) for own in found.values()})
    if run.limit.by_cost:
        each = [
            f"{name} {between(counts)}"
            for name in run.strategies
            if (counts := [len(own) for (strategy, _), own in found.items() if strategy == name])
        ]
        return (
            f"Equal in cost and not in number: a search began trials until {run.limit.costs()} were "
            f"reached, {counted(run.trials, 'trial')} at most, and finished the last. Trials of a search: {'; '.join(each)}"
        )
    if len(sizes) > 1:
        return f"From {sizes[0]:,} to {counted(sizes[-1], 'trial')} a search"
    return f"{counted(sizes[0], 'trial')} in each of {counted(len(found), 'search', 'searches')}"


def _spread(name: str, charged: Sequence[float]) -> str:
    if not charged:
        return ""
    return f"{name} {sum(charged) / len(charged):,.1f} ({min(charged):,.1f} to {max(charged):,.1f})"


def bias_of_pruning(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """How much of each strategy was pruned, and what the audit found."""
    pruned = [t for t in records.trials if t.state == "pruned"]
    told = _imported(records.run, AS_PRUNED)
    if not pruned:
        known = records.run.search.pruner is not None or records.run.source == "hpo"
        return "Nothing was pruned." if known else f"{UNRECORDED}: whether trials were stopped early.{told}"
    rates = []
    for name in records.run.strategies:
        own = [t for t in records.trials if t.strategy == name]
        rates += [f"{name} {_percent(own)}"] if own else []
    lead = f"Pruned of all trials: {listed(rates)}.{told}"
    found = missed_by_pruning(records)
    if found is None:
        how = "`hpo audit` has not been run" if records.run.source == "hpo" else "the source does not hold it"
        return f"{lead} What pruned trials would have scored was not measured: {how}."
    bound = (
        "all that were pruned"
        if found.audited == found.pruned
        else f"at most {found.most:,} of {found.pruned:,}"
    )
    confidence = "" if found.audited == found.pruned else " with 95 % confidence"
    return (
        f"{lead} {found.better:,} of {counted(found.audited, 'audited trial')}, finished afterwards, are better than "
        f"what their search selected: {bound}{confidence}."
    )


def _percent(trials: Sequence[Trial]) -> str:
    return f"{100 * sum(t.state == 'pruned' for t in trials) / len(trials):.0f} %"


def diverged_trials(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """How many trials failed, of which strategies, and by which rule."""
    if not records.trials:
        return f"{UNRECORDED}: trials."
    reasons = failure_reasons(records)
    if not reasons:
        return f"None of {counted(len(records.trials), 'trial')} failed. {failure_rule(records)}."
    counts = [(name, _failed(records.trials, name)) for name in records.run.strategies]
    whose = listed(f"{name} {count:,}" for name, count in counts if count)
    return f"They are counted: {reasons}; by strategy {whose}. {failure_rule(records)}."


def _failed(trials: Iterable[Trial], strategy: str) -> int:
    return sum(t.strategy == strategy and t.state == "failed" for t in trials)


def hidden_costs(records: Records, judged: Verdict) -> str:  # noqa: ARG001
    """What is charged for failed, pruned and repeated trials, confirmations and the audit."""
    items: tuple[costs.Item, ...] = (*records.trials, *records.confirmations)
    spent = costs.spent(items)
    if not any(map(charged_seconds, items)) or spent is None:
        return f"{UNRECORDED}: device time."
    told = []
    for state in ("complete", "pruned", "failed"):
        own = [t for t in records.trials if t.state == state]
        told += [f"{_charged(own)} for {counted(len(own), f'{state} trial')}"] if own else []
    if records.confirmations:
        noun = "training" if without_search(records.run) else "confirmation"
        told.append(f"{_charged(records.confirmations)} for {counted(len(records.confirmations), noun)}")
    once = f"Spent with shared work once: {seconds(spent)}{costs.partly(items)}."
    more = f"{_beside(records, items)}{_imported(records.run, AS_SECONDS)}"
    return f"Charged, in device-seconds as if each had run alone: {listed(told)}. {once}{more}"


def _beside(records: Records, items: Iterable[costs.Item]) -> str:
    """What repeated configurations were charged, and what was spent that nobody is charged."""
    repeated = [t for t in records.trials if t.duplicate_of is not None]
    again = sum(item.retrained_seconds for item in items)
    told = ""
    if repeated:
        count = counted(len(repeated), "repeated configuration")
        told += f" Of what was charged, {_charged(repeated)} is for {count}, trained once."
    if again:
        told += (
            f" Of what was spent, {seconds(again)} went into training again what was lost, charged to nobody."
        )
    if records.audited:
        apart = seconds(sum(audited.seconds for audited in records.audited))
        told += f" The audit of {counted(len(records.audited), 'trial')} took {apart} apart from all that."
    return told


def _charged(items: Iterable[costs.Item]) -> str:
    charged = costs.charged(items)
    return "none recorded" if charged is None else seconds(charged)


def _imported(run: Run, words: str) -> str:
    """A sentence of what the import noted with these ``words``; empty: nothing."""
    notes = inferred(run, words)
    return f" The import noted: {notes}." if notes else ""
