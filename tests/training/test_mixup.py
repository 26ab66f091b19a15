"""Mixup against its definition (Zhang et al. 2018): soft labels on mixed inputs, shares of a Beta distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from hpo.config.parameters import complete
from hpo.data.task_data import TaskData
from hpo.models.classifier import build_classifier
from hpo.models.objective import Outputs
from hpo.models.pretrained import Pretrained
from hpo.training.backward import Backward
from hpo.training.examples import TrainingTexts
from hpo.training.loop import train_segment
from hpo.training.mixup import draw_mix
from hpo.training.optimizers import build_optimizer
from hpo.training.precision import choose_precision
from tests.training.planning import plan
from tests.training.test_loop import Grads

CPU = torch.device("cpu")
SETTINGS: dict[str, Any] = {"dropout": 0.0, "frozen_layers": 1, "pooling": "mean", "head_hidden_sizes": ()}


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_have_the_moments_of_the_beta_distribution(alpha: float) -> None:
    shares = np.array([draw_mix(3, step, 1, alpha)[0][0] for step in range(4000)])
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(shares.mean() - 0.5) < 5 * np.sqrt(variance / 4000)
    assert shares.var() == pytest.approx(variance, rel=0.1)


def test_partners_are_a_permutation_and_a_draw_is_a_function_of_seed_and_step() -> None:
    share, partners = draw_mix(3, 7, 16, 1.0)
    assert sorted(partners.tolist()) == list(range(16))
    again = draw_mix(3, 7, 16, 1.0)
    assert np.array_equal(share, again[0])
    assert np.array_equal(partners, again[1])
    others = [draw_mix(3, 8, 16, 1.0), draw_mix(4, 7, 16, 1.0)]
    assert all(share != other[0] and partners.tolist() != other[1].tolist() for other in others)


def test_the_loss_is_that_of_soft_labels_on_mixed_states(pretrained: Pretrained) -> None:
    model = build_classifier(pretrained, complete(SETTINGS), 2, head_seed=9).eval()
    ids = torch.arange(1, 17).reshape(4, 4) % 20
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]])
    labels = torch.tensor([0, 1, 1, 0])
    share, partners = torch.tensor([0.3]), torch.tensor([2, 0, 1, 3])
    weights = torch.tensor([0.3, 0.7])
    loss = Backward(model, choose_precision("cpu"))((ids, mask, labels, share, partners, weights))

    hidden = model.body(input_ids=ids, attention_mask=mask).last_hidden_state
    pooled = torch.stack([row[: int(m.sum())].mean(0) for row, m in zip(hidden, mask, strict=True)])
    mixed = torch.stack([0.3 * pooled[i] + 0.7 * pooled[j] for i, j in enumerate(partners.tolist())])
    hot = one_hot(labels, 2).float()
    soft = torch.stack([0.3 * hot[i] + 0.7 * hot[j] for i, j in enumerate(partners.tolist())])
    wanted = cross_entropy(model.head(mixed), soft)
    assert loss.ndim == 0
    assert float(loss) == pytest.approx(float(wanted.detach()), rel=1e-5)


def test_a_batch_mixed_with_itself_alone_is_the_batch(pretrained: Pretrained) -> None:
    model = build_classifier(pretrained, complete(SETTINGS), 2, head_seed=9).eval()
    ids, mask, labels = (
        torch.arange(1, 9).reshape(2, 4),
        torch.ones(2, 4, dtype=torch.int64),
        torch.tensor([0, 1]),
    )
    backward = Backward(model, choose_precision("cpu"))
    plain = backward((ids, mask, labels))
    mix = (torch.tensor([0.4]), torch.tensor([0, 1]), torch.tensor([0.4, 0.6]))
    assert float(backward((ids, mask, labels, *mix))) == pytest.approx(float(plain))


def test_training_with_mixup_differs_and_comes_to_the_same_bits_again(
    pretrained: Pretrained, task: TaskData
) -> None:
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    course = plan(texts, 5, (), epochs=1.0, **SETTINGS)

    def weights(mixup: float) -> torch.Tensor:
        model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
        backward = Backward(model, choose_precision("cpu"))
        train_segment(
            backward, build_optimizer(model, course.parameters), course.steps_of(0), 5, 1.0, mixup=mixup
        )
        return torch.cat([p.detach().flatten() for p in model.trained().values()])

    assert torch.equal(weights(0.4), weights(0.4))
    assert not torch.equal(weights(0.4), weights(0.0))
    assert not torch.equal(weights(0.4), weights(1.0))


@pytest.mark.parametrize("accumulation", [2, 3, 8])
@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_a_batch_in_parts_mixes_each_text_with_the_partner_that_it_has_in_the_whole(
    pretrained: Pretrained, task: TaskData, accumulation: int, class_weights: str
) -> None:
    texts = TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)
    settings = complete({**SETTINGS, "class_weights": class_weights})
    course = plan(texts, 5, (), epochs=1.0, **SETTINGS)
    found = []
    for number in (1, accumulation):
        objective = Outputs("text-classification", 2, np.array([0, 0, 0, 1])).objective(settings, CPU)
        model = build_classifier(pretrained, settings, 2, head_seed=9, objective=objective)
        optimizer, backward = Grads(model), Backward(model, choose_precision("cpu"))
        trained = train_segment(backward, optimizer, course.steps_of(0), 5, 1e9, number, mixup=0.7)
        found.append((optimizer.kept, trained.loss))
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-5)
    assert len(found[0][0]) == course.steps
    for whole, parted in zip(found[0][0], found[1][0], strict=True):
        assert (whole - parted).norm() <= 1e-5 * whole.norm()
