"""Records of every task of a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from hpo.errors import UserError
from hpo.foreign.asked import Asked, Roles
from hpo.foreign.confirming import Sorted, sort_out
from hpo.foreign.measure import maximize, metric, metric_name
from hpo.foreign.roles import choose, named
from hpo.foreign.source import Source, listed
from hpo.foreign.spaces import observed
from hpo.foreign.telling import told
from hpo.foreign.trainings import Training, trainings
from hpo.records.files import slug
from hpo.records.metrics import Metric
from hpo.records.run import Records, Run
from hpo.records.search import ParameterInfo, Search
from hpo.records.trainings import Confirmation, Trial


@dataclass(frozen=True)
class Imported:
    """An import: its name, records by their folder within it (empty: itself), and what was made of the source.

    The records keep what is told as notes; of several tasks each keeps what is told of all, and its own.
    """

    name: str
    records: dict[str, Records]
    told: tuple[str, ...]


def build(source: Source, asked: Asked, name: str) -> Imported:
    """Turn ``source`` into records, one run a task.

    Args:
        name: of the runs, where the user gives none.

    Raises:
        UserError: the source lacks what records need, or an option does not fit it.
    """
    if not source.entries:
        raise UserError(f"{source.label} holds no training", "Name a source that holds finished trainings.")
    source = named(source, asked.named)
    roles = choose(source, asked)
    measured = metric_name(source, asked, roles)
    high = maximize(source, asked, roles, measured)
    found, notes = trainings(source, asked, roles, maximize=high)
    if not found:
        raise UserError(
            f"{source.label} holds no training that has ended", "Name a source that holds finished trainings."
        )
    scores = (
        (t.where, s)
        for t in found
        for s in (t.score, t.test_score, *(r[1] for r in t.rungs))
        if s is not None
    )
    strategies = tuple(dict.fromkeys(training.strategy for training in found))
    name = asked.name or name
    task = _Task(source, asked, roles, metric(asked, measured, high, scores), strategies, name)
    if asked.reference is not None and asked.reference not in task.strategies:
        nearest = get_close_matches(asked.reference, task.strategies, n=1, cutoff=0.0)[0]
        raise UserError(
            f"--reference {asked.reference!r} is no strategy of {source.label}; there are {listed(task.strategies)}",
            f"Name one of them, such as {nearest!r}.",
        )
    common = (*told(source, asked, roles, task.metric, strategies, found), *source.notes, *notes)
    names = list(dict.fromkeys(t.task for t in found))
    records, more = {}, []
    for own in names:
        made, own_notes = task.records(own, [t for t in found if t.task == own], alone=len(names) == 1)
        run = made.run.model_copy(update={"notes": (*common, *own_notes)})
        records["" if len(names) == 1 else slug(own)] = made.model_copy(update={"run": run})
        more += [f"{own}: {note}" if own else note for note in own_notes]
    return Imported(name, records, (*common, *more))


@dataclass(frozen=True)
class _Task:
    """What the runs of all tasks share."""

    source: Source
    asked: Asked
    roles: Roles
    metric: Metric
    strategies: tuple[str, ...]
    name: str

    @property
    def compared(self) -> str:
        """What strategies are values of."""
        return ", ".join(name.strip("{}") for name in self.roles.strategy) or "study"

    def records(self, task: str, found: Sequence[Training], *, alone: bool) -> tuple[Records, list[str]]:
        """The run of one task, and what a user should know of it alone."""
        own = {training.strategy for training in found}
        strategies = tuple(name for name in self.strategies if name in own)
        done = sort_out(found, self.metric, strategies, searched=self.roles.score is not None)
        reference = self.asked.reference
        run = Run(
            name=self.name if alone else f"{self.name}/{slug(task)}",
            question=self.asked.question or f"Which {self.compared} has the best {self.metric.name}?",
            task=task or self.name,
            source=self.source.label,
            strategies=strategies,
            reference=reference if reference in own else None,
            replicates=done.replicates,
            trials=max(_counts(done.trials).values(), default=0),
            seeds=max(_counts(done.confirmations).values(), default=0),
            metric=self.metric,
            resource=self.roles.rung or self.source.resource,
            search=self._search(done),
            space=self._space(strategies, found),
        )
        made = Records(run=run, trials=done.trials, confirmations=done.confirmations)
        lost = [f"without the reference {reference}"] if reference != run.reference else []
        return made, [*done.notes, *_uneven(made), *lost]

    def _search(self, done: Sorted) -> Search:
        pruned = any(trial.state == "pruned" for trial in done.trials)
        steps = sorted({rung.examples for trial in done.trials for rung in trial.rungs})
        best = "highest" if self.metric.maximize else "lowest"
        rule = f"the complete trial with the {best} validation {self.metric.name} of its search"
        return Search(
            independent=False if pruned else self.asked.independent,
            rungs=tuple(steps[:-1]) if pruned else (),
            selection=rule if done.trials else None,
            shared_draws=done.paired if self.asked.paired is None else self.asked.paired,
        )

    def _space(self, strategies: tuple[str, ...], found: Sequence[Training]) -> tuple[ParameterInfo, ...]:
        compared = ParameterInfo(name=self.compared, kind="compared", values=strategies)
        seen = observed(training.parameters for training in found)
        recorded = self.source.space
        return (compared, *(recorded.get(p.name, p) for p in seen if p.name not in self.roles.strategy))


def _counts(items: Sequence[Trial] | Sequence[Confirmation]) -> Counter[tuple[str, int]]:
    """How many each study has, of those that have any."""
    return Counter((item.strategy, item.replicate) for item in items)


def _uneven(records: Records) -> list[str]:
    """A note where studies have different numbers of confirmations."""
    counts = _counts(records.confirmations)
    studies = len(records.run.strategies) * records.run.replicates
    least = min(counts.values(), default=0) if len(counts) == studies else 0
    most = records.run.seeds
    return [f"{least} to {most} confirmations a study: they differ"] if least < most else []
