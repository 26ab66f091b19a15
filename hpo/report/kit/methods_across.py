"""The methods paragraph of a report across runs: what was compared over what, by which tests, and the runs' own budgets."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.records.base import NOT_RECORDED
from hpo.records.plan import plan_digest
from hpo.records.verdict_rule import ALPHA
from hpo.report.across import Across, TaskRun
from hpo.report.across_words import MOST_NAMED, AcrossVerdict, left_out, samples_scope, unlike
from hpo.report.kit.cite import cite, paragraphs
from hpo.report.kit.methods import question
from hpo.report.kit.methods_circumstances import imported
from hpo.report.kit.methods_tests import further_methods
from hpo.report.kit.tex import tex
from hpo.report.section import Section
from hpo.report.sizes import recorded, search_budget
from hpo.report.terms import without_search
from hpo.report.text import counted, listed, ranged

_TABLE = r"table \texttt{runs}"


def methods_across(across: Across, judged: AcrossVerdict, sections: Sequence[Section]) -> str:
    """The paragraph, in parts with a heading each."""
    names = listed(map(tex, across.names))
    return paragraphs(
        {
            "Question": [
                question(judged.question),
                f"Compared are {len(across.names)} strategies: {names}.",
                *map(tex, left_out(across)),
            ],
            "Runs": [_compared_over(across), *_models(across), *_imported(across), *_budgets(across)],
            "Statistics": [*_ranking(across), *further_methods(sections), *_tests(across), *_effects(across)],
            "Fixed beforehand": [_stamped(across)],
        }
    )


def _compared_over(across: Across) -> str:
    blocks, runs = across.blocks, len(across.runs)
    count = "" if runs == len(blocks.labels) else f" in {counted(runs, 'run')}"
    return (
        f"They are compared over {blocks.over}{count}, {_named(blocks.labels)}. Each run was made and judged by itself, as "
        "its own methods say."
    )


def _named(labels: Sequence[str]) -> str:
    """``labels``; of very many their table."""
    return listed(map(tex, labels)) if len(labels) <= MOST_NAMED else f"which {_TABLE} lists"


def _models(across: Across) -> list[str]:
    """Tasks and models as far as they are no blocks."""
    heads = [run.records.run for run in across.runs]
    models = dict.fromkeys(head.model.source for head in heads if head.model.source != NOT_RECORDED)
    if across.blocks.noun == "model":
        return [f"The task is {tex(heads[0].task)}."]
    if not models:
        return ["The models are not recorded."]
    bodies = "body is" if len(models) == 1 else "bodies are"
    return [f"The pretrained {bodies} {_named(list(models))}."]


def _imported(across: Across) -> list[str]:
    sources = [run.records.run.source for run in across.runs if run.records.run.source != "hpo"]
    if not sources:
        return []
    names = listed(map(imported, dict.fromkeys(sources)))
    count = f"{len(sources):,} of {counted(len(across.runs), 'run')}"
    return [f"{count} were made with other software and imported: {names}."]


def _budgets(across: Across) -> list[str]:
    """What each run trained of a strategy, runs of one budget together, and in what else they differ."""
    found: dict[str, list[str]] = {}
    for run in across.runs:
        found.setdefault(_budget(run), []).append(run.label)
    if len(found) == 1:
        told = f"In each run a strategy had {next(iter(found))}."
    elif len(across.runs) <= MOST_NAMED:
        each = (f"{budget} in {listed(map(tex, labels))}" for budget, labels in found.items())
        told = f"A strategy had {'; '.join(each)}."
    else:
        told = f"What a strategy had differs from run to run ({_TABLE})."
    return [told, *map(tex, unlike(across))]


def _budget(run: TaskRun) -> str:
    head, sizes = run.records.run, run.verdict.analysis.sizes
    if without_search(head):
        return f"{recorded(head, sizes)} and no recorded search"
    trials = f" of {search_budget(head, sizes)}" if head.trials else ""
    score = "fresh seed" if all(c.fresh for c in run.records.confirmations) else "test score"
    searches = ranged(sizes.replicates, "search", "searches")
    return f"{searches}{trials} with {ranged(sizes.seeds, score)} each"


def _ranking(across: Across) -> list[str]:
    """The metric, and what blocks are."""
    blocks = across.blocks
    if blocks.metric:
        better = "higher" if blocks.metric.maximize else "lower"
        metric = f"The metric is {tex(blocks.metric.name)}; {better} is better."
    else:
        names = listed(tex(name) for name in dict.fromkeys(m.name for m in blocks.metrics))
        metric = (
            f"Runs differ in their metric ({names}), so that scores are ranked and never averaged over them."
        )
    alone = "The interval of a mean in one run is that of its own verdict."
    return [metric, *map(tex, blocks.notes), alone]


def _tests(across: Across) -> list[str]:
    """The tests of pairs, or why there are none; and the ranking with each block left out."""
    blocks = across.blocks
    pairs = counted(len(blocks.names) * (len(blocks.names) - 1) // 2, "pair")
    holm = f"Holm's correction{cite('holm1979simple')} over {pairs}"
    left = f"The ranking is computed again with each {blocks.noun} left out."
    if not blocks.enough:
        none = (
            f"With fewer than {blocks.needed:,} {blocks.plural} no exact two-sided p-value of a pair can be below "
            f"{ALPHA:g} after {holm}, so that no test over {blocks.plural} is made."
        )
        return [none, left]
    sign = (
        ""
        if blocks.metric
        else " by exact sign tests, since differences of different metrics cannot be ranked"
    )
    return [f"Pairs are compared{sign} with two-sided p-values and {holm}; the level is {ALPHA:g}.", left]


def _effects(across: Across) -> list[str]:
    """What differences and effects are over."""
    blocks = across.blocks
    told = [tex(samples_scope(across))] if samples_scope(across) else []
    if blocks.metric:
        others = counted(len(blocks.names) - 1, "difference")
        told.append(
            f"Differences are from {tex(blocks.centre)} ({tex(blocks.centre_reason)}), with Student's 95\\,\\% intervals "
            f"over {blocks.plural}, of each alone and, by Bonferroni, together over {others}."
        )
    return told


def _stamped(across: Across) -> str:
    """How many runs had their plan fixed before their first score, and still have it so."""
    heads = [run.records.run for run in across.runs]
    stamps = [(head.stamp, plan_digest(head)) for head in heads if head.stamp is not None]
    if not stamps:
        return "Whether the plan of any run was fixed before its first score is not recorded."
    equal = sum(stamp.plan_sha256 == now for stamp, now in stamps)
    return (
        f"The plans of {len(stamps):,} of {counted(len(heads), 'run')} were stamped before their first score by their "
        f"SHA-256 (\\texttt{{manifest.json}}); those of {equal:,} equal those of the records now."
    )
