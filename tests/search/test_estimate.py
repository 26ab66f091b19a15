"""Estimates of runs on the tiny model against these runs: counts to the last, bytes within a factor, never seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hpo.config.space import Space, load_space
from hpo.records.files import read_records
from hpo.runtime.probe import Cost, Probe
from hpo.search import check, coordinator, foresight
from hpo.search import estimate as module
from hpo.search.check import check_experiment
from hpo.search.estimate import Estimate, Span
from tests.search.test_out_of_memory import unwritten
from tests.search.test_run import Nobody, run

SPACE = """\
question: Which schedule, in small?
task: {{data: {{path: {data}}}, train: 64, validation: 40, test: 60, max_length: 32}}
model: {model}
compare: {{parameter: schedule, values: [{values}], reference: linear}}
parameters:
  learning_rate: {rate}
  frozen_layers: {{choices: [{depths}]}}
  augmentation: {augmentation}
  batch_size: {batch}
  epochs: 2
baseline: {{optimizer: adam, learning_rate: 2e-5, frozen_layers: 1, batch_size: 8, epochs: 2}}
budget: {{replicates: 3, trials: 4, rungs: [32, 64], sampler: {sampler}, pruner: {pruner}}}
"""


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "Tracker", Nobody)
    monkeypatch.setattr(coordinator, "write_report", unwritten)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def space(tmp_path: Path, tiny_data: Path, tiny_model: Path) -> Callable[..., Space]:
    def made(**given: str) -> Space:
        path = tmp_path / "small.yaml"
        settings = {"depths": "0, 2, 3", "batch": "16", "sampler": "random", "pruner": "none"}
        settings |= {
            "augmentation": "none",
            "values": "linear, constant",
            "rate": "{choices: [1e-3, 9e-3]}",
            **given,
        }
        path.write_text(SPACE.format(data=tiny_data, model=tiny_model, **settings))
        return load_space(str(path), [], [])

    return made


def estimated(space: Space) -> Estimate:
    found = check_experiment(space, space.path.parent, "cpu", probe=True).estimate
    assert found is not None
    return found


def unique_steps(folder: Path) -> int:
    records = read_records(folder)
    steps = {}
    for item in (*records.trials, *records.confirmations):
        first = 0
        for segment in item.segments:
            steps[segment.key] = segment.steps - first
            first = segment.steps
    return sum(steps.values())


def files(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.iterdir()]


@pytest.mark.parametrize(
    "given",
    [
        {"sampler": "random"},
        {"sampler": "grid", "depths": "0, 2", "augmentation": "random_swap"},
        # Trunks are shared by what is confirmed, too: each search has one configuration, so that it is known.
        {"values": "linear, constant, wsd", "rate": "3e-3", "depths": "2"},
    ],
    ids=["random", "grid with variants", "shared trunks"],
)
def test_steps_states_and_bytes_are_those_of_the_run(
    space: Callable[..., Space], tmp_path: Path, given: dict[str, str]
) -> None:
    asked = space(**given)
    found = estimated(asked)
    results = tmp_path / "results"
    run(asked, results)
    states, prefixes = files(results / ".store" / "states"), files(results / ".store" / "prefixes")
    steps = unique_steps(results / "small")
    assert found.steps == Span(steps, steps)
    assert found.states == Span(len(states), len(states))
    assert found.disk is not None
    assert found.disk.low / 2 <= sum(states) + sum(prefixes) <= 2 * found.disk.high
    assert found.unfit == ()
    assert found.seconds is not None
    assert 0 < found.seconds.low <= found.seconds.high
    if found.memory is not None:
        assert 0 < found.memory.low <= found.memory.high < found.room


def test_a_search_that_prunes_takes_from_half_of_its_trials_stopped_at_once_to_none(
    space: Callable[..., Space],
) -> None:
    given = {"sampler": "tpe", "depths": "2", "rate": "{low: 1e-4, high: 1e-2, log: true}"}
    asked = space(pruner="successive_halving", **given)
    found, whole = estimated(asked), estimated(space(**given))
    assert found.steps.low < found.steps.high == whole.steps.high
    assert found.seconds is not None
    assert found.seconds.low < found.seconds.high


def test_what_is_unlikely_to_fit_is_named(
    space: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    if estimated(space()).memory is None:
        pytest.skip("this system does not tell what is taken")
    monkeypatch.setattr(module, "_room", lambda *_: 1.0)
    found = estimated(space(batch="{choices: [8, 16]}", sampler="grid", depths="0, 2", rate="3e-3"))
    told = [(u.parameters["batch_size"], u.parameters["frozen_layers"]) for u in found.unfit]
    assert set(told) == {(8, 0), (16, 0), (8, 2), (16, 2), (8, 1)}
    assert [batch for batch, _ in told] == [16, 16, 8, 8, 8]
    assert {u.parameters["optimizer"] for u in found.unfit if u.parameters["frozen_layers"] == 1} == {"adam"}
    assert sum(u.trainings for u in found.unfit) == 2 * 3 * 4 + 1  # of the baseline one stands for all


def test_what_was_seen_not_to_fit_is_named_and_its_time_taken_from_others(
    space: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Probe.cost

    def cost(self: Probe, course: Any, room: float) -> Cost | None:
        return None if course.parameters["frozen_layers"] == 0 else whole(self, course, room)

    monkeypatch.setattr(Probe, "cost", cost)
    found = estimated(space())
    assert [u.parameters for u in found.unfit] == [
        {"batch_size": 16, "frozen_layers": 0, "optimizer": "adamw"}
    ]
    assert found.seconds is not None
    monkeypatch.setattr(Probe, "cost", lambda *_: None)
    nothing = estimated(space())
    assert (nothing.seconds, nothing.memory, nothing.disk) == (None, None, None)
    assert {u.parameters["frozen_layers"] for u in nothing.unfit} == {0, 1, 2, 3}


def test_what_there_is_no_time_to_plan_is_taken_to_be_alike(
    space: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = estimated(space(depths="2"))
    monkeypatch.setattr(foresight, "PLANNING", 0.0)
    part = estimated(space(depths="2"))
    # One trial of 24 and its study of 6 were planned, the baseline whole; nothing is shared with the others.
    assert part.steps == Span(24 * 8 + 6 * 8 + 3 * 16, 24 * 8 + 6 * 8 + 3 * 16)
    assert whole.steps.high < part.steps.high


def test_the_estimate_keeps_to_the_limit_of_the_store(space: Callable[..., Space]) -> None:
    asked = space()
    limited = asked.experiment.model_copy(update={"store_limit": 1000})
    checked = check_experiment(
        replace(asked, experiment=limited), asked.path.parent, "cpu", probe=True
    ).estimate
    assert checked is not None
    assert checked.disk == Span(1000, 1000)


def test_without_a_probe_nothing_is_tried(
    space: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Probe, "__init__", lambda *_: pytest.fail("it was tried"))
    asked = space()
    assert check_experiment(asked, asked.path.parent, "cpu", probe=False).estimate is None


def test_where_cost_ends_searches_the_trials_that_they_begin_are_counted(
    space: Callable[..., Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step takes a second and all else nothing: of at most 4 trials of 8 steps a search begins 3 for 20 seconds."""
    monkeypatch.setattr(check, "fastest", lambda *_: 1)  # two workers would be charged half a second each
    cost = Cost(**{field.name: float(field.name == "step") for field in fields(Cost)})
    monkeypatch.setattr(Probe, "cost", lambda *_: cost)
    asked = space(depths="0", rate="{low: 1e-4, high: 1e-2, log: true}")
    assert estimated(asked).steps == Span(6 * 4 * 8 + 6 * 8 + 3 * 16, 6 * 4 * 8 + 6 * 8 + 3 * 16)
    budget = asked.experiment.budget.model_copy(update={"device_seconds": 20.0})
    by_cost = replace(asked, experiment=asked.experiment.model_copy(update={"budget": budget}))
    assert estimated(by_cost).steps == Span(6 * 3 * 8 + 6 * 8 + 3 * 16, 6 * 3 * 8 + 6 * 8 + 3 * 16)
