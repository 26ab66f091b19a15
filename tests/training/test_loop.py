"""The loop against a training written out here with the library's own parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hpo.config.parameters import complete
from hpo.data.task_data import TaskData
from hpo.data.texts import Texts
from hpo.data.tokens import tokenize
from hpo.models.classifier import Classifier, build_classifier
from hpo.models.pretrained import Pretrained
from hpo.training.backward import Backward
from hpo.training.evaluation import EvaluationSet, predict
from hpo.training.examples import TrainingTexts
from hpo.training.loop import train_segment
from hpo.training.optimizers import build_optimizer
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


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
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
    }[name]()
    losses = by_hand(theirs, optimizer, course, 1.0)
    assert result.loss == pytest.approx(np.mean(losses), rel=1e-5)
    for (label, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=label)


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
