"""What each search would have selected with less of its budget, and which verdict can be told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpo.records.limits import Limit
from hpo.records.run import Records, Run
from hpo.records.selection import Search, begun, searches, select
from hpo.records.trainings import Trial
from hpo.report.sentences import Verdict
from hpo.report.table import Table, computed, make_table
from hpo.report.text import Units, counted, listed
from hpo.stats.ranks import rounded

MOST = 10  # budgets looked at


@dataclass(frozen=True)
class SubBudget:
    """Selection among the first draws of each search.

    Attributes:
        size: of the budget, in trials, or in device-seconds or else examples where these end a search.
        selected: by search; None where none of those draws is complete.
        tested: searches whose selection has the configuration that was confirmed, so that its test scores count.
    """

    size: float
    selected: dict[Search, Trial | None]
    tested: frozenset[Search]

    @property
    def same(self) -> bool:
        """Whether every search had selected what was confirmed, so that the verdict is that of all trials."""
        return len(self.tested) == len(self.selected)

    def mean(self, strategy: str) -> float | None:
        """Mean validation score at selection over the searches of ``strategy`` that select one."""
        scores = [t.score for (name, _), t in self.selected.items() if name == strategy and t is not None]
        known = [score for score in scores if score is not None]
        return float(rounded(sum(known) / len(known))) if known else None


def sub_budgets(records: Records) -> list[SubBudget]:
    """Selection with smaller budgets, the whole one last; nothing where no search has two trials."""
    found = searches(sorted(records.trials, key=lambda t: t.draw))
    most = max((len(own) for own in found.values()), default=0)
    if most < 2:
        return []
    count = min(most, MOST)
    limit = records.run.limit
    limits = [
        limit.share((i + 1) / count) if limit.by_cost else Limit(-(-most * (i + 1) // count))
        for i in range(count)
    ]
    confirmed = {
        (c.strategy, c.replicate): c.parameters for c in records.confirmations if c.role == "strategy"
    }
    return [_with(records, found, confirmed, smaller) for smaller in dict.fromkeys(limits)]


def _with(
    records: Records, found: dict[Search, list[Trial]], confirmed: dict[Search, dict[str, Any]], limit: Limit
) -> SubBudget:
    chosen = {search: select(begun(own, limit), records.run.metric) for search, own in found.items()}
    tested = {
        search
        for search, trial in chosen.items()
        if trial is not None and confirmed.get(search) == trial.parameters
    }
    return SubBudget(_size(limit), chosen, frozenset(tested))


def _size(limit: Limit) -> float:
    """In ``_unit``."""
    return limit.device_seconds or limit.examples or limit.trials or 0


def _unit(run: Run) -> str:
    limit = run.limit
    return "device-seconds" if limit.device_seconds else "examples" if limit.examples else "trials"


def leaders(records: Records, budget: SubBudget) -> tuple[str, ...]:
    """The strategies with the best mean validation score at selection: several where means are equal."""
    means = {name: mean for name in records.run.strategies if (mean := budget.mean(name)) is not None}
    if not means:
        return ()
    best = max(means.values()) if records.run.metric.maximize else min(means.values())
    return tuple(name for name, mean in means.items() if mean == best)


def sub_budget_sentence(records: Records, found: Sequence[SubBudget]) -> str:
    """From which budget on the verdict is the same, and what can be said below it."""
    whole = found[-1]
    if not whole.tested:
        return "No selected configuration was tested, so the verdict cannot be told for any budget"
    first = next((b for i, b in enumerate(found) if all(later.same for later in found[i:])), None)
    below = [b for b in found if not b.same]
    told = "At no budget had every search selected what was confirmed"
    if first is not None:
        told = f"From {_amount(records, first)} a search on, each had selected what was confirmed: the same verdict"
    if not below:
        return told
    led = leaders(records, whole)
    same = sum(leaders(records, b) == led for b in below)
    return (
        f"{told}. Below, not all that would have been selected was tested. By mean validation score the best with all "
        f"trials, {listed(led)}, is the best in {same} of {counted(len(below), 'smaller budget')}"
    )


def sub_budget_table(records: Records, judged: Verdict, found: Sequence[SubBudget]) -> Table:
    """One row a budget: mean validation scores at selection, and how much of the verdict is known."""
    units = Units(records.run.metric)
    unit = _unit(records.run)
    shown, raw = [], []
    for budget in found:
        total = len(budget.selected)
        shown.append(
            {
                f"{unit.capitalize()} a search": f"{budget.size:,g}",
                **{name: units.value(budget.mean(name)) for name in records.run.strategies},
                "Best by validation": listed(leaders(records, budget)),
                "Selections confirmed": f"{len(budget.tested):,} of {total:,}",
                "Verdict on the test split": _known(judged, budget),
            }
        )
        for name in records.run.strategies:
            own = [search for search in budget.selected if search[0] == name]
            raw.append(
                {
                    unit.replace("-", "_"): budget.size,
                    "strategy": name,
                    "searches": len(own),
                    **computed({"validation_at_selection": budget.mean(name)}),
                    "confirmed": sum(search in budget.tested for search in own),
                }
            )
    return make_table("sub_budgets", "Smaller budgets", _note(records), shown, raw)


def _amount(records: Records, budget: SubBudget) -> str:
    if not records.run.limit.by_cost:
        return counted(int(budget.size), "trial")
    return f"{budget.size:,g} charged {_unit(records.run)}"


def _known(judged: Verdict, budget: SubBudget) -> str:
    """How much of the verdict holds for this budget too."""
    if budget.same:
        return "that of all trials"
    untested = {name for name, replicate in budget.selected if (name, replicate) not in budget.tested}
    made = judged.analysis.comparisons
    kept = sum(not untested & {c.first, c.second} for c in made)
    missing = f"{counted(len(budget.selected) - len(budget.tested), 'selection')} not tested"
    return f"{kept} of {counted(len(made), 'comparison')}; {missing}" if made else missing


def _note(records: Records) -> str:
    return (
        "Each search's selection made again among its first trials, as if it had been stopped there; what a sampler or "
        "pruner derives from the whole budget, such as the number of random draws before TPE looks at results, stays. Under "
        f"a strategy: mean validation {records.run.metric.name} of the selected trials over its searches, optimistic as any "
        "score that selected. Test scores exist of confirmed configurations alone: where both sides of a comparison had "
        "selected those in every search, its difference and interval are the verdict's; of others nothing is known."
    )
