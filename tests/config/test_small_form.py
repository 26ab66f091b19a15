"""The small form of a space: the same question on little of everything else."""

from __future__ import annotations

import math
from typing import Any

import pytest
from test_shipped_spaces import SPACES, experiment

from hpo.config.changes import changes
from hpo.config.experiment import Experiment
from hpo.config.small import small_form


def changed(space: Experiment) -> set[str]:
    """Keys of the experiment that its small form has other values for."""
    dumps = [one.model_dump(mode="json") for one in (space, small_form(space))]
    return {line.partition(":")[0] for line in changes(*dumps)}


@pytest.mark.parametrize("name", SPACES)
def test_the_small_form_of_a_shipped_space_keeps_what_is_asked_and_searched(name: str) -> None:
    assert changed(experiment(name)) <= {
        "name", "form", "task.train", "task.validation", "task.test", "task.shift_test", "budget.replicates",
        "budget.trials", "budget.rungs", "confirmation.seeds",
    }  # fmt: skip


@pytest.mark.parametrize("name", SPACES)
def test_it_is_a_run_of_its_own_of_two_short_searches(name: str) -> None:
    space, small = experiment(name), small_form(experiment(name))
    assert (small.name, small.form, space.form) == (f"{name}-small", "small", None)
    assert (small.budget.replicates, small.budget.trials, small.confirmation.seeds) == (2, 2, 1)
    assert small.task.train <= space.task.train
    assert (small.task.validation, small.task.test) == (80, 100)


@pytest.mark.parametrize("name", SPACES)
def test_its_rungs_stand_after_as_many_epochs_as_before(name: str) -> None:
    space, small = experiment(name), small_form(experiment(name))
    epochs = [rung / space.task.train for rung in space.budget.rungs]
    assert [rung / small.task.train for rung in small.budget.rungs] == pytest.approx(epochs)


def with_sizes(train: int, rungs: tuple[int, ...], **sizes: Any) -> Experiment:
    space = experiment("lr_schedules")
    task = space.task.model_copy(update={"train": train, **sizes})
    return space.model_copy(update={"task": task, "budget": space.budget.model_copy(update={"rungs": rungs})})


@pytest.mark.parametrize(
    ("train", "rungs", "moved"),
    [
        (10_000, (100, 5_000, 20_000), (1, 64, 256)),
        (10_000, (10, 20, 40, 160), (1, 2)),  # what falls together is one
        (300, (150, 299), (64, 127)),
        (100, (33, 150), (33, 150)),
    ],
)
def test_rungs_stay_ascending_and_within_a_training(
    train: int, rungs: tuple[int, ...], moved: tuple[int, ...]
) -> None:
    small = small_form(with_sizes(train, rungs))
    assert small.budget.rungs == moved
    assert max(moved) <= math.ceil(small.task.train * 2)  # epochs


def test_what_is_smaller_already_stays() -> None:
    space = with_sizes(100, (50,), validation=20, test=30, shift_test=40)
    budget = space.budget.model_copy(update={"replicates": 1, "trials": 1})
    small = small_form(space.model_copy(update={"budget": budget}))
    task = small.task
    assert (task.train, task.validation, task.test, task.shift_test) == (100, 20, 30, 40)
    assert (small.budget.replicates, small.budget.trials, small.budget.rungs) == (1, 1, (50,))


def test_a_large_batch_keeps_its_steps() -> None:
    """Eight a pass: a batch that holds all texts, or more than there are, would leave one step to a training."""
    space = with_sizes(4_000, ())
    parameters = {**space.parameters, "batch_size": {"kind": "choices", "choices": [32, 250], "default": 32}}
    large = Experiment.model_validate({**space.model_dump(exclude={"store_limit"}), "parameters": parameters})
    assert small_form(large).task.train == 8 * 250
