"""The verdict in sentences, worded by what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hpo.config.experiment import LEAST_SEARCHES, LEAST_SEEDS
from hpo.records.schema import Confirmation, Records, Run, Trial, charged_seconds, spent_seconds
from hpo.report.analysis import Analysis, Comparison, Standing, analyse
from hpo.report.text import Units, counted, listed, markdown, p_text, seconds
from hpo.stats.decision import Outcome


@dataclass(frozen=True)
class Verdict:
    """What the records show, in three to five sentences of plain text.

    Attributes:
        state: ``unfinished``: confirmations are missing and nothing is concluded; ``single``: nothing was compared;
            ``inconclusive``: no comparison is decided; ``decided``: at least one is.
        analysis: the numbers behind the sentences.
    """

    question: str
    sentences: tuple[str, ...]
    state: Literal["unfinished", "single", "inconclusive", "decided"]
    analysis: Analysis

    @property
    def text(self) -> str:
        """The sentences as one paragraph of plain text."""
        return " ".join(self.sentences)

    def markdown(self) -> str:
        """The verdict as a small Markdown document."""
        lines = [f"# {markdown(self.question)}", *(markdown(sentence) for sentence in self.sentences)]
        return "\n\n".join(lines) + "\n"


def verdict(records: Records) -> Verdict:
    """Judge ``records``: which strategy is better, by how much, how surely, and at what cost."""
    run, analysis = records.run, analyse(records)
    if not analysis.finished:
        return Verdict(run.question, _unfinished(records, analysis), "unfinished", analysis)
    if not analysis.standings:
        nothing = "Nothing could be confirmed: no trial was completed."
        if run.source != "hpo":
            nothing = "No test scores are recorded, so that nothing is concluded about strategies."
        return Verdict(run.question, (nothing, *_cost(records)), "inconclusive", analysis)
    closing = [*_against_baseline(run, analysis), *_cost(records)]
    if len(run.strategies) < 2:
        return Verdict(run.question, (*_single(records, analysis), *closing), "single", analysis)
    opening = [_finding(run, analysis), _margin(run, analysis), *_what_would_tell(run, analysis)]
    undecided = all(c.outcome is Outcome.INCONCLUSIVE for c in analysis.comparisons)
    state: Literal["inconclusive", "decided"] = "inconclusive" if undecided else "decided"
    return Verdict(run.question, (*opening, *closing), state, analysis)


def _unfinished(records: Records, analysis: Analysis) -> tuple[str, ...]:
    run = records.run
    trials = len(run.strategies) * run.replicates * run.trials
    there = (
        f"{len(records.trials):,} of {counted(trials, 'trial')} and {analysis.present:,} of "
        f"{counted(analysis.expected, 'confirmation')} are recorded"
    )
    return (
        f"The run is unfinished: {there}.",
        "No verdict is drawn before all confirmations are in; the tables show what is there.",
        *_cost(records),
    )


def _lead(run: Run, analysis: Analysis) -> str:
    """What was done, which is what the claim is about."""
    items = _items(run)
    trials = f"{counted(run.trials, 'trial')} a search" if run.trials else "trials not recorded"
    if analysis.claim == "strategies":
        done = (
            f"At this tuning budget ({trials}; "
            f"{counted(run.replicates, 'independent search', 'independent searches')} a strategy, "
            f"{counted(run.seeds, 'fresh seed')} each; {items})"
        )
    else:
        done = (
            f"Of the selected configurations only (one search a strategy, {counted(run.seeds, 'fresh seed')} each; "
            f"{items}; another search may select others)"
        )
        if run.source != "hpo" and not run.trials:
            done = f"Of these configurations only ({counted(run.seeds, 'training')} each, no search recorded; {items})"
    lost = [f"{name} in replicate {replicate}" for name, replicate in analysis.without_selection]
    return f"{done}, without {listed(lost)}, where no trial was completed," if lost else f"{done},"


def _items(run: Run) -> str:
    if run.split.test == 0:
        return "test items not recorded"
    items = counted(run.split.test, "test item")
    return items if run.split.groups is None else f"{items} in {len(set(run.split.groups)):,} groups"


def _finding(run: Run, analysis: Analysis) -> str:
    shortage = _shortage(run, analysis)
    if shortage:
        return f"Inconclusive: {shortage}"
    told = _from_best(analysis) if analysis.family == "pairs" else list(analysis.comparisons)
    decided = [c for c in told if c.outcome is not Outcome.INCONCLUSIVE]
    open_ones = [c.second if analysis.family == "pairs" else c.first for c in told if c not in decided]
    lead, top = _lead(run, analysis), _top(run, analysis)
    if not decided:
        against = f"another or from the best, {analysis.best}"
        if analysis.family == "reference":
            against = f"the reference {run.reference}"
        return f"Inconclusive: {lead[0].lower()}{lead[1:]} no strategy can be told from {against}; {top}."
    found = "; ".join(_phrase(run, c) for c in decided)
    rest = f"; inconclusive: {listed(open_ones)}" if open_ones else ""
    return f"{lead} {top}; {found}{rest}."


def _shortage(run: Run, analysis: Analysis) -> str:
    """Why the units are too few for any verdict; empty where they suffice."""
    if analysis.claim == "configurations" and run.seeds < LEAST_SEEDS:
        return (
            f"one search a strategy and {counted(run.seeds, 'fresh seed')} allow no verdict; one about these "
            f"configurations needs {LEAST_SEEDS} seeds, one about strategies {LEAST_SEARCHES} searches."
        )
    if analysis.claim == "strategies" and run.replicates < LEAST_SEARCHES:
        return (
            f"{counted(run.replicates, 'search', 'searches')} a strategy allow no verdict about strategies; "
            f"it needs at least {LEAST_SEARCHES}."
        )
    return ""


def _top(run: Run, analysis: Analysis) -> str:
    """The strategy with the best mean on the test items."""
    best = next(s for s in analysis.standings if s.name == analysis.best)
    word = "highest" if run.metric.maximize else "lowest"
    return f"{best.name} has the {word} mean test {run.metric.name}, {_mean(run, best)}"


def _mean(run: Run, standing: Standing) -> str:
    units = Units(run.metric)
    return f"{units.value(standing.estimate.mean)} (95 % interval {units.interval(standing.estimate.interval())})"


def _from_best(analysis: Analysis) -> list[Comparison]:
    """Comparisons of the best with each other strategy, the best first in each."""
    return [
        c if c.first == analysis.best else c.swapped()
        for c in analysis.comparisons
        if analysis.best in {c.first, c.second}
    ]


def _phrase(run: Run, comparison: Comparison) -> str:
    c = comparison
    word = "better" if c.favours == c.first else "worse"
    relation = {
        Outcome.RELEVANT: f"{word} than {c.second} by a relevant margin",
        Outcome.BETTER: f"{word} than {c.second}",
        Outcome.DIFFERENT: f"statistically different from {c.second} but practically equivalent",
        Outcome.EQUIVALENT: f"practically equivalent to {c.second}",
        Outcome.INCONCLUSIVE: f"not shown to be better than {c.second}, nor worse or equivalent",
    }[c.outcome]
    return f"{c.first} is {relation} ({_numbers(run, c)})"


def _numbers(run: Run, comparison: Comparison) -> str:
    c, units = comparison, Units(run.metric)
    difference = f"{units.difference(c.estimate.mean)}{units.difference_unit}"
    if c.outcome is Outcome.EQUIVALENT:
        return f"{difference}, 90 % interval {units.difference_interval(c.estimate.interval(0.90))}"
    return (
        f"{difference}, 95 % interval {units.difference_interval(c.estimate.interval())}, "
        f"Holm p {p_text(c.holm_p)}"
    )


def _margin(run: Run, analysis: Analysis) -> str:
    units = Units(run.metric)
    count = counted(len(analysis.comparisons), "comparison")
    family = "of all pairs" if analysis.family == "pairs" else "with the reference"
    margin = units.difference(analysis.margin.value).lstrip("+") + units.difference_unit
    return (
        f"The margin of practical equivalence is {margin} ({analysis.margin.reason}); p is Holm's over the {count} "
        f"{family}."
    )


def _what_would_tell(run: Run, analysis: Analysis) -> list[str]:
    """Possible ranks, and what would decide the open comparison that matters most."""
    told = _from_best(analysis) if analysis.family == "pairs" else list(analysis.comparisons)
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
    if plan is None:
        least = f"{LEAST_SEARCHES} searches" if searches else f"{LEAST_SEEDS} fresh seeds"
        return (
            f"What would tell {c.first} from {c.second} cannot be planned yet: run at least {least} of each."
        )
    short = max(0, (LEAST_SEARCHES if searches else LEAST_SEEDS) - c.estimate.units)
    units = None if plan.units is None else max(plan.units, short)
    items = "test items" if run.split.groups is None else "groups of test items"
    names = ("searches of each", "fresh seeds a search") if searches else ("fresh seeds of each", "")
    levers = [
        (units, names[0]),
        (plan.seeds if searches else None, names[1]),
        (None if short else plan.items, items),
    ]
    limit = {"units": names[0].removesuffix(" of each"), "seeds": "fresh seeds", "items": items}[plan.limit]
    ways = [f"about {_rounded(count):,} further {name}" for count, name in levers if count]
    pair = f"{c.first} from {c.second}"
    if units == 0:
        return (
            f"This design tells a difference of {_planned(unit, plan.difference)} at 80 % power; {pair} differs by "
            f"{unit.difference(c.estimate.mean)}, neither shown nor shown to be negligible."
        )
    way = " or ".join(ways) if ways else "more than any one of searches, seeds or test items alone could give"
    return (
        f"To tell {pair} at 80 % power, if they differ by {_planned(unit, plan.difference)}, it would take {way}; "
        f"the {limit} limit."
    )


def _planned(units: Units, difference: float) -> str:
    return units.difference(difference).lstrip("+") + units.difference_unit


def _rounded(count: int) -> int:
    """``count`` up to two significant digits: it is planned from a few units."""
    step: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step


def _single(records: Records, analysis: Analysis) -> list[str]:
    """Nothing is compared: the mean, and the optimism of the search."""
    run, only = records.run, analysis.standings[0]
    mean = f"nothing is compared; the mean test {run.metric.name} is {_mean(run, only)}"
    drop, units = optimism(records, only.name), Units(run.metric)
    told = f"{units.difference(drop)}{units.difference_unit}"
    known = (
        [] if drop is None else [f"Validation at selection minus test is {told}: the optimism of the search."]
    )
    return [f"{_lead(run, analysis)} {mean}.", *known]


def optimism(records: Records, strategy: str) -> float | None:
    """Mean validation score at selection minus mean test score of the same confirmations; None where not recorded."""
    rows = [c for c in records.confirmations if c.role == "strategy" and c.strategy == strategy]
    drops = [c.selected_score - c.test_score for c in rows if c.selected_score is not None]
    return sum(drops) / len(drops) if drops else None


def _against_baseline(run: Run, analysis: Analysis) -> list[str]:
    if analysis.baseline is None or not analysis.baseline_comparisons:
        return []
    chosen = next(c for c in analysis.baseline_comparisons if c.first == analysis.best)
    beaten = [c.first for c in analysis.baseline_comparisons if c.distinguished and c.favours == c.first]
    others = ""
    if len(analysis.standings) > 1:
        others = f"; better than it, by Holm over all {len(analysis.standings)} strategies: {listed(beaten)}"
    against = f"The baseline, a fixed recipe without tuning, has {_mean(run, analysis.baseline)}"
    return [f"{against}: {_phrase(run, chosen)}{others}."]


def _cost(records: Records) -> list[str]:
    items: tuple[Trial | Confirmation, ...] = (*records.trials, *records.confirmations)
    charged = sum(charged_seconds(item) for item in items)
    if not charged:
        return []
    told = f"All trials and confirmations were charged {seconds(charged)} device-seconds, as if each had run alone; "
    return [told + f"{seconds(spent_seconds(items))} were spent, shared work once."]
