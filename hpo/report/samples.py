"""Scores of single runs by task and strategy, as effect sizes read them: the units of one report, or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo.records.metrics import Metric
from hpo.records.run import Records
from hpo.report.scores import Scores, collect
from hpo.report.terms import units_of
from hpo.report.text import counted
from hpo.stats.crossed import Array
from hpo.stats.effects import Effect, probability_of_improvement
from hpo.stats.ranks import rounded

SEED = 0  # of bootstraps


@dataclass(frozen=True)
class Samples:
    """Scores of runs, which are units of ``hpo.report.terms``: a search, the mean of its fresh seeds, or a single seed, ...

    Attributes:
        names, styles: of the strategies, as figures draw them.
        metrics: of each task.
        runs: by task and then by strategy, (runs,) in the task's own metric.
        paired: by task, whether run i of one strategy and run i of another have the same replicate and seed.
        noun, plural: what a run is; just that where it is not the same in all tasks.
        place, places: what they lie in.
    """

    names: tuple[str, ...]
    styles: tuple[int, ...]
    metrics: tuple[Metric, ...]
    runs: tuple[tuple[Array, ...], ...]
    paired: bool
    noun: str
    plural: str
    place: str
    places: str

    @property
    def metric(self) -> Metric | None:
        """The metric of every task; None where they differ."""
        return self.metrics[0] if len(set(self.metrics)) == 1 else None

    @property
    def least(self) -> int:
        """Runs of a strategy in a task, where they are fewest."""
        return min(len(own) for task in self.runs for own in task)

    def of(self, index: int, *, oriented: bool = False) -> list[Array]:
        """Runs of one strategy by task; ``oriented``: with the sign with which higher is better."""
        signs = [-1.0 if oriented and not metric.maximize else 1.0 for metric in self.metrics]
        return [sign * task[index] for sign, task in zip(signs, self.runs, strict=True)]

    def improvement(self, first: int, second: int) -> Effect:
        """P(first better than second), over pairs where runs are paired."""
        sides = self.of(first, oriented=True), self.of(second, oriented=True)
        return probability_of_improvement(*sides, paired=self.paired, seed=SEED)

    def over(self, index: int) -> str:
        """What an effect of one strategy is over: ``5 searches``, ``15 searches in 3 tasks``."""
        total = counted(sum(len(task[index]) for task in self.runs), self.noun, self.plural)
        return total if len(self.runs) == 1 else f"{total} in {self.within}"

    @property
    def within(self) -> str:
        """``3 tasks``."""
        return counted(len(self.runs), self.place, self.places)


def samples_of(
    runs: Sequence[Records],
    names: Sequence[str],
    styles: Sequence[int],
    places: tuple[str, str] = ("task", "tasks"),
) -> Samples:
    """Runs of ``names``, which each of ``runs`` has confirmed; paired where every run shares draws across strategies."""
    paired = all(records.run.search.shared_draws is not False for records in runs)
    units = {units_of(records.run) for records in runs}
    noun, plural = units.pop() if len(units) == 1 else ("run", "runs")
    return Samples(
        names=tuple(names),
        styles=tuple(styles),
        metrics=tuple(records.run.metric for records in runs),
        runs=tuple(_unit_means(records, names, paired=paired) for records in runs),
        paired=paired,
        noun=noun,
        plural=plural,
        place=places[0],
        places=places[1],
    )


def _unit_means(records: Records, names: Sequence[str], *, paired: bool) -> tuple[Array, ...]:
    """Means over seeds and items of each unit; paired ones over the replicates and seeds that all ``names`` have."""
    found = collect(records)
    own: list[Scores] = [found["strategy", name] for name in names]
    keys = frozenset.intersection(*(frozenset(scores.correct) for scores in own)) if paired else None
    if keys is not None and not keys:
        return tuple(np.empty(0) for _ in own)
    return tuple(rounded(scores.matrix(keys).mean(axis=(1, 2))) for scores in own)
