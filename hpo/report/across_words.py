"""What several runs show together, in sentences that claim no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from hpo.records.verdict_rule import ALPHA
from hpo.report import costs
from hpo.report.across import Across, TaskRun
from hpo.report.sections.ranks import finding, leading
from hpo.report.terms import without_search
from hpo.report.text import counted, listed, markdown, seconds

MOST_NAMED = 20  # runs that a sentence names one by one; of more it gives the number


@dataclass(frozen=True)
class AcrossVerdict:
    """The verdict across runs: ``state`` and a ``word`` for it, as a run's own verdict has them."""

    question: str
    sentences: tuple[str, ...]
    state: Literal["inconclusive", "decided"]
    word: str

    def markdown(self) -> str:
        """The verdict as a small Markdown document."""
        lines = [f"# {markdown(self.question)}", *(markdown(sentence) for sentence in self.sentences)]
        return "\n\n".join(lines) + "\n"


def across_verdict(across: Across) -> AcrossVerdict:
    """Judge several runs together: by tests over blocks where these suffice, else by what every run shows."""
    pairs = list(combinations(range(len(across.names)), 2))
    told = (
        sum(bool(across.blocks.pairs.holm_p[pair] < ALPHA) for pair in pairs) if across.blocks.enough else 0
    )
    return AcrossVerdict(
        question=_question(across),
        sentences=(
            *_small(across),
            _opening(across),
            _single_runs(across),
            _without_one(across),
            *left_out(across),
            *_cost(across),
        ),
        state="decided" if told else "inconclusive",
        word=f"Decided in {told:,} of {counted(len(pairs), 'pair')}, over {across.blocks.over}."
        if told
        else f"Inconclusive over {across.blocks.over}.",
    )


def _question(across: Across) -> str:
    questions = {run.records.run.question for run in across.runs}
    return questions.pop() if len(questions) == 1 else f"Which strategy is best over {across.blocks.over}?"


def _small(across: Across) -> list[str]:
    """Which runs answer nothing; as a sentence or none."""
    small = [run.label for run in across.runs if run.records.run.form is not None]
    if not small:
        return []
    whose = "These runs are" if len(small) == len(across.runs) else f"{listed(small)} are runs of"
    return [f"{whose} small forms of their spaces: trials of the machinery, and no answers."]


def _opening(across: Across) -> str:
    blocks = across.blocks
    if blocks.enough:
        return f"{finding(blocks)} {blocks.notes[0]}"
    return (
        f"Inconclusive over {blocks.over} ({listed(blocks.labels)}): of {len(blocks.names)} strategies no two can be told "
        f"apart with fewer than {blocks.needed:,} {blocks.plural}. Of these alone, {leading(blocks)} (of 1 to "
        f"{len(blocks.names)})."
    )


def _single_runs(across: Across) -> str:
    """Who is best in how many runs, and how often the leader is level with the best, where runs tell any apart."""
    leader, total = across.blocks.leaders[0], len(across.runs)
    near = sum(run.near_best(leader) for run in across.runs)
    decided = sum(run.verdict.state == "decided" for run in across.runs)
    alone = "decides a comparison by itself" if decided == 1 else "decide a comparison by themselves"
    # Where no run decides anything everybody is level with its best, which says nothing of the leader.
    level = f"; {leader} is best or not separable from the best in {near:,} of {total:,}" if decided else ""
    return f"Run by run, the best mean is that of {_wins(across)}{level}. {decided:,} of the {total:,} runs {alone}."


def _wins(across: Across) -> str:
    """``a in 2 (reviews and news); b in 1 (questions)``; of many runs the numbers alone, and shared bests together."""
    best: dict[str, list[str]] = {}
    many = len(across.runs) > MOST_NAMED
    for run in across.runs:
        names = [standing.name for standing in run.best]
        who = "several together" if many and len(names) > 1 else listed(names)
        best.setdefault(who, []).append(run.label)
    if many:
        ordered = sorted(best.items(), key=lambda item: -len(item[1]))
        return "; ".join(f"{who} in {len(labels):,}" for who, labels in ordered)
    return "; ".join(f"{who} in {len(labels):,} ({listed(labels)})" for who, labels in best.items())


def _without_one(across: Across) -> str:
    leaders, noun = across.blocks.leaders, across.blocks.noun
    changed = [w for w in across.without if set(w.leaders) != set(leaders)]
    if not changed:
        have = "keep" if len(leaders) > 1 else "keeps"
        return f"With any one {noun} left out, {listed(leaders)} {have} the best mean rank."
    others: dict[str, list[str]] = {}
    for w in changed:
        others.setdefault(listed(w.leaders), []).append(w.block)
    found = "; ".join(f"{names} without {_either(blocks)}" for names, blocks in others.items())
    return f"The best mean rank rests on single {across.blocks.plural}: with one left out it may be that of {found}."


def _either(names: list[str]) -> str:
    """``a, b or c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def left_out(across: Across) -> list[str]:
    """Strategies and runs that are no part of the comparison; as a sentence or none."""
    told = []
    if across.missing:
        lacking = "; ".join(f"{name} (not in {listed(labels)})" for name, labels in across.missing.items())
        told.append(f"Left out, since not every run has test scores of them: {lacking}.")
    if across.unfinished:
        told.append(f"Unfinished and left out: {listed(across.unfinished)}.")
    return [" ".join(told)] if told else []


def _cost(across: Across) -> list[str]:
    runs = [items_of(run) for run in across.runs]
    everything = [item for items in runs for item in items]
    charged = costs.charged(everything)
    if not charged:
        return []
    spent = sum(costs.spent(items) or 0.0 for items in runs)
    told = f"All trainings of these runs were charged {seconds(charged)} device-seconds{costs.partly(everything)}"
    return [f"{told}, as if each had run alone; {seconds(spent)} were spent, work shared within a run once."]


def samples_scope(across: Across) -> str:
    """What effects over units within runs are over; empty where there are none."""
    samples = across.samples
    if samples.least < 2:
        return ""
    return (
        f"Probabilities of improvement{', interquartile means and profiles' if samples.metric else ''} are over the "
        f"{samples.plural} of {samples.within}, which their bootstrap takes as given: they describe these."
    )


def unlike(across: Across) -> tuple[str, ...]:
    """In what the runs differ beside task and model, which a reader may hold against their comparison; as a sentence."""
    heads = [run.records.run for run in across.runs]
    asked: dict[str, list[Any]] = {
        "search space": [[p.model_dump() for p in head.space if p.kind != "compared"] for head in heads],
        "whether a search is recorded": [not without_search(head) for head in heads],
        **_budgets(across),
        "sampler": [head.search.sampler for head in heads],
        "pruner": [head.search.pruner for head in heads],
        "metric": [head.metric for head in heads],
    }
    differing = [what for what, values in asked.items() if any(value != values[0] for value in values)]
    if not differing:
        return ()
    return (f"The runs differ in {listed(differing)}: each compares strategies under its own conditions.",)


def _budgets(across: Across) -> dict[str, list[Any]]:
    """How often each run trained, in the words for it."""
    sizes = [run.verdict.analysis.sizes for run in across.runs]
    if all(without_search(run.records.run) for run in across.runs):
        return {"trainings a strategy": [(found.replicates, found.seeds) for found in sizes]}
    return {
        "budget of a search": [
            run.records.run.limit.costs() or found.trials
            for run, found in zip(across.runs, sizes, strict=True)
        ],
        "searches a strategy": [found.replicates for found in sizes],
        "fresh seeds": [found.seeds for found in sizes],
    }


def items_of(run: TaskRun) -> tuple[costs.Item, ...]:
    """All that a run's cost is made of."""
    return (*run.records.trials, *run.records.confirmations)
