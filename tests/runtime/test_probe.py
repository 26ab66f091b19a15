"""Steps of the tiny model tried: what is counted, never how long they took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch

from hpo.runtime import probe as module
from hpo.runtime.probe import Probe
from hpo.training.backward import Backward
from tests.runtime.test_short_memory import holds
from tests.runtime.trainings import Desk, job

ROOM = 1e15


@pytest.fixture
def probe(desk: Desk) -> Iterator[Probe]:
    with closing(Probe(desk.loaded(), ())) as made:
        yield made


@pytest.mark.parametrize("frozen", [0, 2, 3])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_state_takes_what_a_worker_stores_of_one(
    probe: Probe, desk: Desk, tmp_path: Path, frozen: int, optimizer: str
) -> None:
    asked = job(0, frozen_layers=frozen, optimizer=optimizer)
    cost = probe.cost(probe.recall.course(asked.parameters, asked.seed), ROOM)
    worker = desk.worker(tmp_path)
    worker.do(asked)
    state = worker.recall.store.state(worker.recall.course(asked.parameters, asked.seed).keys[1])
    assert state is not None
    assert cost is not None
    assert cost.state == sum(tensor.nbytes for tensor in state.values())


@pytest.mark.parametrize("frozen", [0, 2, 3])
@pytest.mark.parametrize("given", [{}, {"batch_size": 1}, {"accumulation": 16}], ids=str)
def test_every_training_can_be_tried_and_nothing_of_it_is_kept(
    probe: Probe, frozen: int, given: dict[str, int]
) -> None:
    asked = job(0, frozen_layers=frozen, **given)
    folder = Path(probe._folder.name)
    cost = probe.cost(probe.recall.course(asked.parameters, asked.seed), ROOM)
    assert cost is not None
    assert cost.step + cost.token > 0
    assert cost.read > 0
    assert (cost.passed > 0) is (frozen > 0)
    if probe.measured:
        assert cost.base + cost.held > 0
    assert not [*(folder / "states").iterdir(), *(folder / "prefixes").iterdir()]
    probe.close()
    assert not folder.exists()


def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Texts of each step that is taken from now on."""
    taken: list[int] = []
    whole = Backward.__call__

    def call(self: Backward, batch: tuple[torch.Tensor, ...], share: float = 1.0) -> torch.Tensor:
        taken.append(len(batch[0]))
        return whole(self, batch, share)

    monkeypatch.setattr(Backward, "__call__", call)
    return taken


def test_a_batch_is_tried_whole_only_where_it_seems_to_fit_and_its_quarter_was_quick(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(0)
    taken = sizes(monkeypatch)
    probe.cost(probe.recall.course(asked.parameters, asked.seed), ROOM)
    assert taken == [4, 4, 16, 4, 4, 16, 16]
    taken.clear()
    monkeypatch.setattr(module, "LONG", 0.0)
    probe.cost(probe.recall.course(asked.parameters, asked.seed), ROOM)
    assert taken == [4, 4, 8, 4, 4, 8, 8]
    if probe.measured:
        taken.clear()
        monkeypatch.setattr(module, "LONG", 60.0)
        probe.cost(probe.recall.course(asked.parameters, asked.seed), 1.0)
        assert taken == [4, 4, 8, 4, 4, 8, 8]


def test_what_does_not_fit_has_no_cost(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = job(0)
    course = probe.recall.course(asked.parameters, asked.seed)
    holds(monkeypatch, 3)
    assert probe.cost(course, ROOM) is None


@pytest.mark.parametrize(
    ("small", "large", "line"),
    [
        ((2.0, 5.0), (4.0, 9.0), (1.0, 2.0)),
        ((2.0, 5.0), (4.0, 4.0), (5.0, 0.0)),  # a larger batch that took less says that size does not matter
        ((2.0, 1.0), (4.0, 9.0), (0.0, 4.0)),
        ((2.0, 5.0), (2.0, 6.0), (6.0, 0.0)),
    ],
)
def test_between_two_sizes_costs_lie_on_a_line(
    small: tuple[float, float], large: tuple[float, float], line: tuple[float, float]
) -> None:
    assert module._line(small, large) == line
