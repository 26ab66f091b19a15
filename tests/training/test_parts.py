"""Steps computed in parts, under every kind of loss: together the parts are the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hpo.config.parameters import complete
from hpo.data.texts import NO_LABEL
from hpo.models.classifier import build_classifier
from hpo.models.objective import Objective, Outputs
from hpo.models.pretrained import Pretrained
from hpo.training.backward import Backward
from hpo.training.course import Step
from hpo.training.loop import parts, train_segment
from hpo.training.precision import choose_precision
from tests.training.test_loop import Grads

CPU = torch.device("cpu")
ROWS, WIDTH, CLASSES = 6, 5, 3


def labels_of(kind: str) -> np.ndarray:
    """Labels of a batch, unevenly spread over its rows and classes."""
    random = np.random.default_rng(4)
    if kind == "multi-label":
        return random.integers(0, 2, (ROWS, CLASSES))
    if kind == "token-classification":
        labels = random.integers(0, CLASSES, (ROWS, WIDTH))
        labels[random.random((ROWS, WIDTH)) < 0.4] = NO_LABEL
        labels[:, 0], labels[:, 1] = NO_LABEL, 0
        return labels
    return np.array([0, 0, 0, 1, 2, 0])


def objective(kind: str, **given: Any) -> Objective:
    labels = labels_of(kind)
    if kind == "token-classification":
        rows = np.empty(ROWS, object)
        for i, row in enumerate(labels):
            rows[i] = row[row != NO_LABEL]
        labels = rows
    return Outputs(kind, CLASSES, labels).objective(complete(given), CPU)


def logits_of(kind: str) -> torch.Tensor:
    torch.manual_seed(3)
    return torch.randn(ROWS, WIDTH, CLASSES) if kind == "token-classification" else torch.randn(ROWS, CLASSES)


@pytest.mark.parametrize("kind", ["text-classification", "multi-label", "token-classification"])
@pytest.mark.parametrize("given", [{}, {"class_weights": "balanced"}, {"label_smoothing": 0.3}], ids=str)
@pytest.mark.parametrize("accumulation", [2, 3, 6, 9])
def test_the_loss_of_a_batch_is_that_of_its_parts_by_what_they_count(
    kind: str, given: dict[str, Any], accumulation: int
) -> None:
    one, labels, logits = objective(kind, **given), labels_of(kind), logits_of(kind)
    total = one.mass(labels)
    found = sum(
        one.mass(labels[rows]) / total * one.loss(logits[rows], torch.from_numpy(labels[rows]))
        for rows in parts(ROWS, accumulation)
    )
    torch.testing.assert_close(found, one.loss(logits, torch.from_numpy(labels)))


def gradient(pretrained: Pretrained, labels: np.ndarray, accumulation: int) -> tuple[float, torch.Tensor]:
    settings = complete({"pooling": "none", "dropout": 0.0})
    model = build_classifier(
        pretrained, settings, CLASSES, head_seed=9, objective=objective("token-classification")
    )
    ids = np.random.default_rng(5).integers(5, 20, labels.shape)
    step = Step(0, 1e-3, ids, np.ones_like(ids), labels)
    optimizer = Grads(model)
    trained = train_segment(Backward(model, choose_precision("cpu")), optimizer, [step], 5, 1e9, accumulation)
    return trained.loss, optimizer.kept[0]


@pytest.mark.parametrize("accumulation", [2, 3, 6])
def test_the_gradient_of_words_is_that_of_the_parts_also_where_a_part_has_none(
    pretrained: Pretrained, accumulation: int
) -> None:
    labels = labels_of("token-classification")
    labels[: ROWS // 2] = NO_LABEL
    wanted, whole = gradient(pretrained, labels, 1)
    found, parted = gradient(pretrained, labels, accumulation)
    assert found == pytest.approx(wanted, rel=1e-5)
    assert (whole - parted).norm() <= 1e-5 * whole.norm()
