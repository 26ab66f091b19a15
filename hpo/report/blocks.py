"""Scores of strategies in blocks, as ranks and effects over them read: the replicates of one run, or tasks of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hpo.records.metrics import Metric
from hpo.records.run import Records, Run
from hpo.report.scores import Scores, collect
from hpo.report.sentences import Verdict
from hpo.report.terms import tested, units_of, without_search
from hpo.report.text import Units, capitalised, counted, listed
from hpo.stats.crossed import Array
from hpo.stats.ranks import Friedman, friedman
from hpo.stats.sign_test import pairwise_signs
from hpo.stats.signed_rank import Pairwise, blocks_needed, pairwise


@dataclass(frozen=True)
class Blocks:
    """Scores in which every block has every strategy.

    Attributes:
        names, styles: of the strategies, as figures draw them.
        labels: of the blocks.
        scores: (blocks, strategies), in each block's own metric.
        metrics, margins: of each block; a margin is that of practical equivalence.
        noun, plural: what a block is.
        centre: the strategy that others are held against, and why it is.
        notes: what the blocks are, what was left out, and what a test over them covers.
    """

    names: tuple[str, ...]
    styles: tuple[int, ...]
    labels: tuple[str, ...]
    scores: Array
    metrics: tuple[Metric, ...]
    margins: tuple[float, ...]
    noun: str
    plural: str
    centre: str
    centre_reason: str
    notes: tuple[str, ...]

    @cached_property
    def metric(self) -> Metric | None:
        """The metric of every block; None where they differ, so that no difference can be set beside another."""
        return self.metrics[0] if len(set(self.metrics)) == 1 else None

    @cached_property
    def units(self) -> Units | None:
        """How scores are printed; None where metrics differ."""
        return None if self.metric is None else Units(self.metric)

    @cached_property
    def oriented(self) -> Array:
        """``scores`` with the sign with which higher is better."""
        signed: Array = self.scores * np.array([[1.0 if m.maximize else -1.0] for m in self.metrics])
        return signed

    @cached_property
    def friedman(self) -> Friedman:
        """Friedman's test over the blocks, with the mean ranks."""
        return friedman(self.oriented)

    @property
    def mean_ranks(self) -> tuple[float, ...]:
        """Of each strategy; 1 is best."""
        return self.friedman.mean_ranks

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Indices of the strategies from the best mean rank to the worst; equal ones as given."""
        return tuple(sorted(range(len(self.names)), key=lambda index: self.mean_ranks[index]))

    @property
    def leaders(self) -> tuple[str, ...]:
        """Who has the best mean rank: one, or several that share it."""
        best = min(self.mean_ranks)
        return tuple(
            name for name, rank in zip(self.names, self.mean_ranks, strict=True) if rank < best + 1e-9
        )

    @cached_property
    def pairs(self) -> Pairwise:
        """Tests of all pairs with Holm: Wilcoxon's signed ranks, or signs alone where metrics differ."""
        return pairwise(self.oriented) if self.metric else pairwise_signs(self.oriented)

    @property
    def needed(self) -> int:
        """Blocks with which a test of all pairs could tell any pair apart at all."""
        return blocks_needed(len(self.names))

    @property
    def enough(self) -> bool:
        """Whether there are as many blocks as tests need."""
        return len(self.labels) >= self.needed

    @property
    def over(self) -> str:
        """``5 searches``."""
        return counted(len(self.labels), self.noun, self.plural)


def centre_of(reference: str | None, names: Sequence[str], best: str) -> tuple[str, str]:
    """Whom others are held against, the reference or else the best, and why."""
    return (reference, "the reference") if reference in names and reference else (best, "the best")


def replicate_blocks(records: Records, judged: Verdict) -> Blocks | str:
    """The replicates of one run as blocks, each score the mean of a replicate's seeds; or why they are none."""
    run, analysis = records.run, judged.analysis
    why = _no_blocks(records, judged)
    if why or analysis.best is None:
        return why
    found = [scores for (role, _), scores in collect(records).items() if role == "strategy"]
    keys = frozenset.intersection(*(frozenset(scores.correct) for scores in found))
    replicates = sorted({replicate for replicate, _ in keys})
    noun, plural = units_of(run)
    if len(replicates) < 2:
        return (
            f"Fewer than two {plural} have a {tested(run)} of every strategy: there are no blocks to rank in."
        )
    names = tuple(scores.name for scores in found)
    centre, reason = centre_of(run.reference, names, analysis.best)
    return Blocks(
        names=names,
        styles=tuple(run.strategies.index(scores.name) for scores in found),
        labels=tuple(f"replicate {replicate}" for replicate in replicates),
        scores=np.array([scores.matrix(keys).mean(axis=(1, 2)) for scores in found]).T,
        metrics=(run.metric,) * len(replicates),
        margins=(analysis.margin.value,) * len(replicates),
        noun=noun,
        plural=plural,
        centre=centre,
        centre_reason=reason,
        notes=(_scope(records), *_left_out(records, found, len(replicates))),
    )


def _no_blocks(records: Records, judged: Verdict) -> str:
    """Why a run has no blocks, and what would give them; empty where it may have."""
    run = records.run
    over_tasks = "Give `hpo report` runs of several tasks to rank over tasks."
    if judged.state == "unfinished":
        return "Strategies are ranked once every confirmation is in."
    if len(judged.analysis.standings) < 2:
        return f"Nothing is compared: fewer than two strategies have a {tested(run)}."
    if run.replicates < 2:
        seeds = "One search a strategy is a single block, and seeds of one search are no blocks."
        if without_search(run):
            seeds = "Trainings of one replicate, which differ in their seed alone, are no blocks."
        return f"{seeds} {over_tasks}"
    if run.search.shared_draws is False:
        return f"{unpaired(run)}. {over_tasks}"
    return ""


def unpaired(run: Run) -> str:
    """Why replicates of strategies that share nothing are no blocks, without a full stop."""
    noun, plural = units_of(run)
    shared = "seed or data order" if without_search(run) else "seed, draws or data order"
    return (
        f"{capitalised(plural)} of different strategies share no {shared}: nothing makes the first {noun} of one and the "
        "first of another a block"
    )


def _scope(records: Records) -> str:
    run, plural = records.run, units_of(records.run)[1]
    shared = "which share their seed and data order across strategies"
    if run.search.shared_draws is None:
        shared = "paired by their number, since it is not recorded whether they share seed and data order"
    mean = "; the score of a block is the mean over its fresh seeds"
    if without_search(run):
        mean = "; the score of a block is the mean over its trainings" if run.seeds > 1 else ""
    return (
        f"Blocks are {plural} on one task, {shared}{mean}. So ranks and tests speak of further {plural} on this task "
        "and say nothing of other tasks."
    )


def _left_out(records: Records, found: Sequence[Scores], kept: int) -> list[str]:
    run, plural = records.run, units_of(records.run)[1]
    without = [name for name in run.strategies if name not in {scores.name for scores in found}]
    notes = [f"Left out, without any {tested(run)}: {listed(without)}."] if without else []
    lost = run.replicates - kept
    if lost:
        notes.append(
            f"{lost:,} of {run.replicates:,} {plural} left out, in which a strategy has no {tested(run)}."
        )
    return notes
