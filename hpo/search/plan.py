"""The plan of a run: how much of what will be trained, known before anything is."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from hpo.config.experiment import Experiment, Range
from hpo.records.limits import Limit
from hpo.records.metrics import METRICS, Metric

MOST_FORKS = 64  # each is one state more to keep, at most once a training


@dataclass(frozen=True)
class Plan:
    """Counts of a run.

    Attributes:
        rungs: numbers of examples seen at which a trial is evaluated, the end of the longest training last.
        studies, trials, confirmations, baselines: how many there are in all, at most.
        limit, total: what ends a study, and what all of them together.
        stop_decided: whether a strategy stops half-way that can no longer change the comparison.
        examples: that one full training sees, (least, most) over the search space.
        steps: optimizer steps of one full training, (least, most).
        most_examples: seen in training if nothing is pruned.
        metric: by which trials are selected and strategies compared.
    """

    strategies: tuple[str, ...]
    replicates: int
    rungs: tuple[int, ...]
    studies: int
    trials: int
    confirmations: int
    baselines: int
    limit: Limit
    total: Limit
    stop_decided: bool
    examples: tuple[int, int]
    steps: tuple[int, int]
    most_examples: int
    metric: Metric

    @property
    def may_end_early(self) -> bool:
        """Whether searches may end before ``limit`` ends them."""
        return self.stop_decided or self.total != Limit()


def make_plan(experiment: Experiment) -> Plan:
    """Count what ``experiment`` will train at most."""
    budget, task = experiment.budget, experiment.task
    strategies = experiment.strategies()
    studies = len(strategies) * budget.replicates
    epochs = _extremes(experiment, "epochs")
    batches = _extremes(experiment, "batch_size")
    examples = (math.ceil(task.train * epochs[0]), math.ceil(task.train * epochs[1]))
    steps = (math.ceil(examples[0] / batches[1]), math.ceil(examples[1] / batches[0]))
    trials = studies * budget.trials
    confirmations = studies * experiment.confirmation.seeds
    baselines = budget.replicates * experiment.confirmation.seeds if experiment.baseline is not None else 0
    return Plan(
        strategies=strategies,
        replicates=budget.replicates,
        rungs=(*(r for r in budget.rungs if r < examples[1]), examples[1]),
        studies=studies,
        trials=trials,
        confirmations=confirmations,
        baselines=baselines,
        limit=budget.limit,
        total=budget.total_limit,
        stop_decided=bool(budget.stop_decided),
        examples=examples,
        steps=steps,
        most_examples=(trials + confirmations + baselines) * examples[1],
        metric=METRICS[task.metric],
    )


def forks(experiment: Experiment) -> tuple[tuple[float, float], ...]:
    """(epochs, schedule_decay_ratio) of every warmup-stable-decay trial whose values the space lists, ascending.

    Where one of these begins to cool down, others go on: a state kept there is trained once for all. Values drawn from
    a range are not known before, and have none. At most ``MOST_FORKS``, the shortest trainings first.
    """
    if "wsd" not in experiment.trial_values("schedule"):
        return ()
    pairs = itertools.product(_listed(experiment, "epochs"), _listed(experiment, "schedule_decay_ratio"))
    return tuple(sorted(pairs)[:MOST_FORKS])


def _listed(experiment: Experiment, name: str) -> tuple[float, ...]:
    """The values of a number that is fixed, chosen from a list or compared; none of a range."""
    if isinstance(experiment.parameters.get(name), Range):
        return ()
    return tuple(float(v) for v in experiment.trial_values(name) if isinstance(v, int | float))


def _extremes(experiment: Experiment, name: str) -> tuple[float, float]:
    """Least and most value that the number ``name`` can take in any trial."""
    values = [float(v) for v in experiment.trial_values(name) if isinstance(v, int | float)]
    return min(values), max(values)
