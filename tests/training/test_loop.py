"""The loop against a training written out here with the library's own parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import schedulefree
import torch

from hpo.config.parameters import ADAM_LIKE, complete
from hpo.data.task_data import TaskData
from hpo.data.texts import Texts
from hpo.data.tokens import tokenize
from hpo.models.classifier import Classifier, build_classifier
from hpo.models.pretrained import Pretrained
from hpo.training.backward import Backward
from hpo.training.course import Course
from hpo.training.evaluation import EvaluationSet, predict
from hpo.training.examples import TrainingTexts
from hpo.training.loop import parts, train_segment
from hpo.training.optimizers import as_scored, build_optimizer
from hpo.training.precision import choose_precision
from tests.training.planning import plan


def by_hand(model: Classifier, optimizer: torch.optim.Optimizer, course: Any, clip: float) -> list[float]:
    losses = []
    model.train()
    for step in course.steps_of(0):
        for group in optimizer.param_groups:
            group["lr"] = step.rate
        optimizer.zero_grad()
        logits = model(torch.tensor(step.texts), torch.tensor(step.mask))
        chosen = torch.log_softmax(logits, -1)[torch.arange(len(step.labels)), torch.tensor(step.labels)]
        loss = -chosen.mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("at", [0, -1])
def test_a_gradient_that_is_not_finite_tells_though_every_loss_is(
    pretrained: Pretrained, task: TaskData, at: int, value: float
) -> None:
    """Of a word that no later text has, or in the last step: nothing that is computed afterwards shows it."""
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    course = plan(texts, 5, (), frozen_layers=0, epochs=1.0)
    steps = list(course.steps_of(0))
    model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
    words = next(p for p in model.trained().values() if p.shape[0] == pretrained.body.config.vocab_size)
    unseen = next(i for i in range(len(words)) if not any((step.texts == i).any() for step in steps))

    class Faulty(Backward):
        calls, losses = 0, []

        def __call__(self, batch: Any, share: float = 1.0) -> torch.Tensor:
            loss = super().__call__(batch, share)
            if self.calls == at % len(steps):
                assert words.grad is not None
                words.grad[unseen, 0] = value
            self.calls += 1
            self.losses.append(float(loss))
            return loss

    backward = Faulty(model, choose_precision("cpu"))
    result = train_segment(backward, build_optimizer(model, course.parameters), steps, 5, 1.0)
    assert (
        np.isfinite(backward.losses).all() or at == 0
    )  # an infinite norm cuts all gradients to nothing, NaN to NaN
    assert np.isnan(result.loss)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "adafactor", "schedule_free_adamw"])
def test_the_loop_is_the_textbooks(pretrained: Pretrained, task: TaskData, name: str) -> None:
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    course = plan(texts, 5, (), optimizer=name, dropout=0.0, frozen_layers=1, epochs=1.0, pooling="mean")
    settings = course.parameters
    precision = choose_precision("cpu")
    ours = build_classifier(pretrained, settings, 2, head_seed=9)
    result = train_segment(
        Backward(ours, precision), build_optimizer(ours, settings), course.steps_of(0), 5, 1.0
    )

    theirs = build_classifier(pretrained, settings, 2, head_seed=9)
    decayed = [p for p in theirs.parameters() if p.requires_grad and p.ndim >= 2]
    free = [p for p in theirs.parameters() if p.requires_grad and p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": free, "weight_decay": 0.0}]
    optimizer = {
        "adamw": lambda: torch.optim.AdamW(groups, foreach=False),
        "adam": lambda: torch.optim.Adam(groups, foreach=False),
        "sgd": lambda: torch.optim.SGD(groups, momentum=0.9, foreach=False),
        "adafactor": lambda: torch.optim.Adafactor(groups, foreach=False),
        # It keeps the average and the point of the gradients as tensors of their own, as the paper writes them.
        "schedule_free_adamw": lambda: schedulefree.AdamWScheduleFreeReference(groups),
    }[name]()
    if name == "schedule_free_adamw":
        optimizer.train()
    losses = by_hand(theirs, optimizer, course, 1.0)
    assert result.loss == pytest.approx(np.mean(losses), rel=1e-5)
    for (label, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=label)


def test_the_betas_and_epsilon_of_the_space_are_the_optimizers(
    pretrained: Pretrained,
) -> None:
    given = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}
    model = build_classifier(pretrained, complete({}), 2, head_seed=9)
    for name in ADAM_LIKE:
        group = build_optimizer(model, complete({"optimizer": name, **given})).param_groups[0]
        assert (group["betas"], group["eps"]) == ((0.8, 0.95), 1e-6)
        group = build_optimizer(model, complete({"optimizer": name})).param_groups[0]
        assert (group["betas"], group["eps"]) == ((0.9, 0.999), 1e-8)


def one_by_one(
    backward: Backward, optimizer: torch.optim.Optimizer, course: Course
) -> Iterator[tuple[float, list[torch.Tensor]]]:
    """After each step its rate, and z of schedule-free AdamW."""
    parameters = list(backward.model.trained().values())
    for step in course.steps_of(0):
        train_segment(backward, optimizer, [step], 5, 1.0)
        yield step.rate, [optimizer.state[p]["z"].clone() for p in parameters]


def test_schedule_free_adamw_is_scored_at_the_weighted_average_of_its_steps(
    pretrained: Pretrained, task: TaskData
) -> None:
    """Weights as the square of the highest rate so far (Defazio et al. 2024, section 4.6); none for a rate of 0."""
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    course = plan(texts, 5, (), optimizer="schedule_free_adamw", warmup_ratio=0.5, epochs=1.0)
    model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
    optimizer = build_optimizer(model, course.parameters)
    parameters = list(model.trained().values())
    steps = list(one_by_one(Backward(model, choose_precision("cpu")), optimizer, course))
    weights = np.maximum.accumulate([rate for rate, _ in steps]) ** 2
    assert weights[0] == 0 < weights[1] < weights[-1]
    trained = [p.detach().clone() for p in parameters]
    with as_scored(optimizer):
        scored = [p.detach().clone() for p in parameters]
    for index, (y, x) in enumerate(zip(trained, scored, strict=True)):
        zs = torch.stack([z[index] for _, z in steps]).double()
        average = torch.einsum("s,s...->...", torch.tensor(weights / weights.sum()), zs)
        torch.testing.assert_close(x.double(), average, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(y, 0.9 * x + 0.1 * steps[-1][1][index], rtol=1e-4, atol=1e-6)
    assert not all(torch.equal(y, x) for y, x in zip(trained, scored, strict=True))
    assert all(torch.equal(y, p) for y, p in zip(trained, parameters, strict=True)), "to the bit"


@pytest.mark.parametrize("name", ["adamw", "sgd", "adafactor"])
def test_other_optimizers_are_scored_where_they_train(pretrained: Pretrained, name: str) -> None:
    model = build_classifier(pretrained, complete({}), 2, head_seed=9)
    before = [p.detach().clone() for p in model.parameters()]
    with as_scored(build_optimizer(model, complete({"optimizer": name}))):
        assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_batch_is_parted_evenly_and_wholly() -> None:
    for count in range(1, 20):
        for accumulation in range(1, 25):
            sizes = [rows.stop - rows.start for rows in parts(count, accumulation)]
            assert len(sizes) == min(count, accumulation)
            assert max(sizes) - min(sizes) <= 1
            rows = [row for part in parts(count, accumulation) for row in range(count)[part]]
            assert rows == list(range(count))


class Grads(torch.optim.Optimizer):
    """Takes no step, and keeps the gradients of each."""

    def __init__(self, model: Classifier) -> None:
        super().__init__(model.trained().values(), {"lr": 0.0, "factor": 1.0})
        self.kept: list[torch.Tensor] = []

    def step(self, closure: Any = None) -> None:
        gradients = [p.grad for p in self.param_groups[0]["params"]]
        self.kept.append(torch.cat([g.flatten() for g in gradients if g is not None]))


@pytest.mark.parametrize("accumulation", [2, 3, 8, 20])
def test_the_gradient_of_a_batch_is_that_of_its_parts_together(
    pretrained: Pretrained, task: TaskData, accumulation: int
) -> None:
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    course = plan(texts, 5, (), dropout=0.0, epochs=1.0)
    found = []
    for number in (1, accumulation):
        model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
        optimizer = Grads(model)
        backward = Backward(model, choose_precision("cpu"))
        trained = train_segment(backward, optimizer, course.steps_of(0), 5, 1e9, number)
        found.append((optimizer.kept, trained.loss))
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-6)
    for one, other in zip(found[0][0], found[1][0], strict=True):
        assert (one - other).norm() <= 1e-5 * one.norm()


@pytest.mark.parametrize("name", ["adamw", "sgd"])
@pytest.mark.parametrize("accumulation", [2, 3])
def test_a_training_in_parts_is_the_training_of_whole_batches_up_to_sums(
    pretrained: Pretrained, task: TaskData, name: str, accumulation: int
) -> None:
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    given: dict[str, Any] = {"optimizer": name, "dropout": 0.0, "epochs": 1.0}
    courses = [plan(texts, 5, (), accumulation=number, **given) for number in (1, accumulation)]
    steps = [list(course.steps_of(0)) for course in courses]
    assert [s.rate for s in steps[0]] == [s.rate for s in steps[1]]
    assert all(np.array_equal(a.texts, b.texts) for a, b in zip(*steps, strict=True))
    assert not set(courses[0].keys) & set(courses[1].keys)
    weights = []
    for course in courses:
        model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
        backward, optimizer = (
            Backward(model, choose_precision("cpu")),
            build_optimizer(model, course.parameters),
        )
        number = course.parameters["accumulation"]
        train_segment(backward, optimizer, course.steps_of(0), 5, 1.0, number)
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert not torch.equal(*weights)
    assert (weights[0] - weights[1]).norm() <= 1e-5 * weights[0].norm()


def test_dropout_of_a_part_is_drawn_by_its_number_and_of_the_first_as_of_a_whole_batch(
    pretrained: Pretrained, task: TaskData
) -> None:
    class Spy(Backward):
        seeds: ClassVar[list[int]] = []

        def __call__(self, batch: Any, share: float = 1.0) -> torch.Tensor:
            self.seeds.append(torch.initial_seed())
            return super().__call__(batch, share)

    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    course = plan(texts, 5, (), epochs=0.25)
    model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
    optimizer = build_optimizer(model, course.parameters)
    for number in (1, 2):
        train_segment(Spy(model, choose_precision("cpu")), optimizer, course.steps_of(0), 5, 1.0, number)
    whole, parted = Spy.seeds[:2], Spy.seeds[2:]
    assert parted[::2] == whole
    assert len({*parted}) == 4


def test_evaluation_does_not_depend_on_batching_and_is_in_the_order_of_the_texts(
    pretrained: Pretrained, task: TaskData
) -> None:
    settings = complete({"pooling": "mean"})
    model = build_classifier(pretrained, settings, 2, head_seed=1)
    ids = tokenize(pretrained.tokenizer, task.test.texts, 32)
    found = predict(model, EvaluationSet(Texts(ids), task.test.labels, 0), choose_precision("cpu"))
    model.eval()
    with torch.no_grad():
        single = [
            model(torch.tensor(row[None].astype(np.int64)), torch.ones(1, len(row), dtype=torch.int64))
            for row in ids
        ]
    logits = torch.cat(single)
    assert [int(p) for p in found.predictions] == logits.argmax(-1).tolist()
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(task.test.labels))
    assert found.loss == pytest.approx(float(expected), rel=1e-5)
    each = torch.nn.functional.cross_entropy(logits, torch.tensor(task.test.labels), reduction="none")
    np.testing.assert_allclose(found.losses, each.numpy(), rtol=1e-4)


def test_an_evaluation_set_is_known_by_its_texts_and_its_labels(
    pretrained: Pretrained, task: TaskData
) -> None:
    ids = tokenize(pretrained.tokenizer, task.test.texts, 32)
    other = [*ids[:-1], ids[-1][::-1].copy()]
    keys = [
        EvaluationSet(Texts(rows), labels, 0).key
        for rows in (ids, other)
        for labels in (task.test.labels, 1 - task.test.labels)
    ]
    assert len(set(keys)) == 4
    assert EvaluationSet(Texts(list(ids)), task.test.labels.copy(), 0).key == keys[0]


def test_dropout_is_drawn_by_seed_and_step_alone(pretrained: Pretrained, task: TaskData) -> None:
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    course = plan(texts, 5, (), dropout=0.5, epochs=1.0)
    precision = choose_precision("cpu")

    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(np.random.default_rng().integers(2**32))  # whatever was drawn before
        model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
        optimizer = build_optimizer(model, course.parameters)
        train_segment(Backward(model, precision), optimizer, course.steps_of(0), seed, 1.0)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    assert torch.equal(weights(5), weights(5))
    assert not torch.equal(weights(5), weights(6))
