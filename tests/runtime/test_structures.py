"""Exactness whatever is kept, frozen or adapted: however a training was come by, its bits are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.data.task_data import TaskData
from hpo.models.pretrained import Pretrained
from tests.runtime.trainings import RUNGS, Desk, digests, facts, job, train

STRUCTURES: list[dict[str, Any]] = [
    {"num_layers": 2, "frozen_layers": 0},
    {"num_layers": 2, "frozen_layers": 1},
    {"num_layers": 2, "frozen_layers": 2, "pooling": "mean"},
    {"num_layers": 1, "frozen_layers": 1},
    {"fine_tuning": "full", "embeddings": "frozen"},
    {"fine_tuning": "head", "pooling": "last"},
    {"fine_tuning": "head", "num_layers": 2, "pooling": "max"},
    {"layer_decay": 0.8, "frozen_layers": 1},
    {"unfreezing": "gradual", "frozen_layers": 0, "epochs": 6.0},
    {"unfreezing": "gradual", "frozen_layers": 1, "layer_decay": 0.5, "optimizer": "sgd"},
    {"reinitialised_layers": 1, "frozen_layers": 2},
    {"fine_tuning": "lora", "frozen_layers": 0},
    {"fine_tuning": "lora", "frozen_layers": 2, "adapter_targets": "all_linear", "pooling": "mean"},
    {"fine_tuning": "dora", "frozen_layers": 1, "num_layers": 2},
    {"head_hidden_sizes": (8,), "head_activation": "tanh", "head_dropout": 0.5, "frozen_layers": 1},
]


def name_of(given: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in given.items())


@pytest.mark.parametrize("given", STRUCTURES, ids=name_of)
def test_a_training_in_pieces_equals_an_unbroken_one(
    desk: Desk, tmp_path: Path, given: dict[str, Any]
) -> None:
    whole = desk.worker(tmp_path / "whole")
    expected = train(whole, **given)
    for rung in range(RUNGS):
        done = desk.worker(tmp_path / "pieces").do(job(rung, **given))
        assert done.retrained_seconds == 0.0
    again = desk.worker(tmp_path / "pieces")
    assert facts(train(again, **given)) == facts(expected)
    assert digests(again, **given) == digests(whole, **given) != []


@pytest.mark.parametrize("given", STRUCTURES, ids=name_of)
def test_a_fork_equals_an_unbroken_training(desk: Desk, tmp_path: Path, given: dict[str, Any]) -> None:
    first = desk.worker(tmp_path / "forked")
    train(first, schedule="constant", **given)
    second = desk.worker(tmp_path / "forked")
    forked = train(second, schedule="wsd", **given)
    course = second.recall.course(job(schedule="wsd", **given).parameters, 1)
    assert sum(done.trained for done in forked) < len(course.cuts)
    alone = desk.worker(tmp_path / "alone")
    assert facts(forked) == facts(train(alone, schedule="wsd", **given))
    assert digests(second, schedule="wsd", **given) == digests(alone, schedule="wsd", **given)


def test_full_fine_tuning_is_that_of_no_frozen_layer(desk: Desk, tmp_path: Path) -> None:
    worker = desk.worker(tmp_path)
    train(worker, frozen_layers=0)
    assert sum(done.trained for done in train(worker, fine_tuning="full")) == 0


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ({"num_layers": 2, "frozen_layers": 1}, 1),
        ({"num_layers": 2, "frozen_layers": 2}, 2),
        ({"fine_tuning": "head", "num_layers": 1}, 1),
        ({"fine_tuning": "lora", "frozen_layers": 2}, 2),
        ({"fine_tuning": "head"}, 3),
        ({"fine_tuning": "full"}, 0),
        ({"fine_tuning": "lora", "frozen_layers": 0}, 0),
    ],
)
def test_a_training_begins_behind_what_it_freezes_of_the_layers_kept(
    desk: Desk, tmp_path: Path, given: dict[str, Any], whole: int
) -> None:
    """And comes to what the whole body comes to, but for the order of sums."""
    begun, all_of_it = desk.worker(tmp_path / "a"), desk.worker(tmp_path / "b", largest=0)
    courses = [worker.recall.course(job(dropout=0.0, **given).parameters, 1) for worker in (begun, all_of_it)]
    assert [course.start for course in courses] == [whole, 0]
    for found, wanted in zip(
        train(begun, dropout=0.0, **given), train(all_of_it, dropout=0.0, **given), strict=True
    ):
        assert found.rung is not None
        assert wanted.rung is not None
        assert found.rung.train_loss == pytest.approx(wanted.rung.train_loss, rel=1e-4)
        assert found.rung.loss == pytest.approx(wanted.rung.loss, rel=1e-4)


def test_hidden_states_below_a_layer_are_shared_by_models_of_more_layers(desk: Desk, tmp_path: Path) -> None:
    worker = desk.worker(tmp_path)
    first = train(worker, frozen_layers=1)
    others = [
        train(worker, frozen_layers=1, num_layers=2),
        train(worker, frozen_layers=1, fine_tuning="lora"),
        train(worker, frozen_layers=1, unfreezing="gradual"),
    ]
    for done in others:
        assert [p.key for d in done for p in d.passes] == [p.key for d in first for p in d.passes]
        assert all(d.seconds["pass"] == 0 for d in done)
    last = train(worker, frozen_layers=1, num_layers=1)  # behind its body, not before a layer
    assert {p.key for d in last for p in d.passes}.isdisjoint({p.key for d in first for p in d.passes})


def test_depths_of_a_run_are_those_below_what_some_training_trains(
    pretrained: Pretrained, task: TaskData, tmp_path: Path
) -> None:
    desk = Desk(pretrained, task)
    assert desk.worker(tmp_path).recall.of({}).prefixes._depths == [1, 2]
    assert desk.worker(tmp_path, depths=(0, 3)).recall.of({}).prefixes._depths == []
