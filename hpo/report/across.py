"""The same strategies over several tasks or models: every run's own verdict, and what the runs show together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpo.errors import UserError
from hpo.records.run import Records
from hpo.report.analysis import Standing
from hpo.report.blocks import Blocks, centre_of
from hpo.report.samples import Samples, samples_of
from hpo.report.sentences import Verdict, verdict
from hpo.report.text import listed
from hpo.stats.ranks import block_ranks, rounded


@dataclass(frozen=True)
class JudgedRun:
    """One run with its verdict; ``label``: what tells it from others, its task as far as that does."""

    label: str
    records: Records
    verdict: Verdict


@dataclass(frozen=True)
class TaskRun(JudgedRun):
    """One finished run among several; ``block``: what it is a part of, with other runs of that task (or model)."""

    block: str

    def standing(self, name: str) -> Standing:
        """Where strategy ``name`` stands in this run."""
        return next(s for s in self.verdict.analysis.standings if s.name == name)

    @property
    def best(self) -> tuple[Standing, ...]:
        """Who has the best mean of this run, whether or not other runs have them: one, or several with equal means."""
        standings, best = self.verdict.analysis.standings, self.verdict.analysis.best
        if best is None:
            return ()
        mean = rounded(self.standing(best).estimate.mean)
        return tuple(s for s in standings if rounded(s.estimate.mean) == mean)

    def near_best(self, name: str) -> bool:
        """Whether ``name`` is the best of this run or not separable from it."""
        return self.standing(name) in self.best or self.standing(name).level_with_best


@dataclass(frozen=True)
class Without:
    """The ranking with one block left out; ``mean_ranks`` of the strategies in the order of ``Across.names``."""

    block: str
    mean_ranks: tuple[float, ...]
    leaders: tuple[str, ...]


@dataclass(frozen=True)
class Across:
    """Several runs together.

    Attributes:
        runs: the finished ones; the others are only named, in ``unfinished``.
        names: of the strategies that every run has confirmed, in the order of the first run.
        missing: of each other strategy, the labels of the runs that lack it.
        blocks: a task each (or a model, where the task is one), its score the mean over its runs.
        samples: by run, the units within it.
        without: one entry a block.
    """

    runs: tuple[TaskRun, ...]
    unfinished: tuple[str, ...]
    names: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...]]
    blocks: Blocks
    samples: Samples
    without: tuple[Without, ...]


def analyse_across(records: Sequence[Records]) -> Across:
    """Judge every run, then compare the strategies that all of them share.

    Raises:
        UserError: fewer than two runs are finished, or they share fewer than two strategies; or as ``verdict``.
    """
    judged = judge(records)
    finished = [run for run in judged if run.verdict.state != "unfinished"]
    if len(finished) < 2:
        raise UserError(
            f"{len(finished)} of {len(records)} runs finished: a report across runs needs 2",
            "Finish them with `hpo run`, or name other runs.",
        )
    noun, plural, blocks_of = _factor(finished)
    runs = tuple(
        TaskRun(run.label, run.records, run.verdict, block)
        for run, block in zip(finished, blocks_of, strict=True)
    )
    names, missing = _shared(runs)
    blocks = _blocks(runs, names, (noun, plural))
    place = (noun, plural) if len(blocks.labels) == len(runs) else ("task and model", "tasks and models")
    return Across(
        runs=runs,
        unfinished=tuple(run.label for run in judged if run.verdict.state == "unfinished"),
        names=names,
        missing=missing,
        blocks=blocks,
        samples=samples_of([run.records for run in runs], names, blocks.styles, place),
        without=tuple(_without(blocks, index) for index in range(len(blocks.labels))),
    )


def judge(records: Sequence[Records]) -> list[JudgedRun]:
    """The verdict of every run, labelled so that no two share a label."""
    labels = labels_of(records)
    return [JudgedRun(label, found, verdict(found)) for label, found in zip(labels, records, strict=True)]


def labels_of(records: Sequence[Records]) -> list[str]:
    """What tells runs apart: the task, with the model, the run's name and a number as far as that takes."""
    runs = [found.run for found in records]
    found = [run.task for run in runs]
    for further in ([run.model.source for run in runs], [run.name for run in runs]):
        if len(set(further)) > 1:
            twice = {label for label, count in Counter(found).items() if count > 1}
            found = [f"{a}, {b}" if a in twice else a for a, b in zip(found, further, strict=True)]
    seen: Counter[str] = Counter()
    numbered = []
    for label in found:
        seen[label] += 1
        numbered.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return numbered


def _factor(runs: Sequence[JudgedRun]) -> tuple[str, str, list[str]]:
    """What blocks are, and that of each run: its task, or its model where the task is one, or itself."""
    tasks = [run.records.run.task for run in runs]
    models = [run.records.run.model.source for run in runs]
    if len(set(tasks)) > 1:
        return "task", "tasks", tasks
    if len(set(models)) > 1:
        return "model", "models", models
    return "run", "runs", [run.label for run in runs]


def _shared(runs: Sequence[TaskRun]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Strategies that all runs have confirmed, and the labels of the runs that lack each other one."""
    confirmed = [{s.name for s in run.verdict.analysis.standings} for run in runs]
    every = list(dict.fromkeys(name for run in runs for name in run.records.run.strategies))
    lacking = {
        name: tuple(run.label for run, own in zip(runs, confirmed, strict=True) if name not in own)
        for name in every
    }
    names = tuple(name for name in every if not lacking[name])
    if len(names) < 2:
        raise UserError(
            f"the runs share {len(names)} strategies by name ({listed(names)}): a comparison needs 2",
            "Name runs that compare the same strategies under the same names.",
        )
    return names, {name: labels for name, labels in lacking.items() if labels}


def _blocks(runs: Sequence[TaskRun], names: tuple[str, ...], nouns: tuple[str, str]) -> Blocks:
    labels = tuple(dict.fromkeys(run.block for run in runs))
    within = {label: [run for run in runs if run.block == label] for label in labels}
    for label, own in within.items():
        if len({run.records.run.metric for run in own}) > 1:
            raise UserError(
                f"the runs of {label} have different metrics, so they have no mean",
                "Name runs of one task with one metric, or give the tasks names of their own.",
            )
    blocks = Blocks(
        names=names,
        styles=tuple(runs[0].records.run.strategies.index(name) for name in names),
        labels=labels,
        scores=np.array([_means(own, names) for own in within.values()]),
        metrics=tuple(own[0].records.run.metric for own in within.values()),
        margins=tuple(max(run.verdict.analysis.margin.value for run in own) for own in within.values()),
        noun=nouns[0],
        plural=nouns[1],
        centre=names[0],
        centre_reason="",
        notes=(_scope(runs, labels, nouns),),
    )
    references = {run.records.run.reference for run in runs}
    reference = references.pop() if len(references) == 1 else None
    centre, reason = centre_of(reference, names, blocks.leaders[0])
    return replace(blocks, centre=centre, centre_reason=reason)


def _means(runs: Sequence[TaskRun], names: Sequence[str]) -> list[float]:
    """Mean test score of each strategy over the runs of one block."""
    return [sum(run.standing(name).estimate.mean for run in runs) / len(runs) for name in names]


def _scope(runs: Sequence[TaskRun], labels: Sequence[str], nouns: tuple[str, str]) -> str:
    noun, plural = nouns
    if noun == "run":
        return (
            "All runs are of one task and one model: blocks are runs, and ranks and tests over them speak of further runs "
            "like these, not of other tasks or models."
        )
    of = "a task" if noun == "task" else "a model on this one task"
    mean = "the mean test score of its run"
    if len(runs) > len(labels):
        mean = f"the mean over its runs ({len(runs):,} in all): runs of one {noun} are not independent of one another"
    others = f"{plural} like these, as far as these are a fair sample of them"
    if noun == "model":
        others += ", and of no other task"
    return (
        f"A block is {of}, its score {mean}. Ranks and tests over them speak of {others}; how sure the single scores are "
        "does not enter."
    )


def _without(blocks: Blocks, index: int) -> Without:
    ranks = np.delete(block_ranks(blocks.oriented), index, axis=0).mean(axis=0)
    leaders = tuple(name for name, rank in zip(blocks.names, ranks, strict=True) if rank < ranks.min() + 1e-9)
    return Without(blocks.labels[index], tuple(float(rank) for rank in ranks), leaders)
