"""Recorded steps without a GPU: a recording makes its calls again, on the same memory, as a CUDA graph would at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from hpo.data.task_data import TaskData
from hpo.models.classifier import Classifier, build_classifier
from hpo.models.pretrained import Pretrained
from hpo.training.backward import STEPS_BEFORE, Backward, RecordedBackward
from hpo.training.course import Course
from hpo.training.examples import TrainingTexts
from hpo.training.loop import Trained, train_segment
from hpo.training.optimizers import build_optimizer
from hpo.training.precision import choose_precision
from hpo.training.warm import MODELS_KEPT, WarmModels
from tests.training.planning import plan

CPU = choose_precision("cpu")


class Calls:
    """A recording, counted by what made it."""

    def __init__(self, recorder: Recorder, work: Callable[[], None]) -> None:
        self.recorder = recorder
        self.work = work

    def replay(self) -> None:
        self.recorder.replays += 1
        self.work()


class Recorder:
    """Records nothing on a device; ``fails_at`` its so-many-th recording."""

    def __init__(self, fails_at: int = 0, error: type[RuntimeError] = RuntimeError) -> None:
        self.made = 0
        self.replays = 0
        self._fails_at = fails_at
        self._error = error

    def __call__(self, work: Callable[[], None]) -> Calls:
        self.made += 1
        if self.made == self._fails_at:
            raise self._error("operation not permitted when stream is capturing")
        work()  # a capture draws from the generator too
        return Calls(self, work)


def takes(replay: float, by_calls: float) -> Callable[[Callable[[], object]], float]:
    """A clock on which a recording and calls one by one take so long."""

    def seconds(work: Callable[[], object]) -> float:
        work()
        return replay if getattr(work, "__name__", "") == "replay" else by_calls

    return seconds


@pytest.fixture
def course(pretrained: Pretrained, task: TaskData) -> Course:
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    return plan(texts, 5, (), dropout=0.3, epochs=4.0, frozen_layers=1)


def shapes(course: Course) -> list[tuple[int, ...]]:
    return [step.texts.shape for step in course.steps_of(0)]


def trained(
    pretrained: Pretrained,
    course: Course,
    way: Callable[[Classifier], Backward],
    accumulation: int = 1,
) -> tuple[Trained, torch.Tensor]:
    model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
    optimizer = build_optimizer(model, course.parameters)
    result = train_segment(way(model), optimizer, course.steps_of(0), 5, 1.0, accumulation)
    return result, torch.cat([p.detach().flatten() for p in model.parameters()])


def recorded(recorder: Recorder, seconds: Any = None) -> Callable[[Classifier], Backward]:
    return lambda model: RecordedBackward(model, CPU, recorder, seconds or takes(1.0, 2.0))


def by_calls(model: Classifier) -> Backward:
    return Backward(model, CPU)


def test_recorded_steps_have_the_losses_gradients_and_dropout_of_calls(
    pretrained: Pretrained, course: Course
) -> None:
    recorder = Recorder()
    wanted, weights = trained(pretrained, course, by_calls)
    found, same = trained(pretrained, course, recorded(recorder))
    assert found.loss == wanted.loss
    assert torch.equal(same, weights)
    all_ = shapes(course)
    counts = [all_.count(shape) for shape in set(all_) if all_.count(shape) > STEPS_BEFORE]
    assert counts, "a course without a shape that comes often tests nothing"
    assert recorder.made == len(counts)
    # each of the two looks at which way is faster, then every step past the first few
    assert recorder.replays == sum(2 + count - STEPS_BEFORE for count in counts)


def test_recorded_steps_with_and_without_mixup_take_turns_on_one_model(
    pretrained: Pretrained, course: Course
) -> None:
    recorder = Recorder()
    found = []
    for way in (by_calls, recorded(recorder)):
        model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
        optimizer, backward = build_optimizer(model, course.parameters), way(model)
        for mixup in (0.0, 0.4, 0.0):
            train_segment(backward, optimizer, course.steps_of(0), 5, 1.0, mixup=mixup)
        found.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(*found)
    assert recorder.replays > 0


@pytest.mark.parametrize("fails_at", [0, 1, 2])
@pytest.mark.parametrize("accumulation", [2, 3])
def test_recorded_parts_of_a_step_are_added_as_those_of_calls_are(
    pretrained: Pretrained, course: Course, accumulation: int, fails_at: int
) -> None:
    """Recorded parts and called ones come mixed, also where a recording is made, or fails, between two parts of a step."""
    recorder = Recorder(fails_at)
    wanted, weights = trained(pretrained, course, by_calls, accumulation)
    found, same = trained(pretrained, course, recorded(recorder), accumulation)
    assert found.loss == wanted.loss
    assert torch.equal(same, weights)
    assert recorder.made > 0
    assert (recorder.replays > 0) == (fails_at != 1)


def test_a_recording_that_is_no_faster_is_not_used(pretrained: Pretrained, course: Course) -> None:
    recorder = Recorder()
    wanted = trained(pretrained, course, by_calls)
    found = trained(pretrained, course, recorded(recorder, takes(2.0, 1.0)))
    assert torch.equal(found[1], wanted[1])
    assert recorder.made > 0
    assert recorder.replays == 2 * recorder.made


@pytest.mark.parametrize("error", [RuntimeError, torch.OutOfMemoryError])
def test_after_a_failed_recording_all_goes_on_call_by_call(
    pretrained: Pretrained, course: Course, error: type[RuntimeError]
) -> None:
    recorder = Recorder(fails_at=2, error=error)
    wanted, weights = trained(pretrained, course, by_calls)
    found, same = trained(pretrained, course, recorded(recorder))
    assert found.loss == wanted.loss
    assert torch.equal(same, weights)
    assert recorder.made == 2


def test_a_recording_of_another_loss_is_not_used(pretrained: Pretrained, course: Course) -> None:
    class Wrong(Recorder):
        def __call__(self, work: Callable[[], None]) -> Calls:
            self.made += 1
            return Calls(self, lambda: None)  # it leaves the loss of nothing

    wrong = Wrong()
    _, weights = trained(pretrained, course, by_calls)
    _, same = trained(pretrained, course, recorded(wrong))
    assert torch.equal(same, weights)
    assert wrong.made == 1


def test_a_training_that_diverges_is_not_recorded_at_every_step(
    pretrained: Pretrained, course: Course
) -> None:
    recorder = Recorder()

    def broken(model: Classifier) -> Backward:
        with torch.no_grad():
            next(iter(model.head.parameters())).fill_(float("nan"))
        return recorded(recorder)(model)

    result, _ = trained(pretrained, course, broken)
    assert not math.isfinite(result.loss)
    counts = [shapes(course).count(shape) for shape in set(shapes(course))]
    assert recorder.made == sum(count // (STEPS_BEFORE + 1) for count in counts) > 0


def fresh(pretrained: Pretrained, head_seed: int, *, ahead: bool = True, **given: Any) -> Classifier:
    from hpo.config.parameters import complete

    model = build_classifier(pretrained, complete({"frozen_layers": 1, **given}), 2, head_seed)
    model._wide_mask = ahead  # as on a GPU
    return model


def warm() -> WarmModels:
    return WarmModels(CPU, lambda model, precision: recorded(Recorder())(model))


def test_a_training_takes_up_the_model_of_its_structure_and_no_parameter_of_the_one_before(
    pretrained: Pretrained,
) -> None:
    models = warm()
    first = models.take("a", fresh(pretrained, 1))
    with torch.no_grad():
        for parameter in first.model.trained().values():
            parameter.add_(1.0)
            parameter.grad = torch.ones_like(parameter)
    new = fresh(pretrained, 2)
    second = models.take("a", new)
    assert second is first
    assert second.model is not new
    assert all(torch.equal(a, b) for a, b in zip(second.model.parameters(), new.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in second.model.parameters())
    assert models.take("b", fresh(pretrained, 1)) is not first


def test_few_models_are_kept_those_used_last(pretrained: Pretrained) -> None:
    models = warm()
    taken = [models.take(name, fresh(pretrained, 1)) for name in range(MODELS_KEPT)]
    assert models.take(0, fresh(pretrained, 1)) is taken[0]
    models.take("one more", fresh(pretrained, 1))
    assert models.take(0, fresh(pretrained, 1)) is taken[0]
    assert models.take(1, fresh(pretrained, 1)) is not taken[1]
    assert models.clear()
    assert not models.clear()


def test_a_model_that_waits_for_its_device_is_not_recorded(pretrained: Pretrained) -> None:
    models = warm()
    waits = fresh(pretrained, 1, ahead=False)
    assert models.take("a", waits).model is waits
    assert type(models.take("a", waits)) is Backward
    assert not models.clear()
