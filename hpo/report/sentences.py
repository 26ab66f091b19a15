"""The verdict in sentences, worded by what was done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hpo.records.run import SMALL_FORM, Records, Run
from hpo.records.verdict_rule import LEAST_SEARCHES, LEAST_SEEDS
from hpo.report import costs
from hpo.report.analysis import Analysis, Standing, analyse
from hpo.report.comparing import Comparison
from hpo.report.optimism import drop_name, mean_drop
from hpo.report.planning import told_of, what_would_tell
from hpo.report.sizes import recorded, search_budget
from hpo.report.terms import units_of, without_search
from hpo.report.text import Units, capitalised, counted, listed, markdown, p_text, ranged, seconds
from hpo.stats.decision import Outcome

MOST_PAIRS = 5  # that the verdict names where none of them is with the best


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
    found = _judged(records)
    return found if records.run.form is None else replace(found, sentences=(SMALL_FORM, *found.sentences))


def _judged(records: Records) -> Verdict:
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
    opening = [
        _finding(run, analysis),
        *_stopped(run),
        _margin(run, analysis),
        *what_would_tell(run, analysis),
    ]
    undecided = all(c.outcome is Outcome.INCONCLUSIVE for c in analysis.comparisons)
    state: Literal["inconclusive", "decided"] = "inconclusive" if undecided else "decided"
    return Verdict(run.question, (*opening, *closing), state, analysis)


def _unfinished(records: Records, analysis: Analysis) -> tuple[str, ...]:
    run = records.run
    trials = run.replicates * sum(run.limit_of(name).trials or 0 for name in run.strategies)
    most = "at most " if run.limit.by_cost or run.may_end_early else ""
    there = (
        f"{len(records.trials):,} of {most}{counted(trials, 'trial')} and {analysis.present:,} of "
        f"{counted(analysis.expected, 'confirmation')} are recorded"
    )
    return (
        f"The run is unfinished: {there}.",
        "No verdict is drawn before all confirmations are in; the tables show what is there.",
        *_cost(records),
    )


def _stopped(run: Run) -> list[str]:
    """Who stopped early: their budget was not that of the others."""
    stop = run.early_stop
    if stop is None or not stop.strategies:
        return []
    one = len(stop.strategies) == 1
    told = (
        f"{listed(stop.strategies)} stopped early, after {stop.after:,} of {counted(run.limit.trials or 0, 'trial')} a "
        f"search, as {'it' if one else 'they'} could no longer change the comparison with the others: "
        f"{'its score is' if one else 'their scores are'} of that smaller budget."
    )
    return [told]


def _lead(run: Run, analysis: Analysis) -> str:
    """What was done, which is what the claim is about."""
    items, sizes = _items(run), analysis.sizes
    trials = f"{search_budget(run, sizes)} a search" if run.trials else "trials not recorded"
    seeds = ranged(sizes.seeds, "fresh seed")
    if analysis.claim == "strategies":
        done = (
            f"At this tuning budget ({trials}; "
            f"{ranged(sizes.replicates, 'independent search', 'independent searches')} a strategy, "
            f"{seeds} each; {items})"
        )
    else:
        done = (
            f"Of the selected configurations only (one search a strategy, {seeds} each; "
            f"{items}; another search may select others)"
        )
    if without_search(run):
        done = (
            f"Of these configurations only ({recorded(run, sizes)} a strategy, no search recorded; {items})"
        )
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
    told = told_of(analysis)
    decided = [c for c in told if c.outcome is not Outcome.INCONCLUSIVE]
    open_ones = [c.second if analysis.family == "pairs" else c.first for c in told if c not in decided]
    if not decided:
        return _best_not_told(run, analysis)
    found = "; ".join(_phrase(run, c) for c in decided)
    rest = f"; inconclusive: {listed(open_ones)}" if open_ones else ""
    return f"{_lead(run, analysis)} {_top(run, analysis)}; {found}{rest}."


def _best_not_told(run: Run, analysis: Analysis) -> str:
    """Nobody is told from the reference, or from the best; of all pairs others may still be."""
    lead, top = _lead(run, analysis), _top(run, analysis)
    others = [c for c in analysis.comparisons if c.outcome is not Outcome.INCONCLUSIVE]
    if others:
        named = [_phrase(run, c.swapped() if c.favours == c.second else c) for c in others[:MOST_PAIRS]]
        left = len(others) - len(named)
        more = [f"so {'is' if left == 1 else 'are'} {counted(left, 'further pair')}"] if left else []
        return f"{lead} {top}; no other can be told from it, but other pairs are decided: {'; '.join(named + more)}."
    against = f"another or from the best, {analysis.best}"
    if analysis.family == "reference":
        against = f"the reference {run.reference}"
    return f"Inconclusive: {lead[0].lower()}{lead[1:]} no strategy can be told from {against}; {top}."


def _shortage(run: Run, analysis: Analysis) -> str:
    """Why the units are too few for any verdict; empty where they suffice."""
    if without_search(run):
        return _few_trainings(run, analysis)
    if analysis.claim == "configurations" and run.seeds < LEAST_SEEDS:
        return (
            f"one search a strategy and {ranged(analysis.sizes.seeds, 'fresh seed')} allow no verdict; one about these "
            f"configurations needs {LEAST_SEEDS} seeds, one about strategies {LEAST_SEARCHES} searches."
        )
    if analysis.claim == "strategies" and run.replicates < LEAST_SEARCHES:
        return (
            f"{ranged(analysis.sizes.replicates, 'search', 'searches')} a strategy allow no verdict about strategies; "
            f"it needs at least {LEAST_SEARCHES}."
        )
    return ""


def _few_trainings(run: Run, analysis: Analysis) -> str:
    several = run.replicates > 1
    counts, least = (
        (analysis.sizes.replicates, LEAST_SEARCHES) if several else (analysis.sizes.seeds, LEAST_SEEDS)
    )
    if max(counts) >= least:
        return ""
    return (
        f"{ranged(counts, *units_of(run))} a strategy {'allows' if max(counts) == 1 else 'allow'} no verdict; "
        f"it needs at least {least}."
    )


def _top(run: Run, analysis: Analysis) -> str:
    """The strategy with the best mean on the test items."""
    best = next(s for s in analysis.standings if s.name == analysis.best)
    word = "highest" if run.metric.maximize else "lowest"
    return f"{best.name} has the {word} mean test {run.metric.name}, {_mean(run, best)}"


def _mean(run: Run, standing: Standing) -> str:
    units = Units(run.metric)
    return f"{units.value(standing.estimate.mean)} (95 % interval {units.interval(standing.estimate.interval())})"


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
    p = f", Holm p {p_text(c.holm_p)}" if c.enough else ""
    return f"{difference}, 95 % interval {units.difference_interval(c.estimate.interval())}{p}"


def _margin(run: Run, analysis: Analysis) -> str:
    units = Units(run.metric)
    count = counted(len(analysis.comparisons), "comparison")
    family = "of all pairs" if analysis.family == "pairs" else "with the reference"
    told = "No margin is known, so that practical equivalence is not tested"
    if analysis.margin.value > 0:
        margin = units.difference(analysis.margin.value).lstrip("+") + units.difference_unit
        told = f"The margin of practical equivalence is {margin} ({analysis.margin.reason})"
    tested = any(c.enough for c in analysis.comparisons)
    return f"{told}; p is Holm's over the {count} {family}." if tested else f"{told}."


def _single(records: Records, analysis: Analysis) -> list[str]:
    """Nothing is compared: the mean, and the optimism of the search."""
    run, only = records.run, analysis.standings[0]
    mean = f"nothing is compared; the mean test {run.metric.name} is {_mean(run, only)}"
    drop, units = mean_drop(records, only.name), Units(run.metric)
    what = capitalised(drop_name(run.metric))
    told = f"{what} is {units.difference(drop)}{units.difference_unit}: the optimism of the search."
    return [f"{_lead(run, analysis)} {mean}.", *([] if drop is None else [told])]


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
    items: tuple[costs.Item, ...] = (*records.trials, *records.confirmations)
    charged, spent = costs.charged(items), costs.spent(items)
    if not charged or spent is None:
        return []
    what = "trainings" if without_search(records.run) else "trials and confirmations"
    told = f"All {what} were charged {seconds(charged)} device-seconds{costs.partly(items)}, as if each had run alone; "
    money = costs.in_money(records.run, charged, spent)
    return [f"{told}{seconds(spent)} were spent, shared work once.{money}"]
