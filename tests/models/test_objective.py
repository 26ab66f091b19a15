from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import log_softmax, logsigmoid

from hpo.config.parameters import complete
from hpo.data.texts import NO_LABEL
from hpo.models.objective import Outputs

CPU = torch.device("cpu")


def objective(kind: str, labels: np.ndarray, classes: int, **given: object):
    return Outputs(kind, classes, labels).objective(complete(given), CPU)


def ragged(rows: list[list[int]]) -> np.ndarray:
    labels = np.empty(len(rows), object)
    for i, row in enumerate(rows):
        labels[i] = np.array(row)
    return labels


LABELS = np.array([0, 0, 0, 0, 1, 1, 2])


def test_balanced_weights_are_scikit_learns() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    np.testing.assert_allclose(Outputs("text-classification", 3, LABELS).balanced(), expected)
    words = ragged([[0, 0, 1], [0, 2], [0, 1]])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=np.concatenate([*words]))
    np.testing.assert_allclose(Outputs("token-classification", 3, words).balanced(), expected)


def test_of_label_sets_what_lacks_a_label_stands_against_what_has_it() -> None:
    labels = np.array([[1, 0], [1, 1], [1, 0], [0, 0]])
    assert Outputs("multi-label", 2, labels).balanced().tolist() == [1 / 3, 3.0]
    assert Outputs("multi-label", 2, labels * [1, 0]).balanced().tolist() == [1 / 3, 1.0]


def test_a_smoothed_and_weighted_loss_is_its_formula() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    one = objective("text-classification", LABELS, 3, label_smoothing=0.2, class_weights="balanced")
    weights = torch.tensor(Outputs("text-classification", 3, LABELS).balanced(), dtype=torch.float32)
    each = log_softmax(logits, -1)
    wanted = torch.nn.functional.one_hot(labels, 3) * 0.8 + 0.2 / 3
    # Each class's term has the weight of the class; their sum is divided by the weights of the labels.
    expected = -(wanted * each * weights).sum() / weights[labels].sum()
    torch.testing.assert_close(one.loss(logits, labels), expected)
    torch.testing.assert_close(one.losses(logits, labels), -each[torch.arange(5), labels])


def test_the_loss_of_label_sets_is_the_mean_over_texts_and_labels() -> None:
    torch.manual_seed(1)
    logits, labels = torch.randn(4, 3), torch.tensor([[1, 0, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]])
    sets = objective("multi-label", labels.numpy(), 3)
    each = -(labels * logsigmoid(logits) + (1 - labels) * logsigmoid(-logits))
    torch.testing.assert_close(sets.loss(logits, labels), each.mean())
    torch.testing.assert_close(sets.losses(logits, labels), each.mean(-1))
    assert sets.predictions(logits).tolist() == (logits > 0).long().tolist()
    smoothed = objective("multi-label", labels.numpy(), 3, label_smoothing=0.5)
    soft = labels * 0.5 + 0.25
    expected = -(soft * logsigmoid(logits) + (1 - soft) * logsigmoid(-logits)).mean()
    torch.testing.assert_close(smoothed.loss(logits, labels), expected)


def test_tokens_without_a_label_add_nothing_to_a_loss() -> None:
    torch.manual_seed(2)
    logits = torch.randn(2, 4, 3)
    labels = torch.tensor([[NO_LABEL, 2, NO_LABEL, 0], [NO_LABEL, 1, NO_LABEL, NO_LABEL]])
    tags = objective("token-classification", ragged([[2, 0], [1]]), 3)
    each = -log_softmax(logits, -1)
    first, second = (each[0, 1, 2], each[0, 3, 0]), each[1, 1, 1]
    torch.testing.assert_close(tags.loss(logits, labels), (sum(first) + second) / 3)
    torch.testing.assert_close(tags.losses(logits, labels), torch.stack([sum(first) / 2, second]))


@pytest.mark.parametrize("kind", ["text-classification", "sentiment", "pair"])
def test_one_class_a_text_is_the_default(kind: str) -> None:
    logits = torch.tensor([[0.0, 2.0], [3.0, 1.0]])
    plain = objective(kind, LABELS, 2)
    assert plain.predictions(logits).tolist() == [1, 0]
    torch.testing.assert_close(
        plain.loss(logits, torch.tensor([1, 1])),
        torch.nn.functional.cross_entropy(logits, torch.tensor([1, 1])),
    )
