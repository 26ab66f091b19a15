from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hpo.config.parameters import complete
from hpo.data.task_data import TaskData
from hpo.data.tokens import tokenize
from hpo.models.pretrained import Pretrained
from hpo.records.schema import Rung
from hpo.runtime.in_process import DivergedError, InProcessExecutor
from hpo.training.course import Course
from hpo.training.evaluation import EvaluationSet
from hpo.training.examples import TrainingTexts
from hpo.training.precision import choose_precision
from hpo.training.store import Store

MakeExecutor = Callable[[Path], InProcessExecutor]


@pytest.fixture
def make(pretrained: Pretrained, task: TaskData) -> MakeExecutor:
    def build(folder: Path) -> InProcessExecutor:
        texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=11)
        ids = tokenize(pretrained.tokenizer, task.validation.texts, 32)
        validation = EvaluationSet(ids, task.validation.labels, texts.pad_id)
        return InProcessExecutor(pretrained, texts, validation, 2, choose_precision("cpu"), Store(folder))

    return build


def plan(executor: InProcessExecutor, seed: int = 1, **given: Any) -> Course:
    settings = {"epochs": 3.0, "batch_size": 16, "learning_rate": 3e-3, "frozen_layers": 1, **given}
    return executor.plan(complete(settings), seed, (64, 128))


def run(executor: InProcessExecutor, course: Course) -> list[Rung]:
    return [executor.advance(course, i)[1] for i in range(len(course.ends))]


def facts(rungs: list[Rung]) -> list[dict[str, Any]]:
    return [r.model_dump(exclude={"seconds"}) for r in rungs]


def states(executor: InProcessExecutor, course: Course) -> list[str]:
    found = [executor._store.segment(key) for key in course.keys[1:]]
    return [f.state for f in found if f is not None]


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_a_training_that_went_on_from_its_stored_state_equals_one_in_one_piece(
    make: MakeExecutor, tmp_path: Path, optimizer: str
) -> None:
    whole = make(tmp_path / "whole")
    course = plan(whole, optimizer=optimizer)
    expected = run(whole, course)
    for index in range(3):
        executor = make(tmp_path / "pieces")  # a new process would find just the folder
        executor.advance(course, index)
        assert executor.trained == 1
    resumed = make(tmp_path / "pieces")
    assert facts(run(resumed, course)) == facts(expected)
    assert states(resumed, course) == states(whole, course)


def test_the_tiny_model_learns(make: MakeExecutor, tmp_path: Path) -> None:
    executor = make(tmp_path)
    rungs = run(executor, plan(executor, epochs=12.0, frozen_layers=0))
    assert rungs[-1].accuracy > 0.85
    assert rungs[-1].train_loss < rungs[0].train_loss


def test_nothing_is_trained_twice(make: MakeExecutor, tmp_path: Path) -> None:
    first = make(tmp_path)
    course = plan(first)
    rungs = run(first, course)
    again = make(tmp_path)
    assert [r.model_dump() for r in run(again, course)] == [r.model_dump() for r in rungs]
    assert again.trained == 0


def test_schedules_that_share_their_warmup_train_it_once(make: MakeExecutor, tmp_path: Path) -> None:
    executor = make(tmp_path)
    run(executor, plan(executor, schedule="linear", warmup_ratio=0.5))
    before = executor.trained
    forked = plan(executor, schedule="wsd", warmup_ratio=0.5)
    shared = run(executor, forked)
    assert executor.trained - before == 2
    alone = make(tmp_path / "alone")
    assert facts(run(alone, forked)) == facts(shared)


def test_a_lost_or_damaged_state_is_trained_again_with_the_same_bits(
    make: MakeExecutor, tmp_path: Path
) -> None:
    first = make(tmp_path)
    course = plan(first)
    first.advance(course, 0)
    first.advance(course, 1)
    expected = facts(run(make(tmp_path / "other"), course))
    for number, path in enumerate(sorted((tmp_path / "states").glob("*.safetensors"))):
        if number == 0:
            path.unlink()
        else:
            data = bytearray(path.read_bytes())
            data[-5] ^= 1
            path.write_bytes(data)
    assert facts(run(make(tmp_path), course)) == expected


def test_states_make_room_for_newer_ones_and_the_facts_stay(make: MakeExecutor, tmp_path: Path) -> None:
    executor = make(tmp_path)
    course = plan(executor)
    run(executor, course)
    sizes = [p.stat().st_size for p in (tmp_path / "states").iterdir()]
    assert len(sizes) == 2
    executor._store = Store(tmp_path, limit=sum(sizes) + sizes[0] // 2)
    other = plan(executor, seed=2)
    executor.advance(other, 0)
    assert [executor._store.has_state(key) for key in course.keys[1:3]].count(True) == 1
    assert executor._store.state(other.keys[1]) is not None
    assert len(list((tmp_path / "segments").iterdir())) == 4


def test_a_trunk_whose_state_is_kept_is_trained_once_and_one_whose_state_is_gone_is_counted_again(
    make: MakeExecutor, tmp_path: Path
) -> None:
    executor = make(tmp_path)
    run(executor, plan(executor, schedule="constant"))
    run(executor, plan(executor, schedule="wsd"))  # parts from constant in its last fifth
    assert executor.trained == 4
    assert executor.retrained_seconds == 0.0
    lost = make(tmp_path / "lost")
    run(lost, plan(lost, schedule="constant"))
    for path in (tmp_path / "lost" / "states").iterdir():
        path.unlink()
    run(lost, plan(lost, schedule="wsd"))
    assert lost.trained == 6
    assert lost.retrained_seconds > 0.0


def test_an_evaluation_killed_after_its_segment_is_made_up_for(make: MakeExecutor, tmp_path: Path) -> None:
    first = make(tmp_path)
    course = plan(first)
    expected = facts(run(first, course))
    shutil.rmtree(tmp_path / "evaluations")
    again = make(tmp_path)
    assert facts(run(again, course)) == expected
    assert again.trained == 1  # the last state is kept in memory alone


def test_a_loss_that_is_no_number_ends_the_training_with_a_reason(make: MakeExecutor, tmp_path: Path) -> None:
    executor = make(tmp_path)
    course = plan(executor, optimizer="sgd", learning_rate=1e30, schedule="constant", gradient_clip=1e30)
    with pytest.raises(DivergedError, match="lower learning_rate or gradient_clip") as caught:
        run(executor, course)
    assert caught.value.segment.seconds > 0.0
    with pytest.raises(DivergedError):
        run(make(tmp_path), course)


def test_frozen_layers_keep_their_weights_and_draw_no_dropout(make: MakeExecutor, tmp_path: Path) -> None:
    executor = make(tmp_path)
    course = plan(executor, frozen_layers=3, dropout=0.5)
    run(executor, course)
    live = executor._live
    assert live is not None
    assert set(live.model.trained()) == {"head.1.weight", "head.1.bias"}
    live.model.train()
    ids = torch.tensor([[2, 6, 7, 3]])
    mask = torch.ones_like(ids)
    hidden = [live.model.body(input_ids=ids, attention_mask=mask).last_hidden_state for _ in range(2)]
    assert torch.equal(hidden[0], hidden[1])
    pretrained_body = executor._pretrained.body
    assert all(
        torch.equal(a, b)
        for a, b in zip(live.model.body.parameters(), pretrained_body.parameters(), strict=True)
    )
