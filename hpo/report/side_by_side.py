"""What `hpo compare` says of one strategy in one run: mean, interval, outcome and possible ranks in a few short lines."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpo.records.metrics import Metric
from hpo.report.across import JudgedRun
from hpo.report.analysis import Standing
from hpo.report.comparing import Comparison
from hpo.report.terms import without_search
from hpo.report.text import Units, listed
from hpo.stats.decision import Outcome

_WORDS = {
    Outcome.RELEVANT: "relevantly {}",
    Outcome.BETTER: "{}",
    Outcome.DIFFERENT: "different, equivalent",
    Outcome.EQUIVALENT: "equivalent",
    Outcome.INCONCLUSIVE: "inconclusive",
}


def cell_lines(run: JudgedRun, name: str) -> list[str]:
    """Mean with its interval, outcome, and possible ranks: a line each."""
    standing = next((s for s in run.verdict.analysis.standings if s.name == name), None)
    if standing is None:
        return ["-"]
    units = Units(run.records.run.metric)
    low, high = standing.estimate.interval()
    ends = ", ".join(units.value(end).removesuffix(" %") for end in (low, high))
    interval = f" [{ends}]" if math.isfinite(high) else ""
    lines = [f"{units.value(standing.estimate.mean)}{interval}", _outcome(run, standing)]
    return [*lines, *([f"rank {_ranks(standing.ranks)}"] if standing.ranks else [])]


def _ranks(ranks: tuple[int, int]) -> str:
    return str(ranks[0]) if ranks[0] == ranks[1] else f"{ranks[0]} to {ranks[1]}"


def _outcome(run: JudgedRun, standing: Standing) -> str:
    """How a strategy stands to the reference, or else to the best; the best is called so in any case."""
    analysis, name = run.verdict.analysis, standing.name
    if run.verdict.state == "unfinished":
        return "unfinished"
    centre = run.records.run.reference or analysis.best
    best = ["best"] if name == analysis.best else []
    if name == centre:
        return ", ".join([*best, *(["reference"] if run.records.run.reference else [])])
    found = next((c for c in analysis.comparisons if {c.first, c.second} == {name, centre}), None)
    return ", ".join([*best, *([_word(found, name)] if found else [])]) or "not compared"


def _word(comparison: Comparison, name: str) -> str:
    return _WORDS[comparison.outcome].format("better" if comparison.favours == name else "worse")


def _named(metric: Metric) -> str:
    return metric.name if metric.maximize else f"{metric.name} (lower is better)"


def legend(runs: Sequence[JudgedRun]) -> str:
    """What cells say."""
    references = {run.records.run.reference for run in runs}
    against = (
        "the best"
        if references == {None}
        else "the reference"
        if None not in references
        else "reference or best"
    )
    metrics = {run.records.run.metric for run in runs}
    score = "score, in its own metric," if len(metrics) > 1 else _named(metrics.pop())
    return (
        f"Mean test {score} of each run with its 95 % interval; outcome against {against} of the run; rank: possible ones "
        f"among its strategies (all pairs, Holm, 0.05).{_claims(runs)}"
    )


def _claims(runs: Sequence[JudgedRun]) -> str:
    """Of which runs outcomes are about selected configurations, or recorded trainings, and not about strategies."""
    bare = [run.label for run in runs if without_search(run.records.run)]
    single = [run.label for run in runs if run.records.run.replicates == 1 and run.label not in bare]
    told = f" One search a strategy{_where(single, runs)}: selected configurations only." if single else ""
    told += f" No search recorded{_where(bare, runs)}: these trainings only." if bare else ""
    small = [run.label for run in runs if run.records.run.form is not None]
    return told + (f" Small form of the space{_where(small, runs)}: no answer." if small else "")


def _where(labels: Sequence[str], runs: Sequence[JudgedRun]) -> str:
    return "" if len(labels) == len(runs) else f" in {listed(labels)}"
