"""The small form of a space: the same question, strategies and search ranges on little of everything else.

It tries data, model and machinery within a minute or two, and answers nothing: what it has of each is at most

- 2 replicates, 2 trials a search, and 1 confirmation of each search: no verdict rests on so few;
- eight of a trial's largest batches of training texts, the rungs moved along, so that each stands where it stood: after
  the same number of epochs;
- 80 validation and 100 test texts, and as many of each shift set.

Whatever of these is smaller in the space stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpo.config.experiment import Experiment

REPLICATES, TRIALS, SEEDS = 2, 2, 1
BATCHES = 8  # of training texts: fewer leave a schedule no course, and a warm-up no steps
VALIDATION, TEST = 80, 100


def small_form(experiment: Experiment) -> Experiment:
    """The small form of a checked ``experiment``, under a name of its own."""
    task, budget = experiment.task, experiment.budget
    batches = [int(size) for size in experiment.trial_values("batch_size") if isinstance(size, int | float)]
    train = min(task.train, BATCHES * max(batches))
    return experiment.model_copy(
        update={
            "name": f"{experiment.name}-small",
            "form": "small",
            "warm_start": None,  # earlier runs have other splits
            "task": task.model_copy(
                update={
                    "train": train,
                    "validation": min(task.validation, VALIDATION),
                    "test": min(task.test, TEST),
                    "shift_test": None if task.shift_test is None else min(task.shift_test, TEST),
                }
            ),
            "budget": budget.model_copy(
                update={
                    "replicates": min(budget.replicates, REPLICATES),
                    "trials": min(budget.trials, TRIALS),
                    "rungs": _moved(budget.rungs, train, task.train),
                }
            ),
            "confirmation": experiment.confirmation.model_copy(
                update={"seeds": min(experiment.confirmation.seeds, SEEDS)}
            ),
        }
    )


def _moved(rungs: Sequence[int], texts: int, of: int) -> tuple[int, ...]:
    """The rungs after as many epochs of fewer texts, rounded down; those that would fall together are one."""
    return tuple(dict.fromkeys(max(1, rung * texts // of) for rung in rungs))
