"""The numbers behind a report: means, the margin, comparisons, and what is level with the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from hpo.errors import UserError
from hpo.records.run import Records, Run
from hpo.records.selection import begun, is_over, searches
from hpo.records.verdict_rule import LEAST_MARGIN
from hpo.report.comparing import Comparison, compare, groups_of
from hpo.report.scores import Scores, collect, seed_deviation
from hpo.report.sizes import Sizes, sizes_of
from hpo.report.terms import without_search
from hpo.stats.crossed import Estimate, crossed
from hpo.stats.decision import not_separable, rank_intervals


@dataclass(frozen=True)
class Margin:
    """Margin of practical equivalence, a share of 1, and where it came from."""

    value: float
    reason: str


@dataclass(frozen=True)
class Standing:
    """One strategy (or the baseline): its mean on the test items, and where it stands among the strategies."""

    name: str
    estimate: Estimate
    seeds: int
    ranks: tuple[int, int] | None = None
    level_with_best: bool = False


@dataclass(frozen=True)
class Analysis:
    """Everything that a report computes from records.

    Attributes:
        claim: what the units allow a claim about.
        sizes: how many searches, trials and seeds strategies have.
        expected, present: confirmations that the finished run has, and those recorded.
        without_selection: (strategy, replicate) of finished studies in which no trial was completed.
        family: against the reference, or all pairs.
        best: the strategy with the best test mean; None where nothing is confirmed.
        baseline_comparisons: of each strategy with the baseline, a Holm family of its own.
    """

    claim: Literal["strategies", "configurations"]
    sizes: Sizes
    expected: int
    present: int
    without_selection: tuple[tuple[str, int], ...]
    margin: Margin
    family: Literal["reference", "pairs"]
    best: str | None
    standings: tuple[Standing, ...]
    comparisons: tuple[Comparison, ...]
    baseline: Standing | None
    baseline_comparisons: tuple[Comparison, ...]

    @property
    def finished(self) -> bool:
        """Whether every confirmation that the run can have is recorded."""
        return self.present >= self.expected


def analyse(records: Records) -> Analysis:
    """Compute the analysis of ``records``, finished or not.

    Raises:
        UserError: the test split is too small for any interval.
    """
    run = records.run
    groups = run.split.groups
    by_item = any(c.item_scores is not None for c in records.confirmations)
    if by_item and (run.split.test < 2 or (groups is not None and len(set(groups)) < 2)):
        raise UserError(
            f"{run.name}: the test split has a single item or group; an interval needs at least 2",
            "Give the task a larger test split and run again.",
        )
    scores = collect(records)
    strategies = [found for (role, _), found in scores.items() if role == "strategy"]
    baselines = [found for (role, _), found in scores.items() if role == "baseline"]
    margin = _margin(records)
    pairs = compare(run, combinations(strategies, 2), margin.value)
    against = [(found, other) for other in strategies if other.name == run.reference for found in strategies]
    reference = compare(run, [(a, b) for a, b in against if a is not b], margin.value)
    standings = [_standing(run, found) for found in strategies]
    best = _best(run, standings)
    lost = _without_selection(records)
    # What another tool recorded is all that there will be.
    own = run.source == "hpo"
    expected = _expected(run, len(lost)) if own else len(records.confirmations)
    finished = len(records.confirmations) >= expected
    return Analysis(
        claim="strategies" if run.replicates > 1 else "configurations",
        sizes=sizes_of(records),
        expected=expected,
        present=len(records.confirmations),
        without_selection=lost,
        margin=margin,
        family="pairs" if run.reference is None else "reference",
        best=best,
        standings=_ranked(standings, best, pairs) if finished else tuple(standings),
        comparisons=pairs if run.reference is None else reference,
        baseline=_standing(run, baselines[0]) if baselines else None,
        baseline_comparisons=compare(
            run, [(found, b) for b in baselines for found in strategies], margin.value
        ),
    )


def _best(run: Run, standings: Sequence[Standing]) -> str | None:
    sign = 1 if run.metric.maximize else -1
    return max(standings, key=lambda s: sign * s.estimate.mean).name if standings else None


def _expected(run: Run, studies_lost: int) -> int:
    """Confirmations of a finished run."""
    studies = len(run.strategies) * run.replicates - studies_lost
    return run.seeds * (studies + (run.replicates if run.baseline is not None else 0))


def _without_selection(records: Records) -> tuple[tuple[str, int], ...]:
    """Studies with all draws recorded and none complete that they pay for: nothing of them can be confirmed."""
    limit_of = records.run.limit_of
    return tuple(
        (name, replicate)
        for (name, replicate), own in searches(records.trials).items()
        if is_over(own, limit_of(name)) and all(t.state != "complete" for t in begun(own, limit_of(name)))
    )


def _margin(records: Records) -> Margin:
    """The larger of 0.5 point and the reference's deviation over fresh seeds on validation; never sees test scores."""
    chosen = [c for c in records.confirmations if c.role == "strategy"]
    whose = "all strategies, pooled"
    if records.run.reference is not None:
        chosen = [c for c in chosen if c.strategy == records.run.reference]
        whose = f"the reference {records.run.reference}"
    deviation = seed_deviation(chosen)
    least = LEAST_MARGIN if records.run.metric.share else 0.0
    if all(c.validation_score is None for c in chosen):
        return Margin(least, "the least; no validation scores of what was tested are recorded")
    if deviation is None:
        seed = "one training" if without_search(records.run) else "one fresh seed a search"
        return Margin(least, f"the least; {seed} shows no deviation over seeds")
    shown = f"the standard deviation over seeds on validation, {whose}"
    if deviation > least:
        return Margin(deviation, shown)
    return Margin(least, f"the least; above {100 * deviation:.2f}, {shown}")


def _standing(run: Run, scores: Scores) -> Standing:
    matrix = scores.matrix()
    return Standing(scores.name, crossed(matrix.mean(axis=1), groups_of(run, matrix)), matrix.shape[1])


def _ranked(
    standings: list[Standing], best: str | None, pairs: tuple[Comparison, ...]
) -> tuple[Standing, ...]:
    """Standings with their rank intervals and whether the best is shown to beat them, by all pairs with Holm."""
    names = [standing.name for standing in standings]
    if best is None or len(names) < 2 or len(pairs) < len(names) * (len(names) - 1) // 2:
        return tuple(standings)
    better: dict[tuple[str, str], bool] = {}
    for pair in pairs:
        better[pair.first, pair.second] = pair.distinguished and pair.favours == pair.first
        better[pair.second, pair.first] = pair.distinguished and pair.favours == pair.second
    ranks, level = rank_intervals(names, better), not_separable(best, names, better)
    return tuple(replace(s, ranks=ranks[s.name], level_with_best=s.name in level) for s in standings)
