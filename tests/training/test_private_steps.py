"""Steps of private trainings against gradients taken text by text, and against Opacus' own optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from hpo.config.parameters import complete
from hpo.models.classifier import Classifier, build_classifier
from hpo.models.objective import LabelSets, Objective, Tags
from hpo.models.pretrained import Pretrained
from hpo.training.course import Step
from hpo.training.loop import train_segment
from hpo.training.optimizers import build_optimizer
from hpo.training.precision import choose_precision
from hpo.training.privacy import Mechanism, Private
from hpo.training.private_steps import PrivateBackward

# Of Opacus as a user would call it: a first module reads what needs no gradient.
pytestmark = pytest.mark.filterwarnings("ignore:Full backward hook is firing")
ROWS, WIDTH, CLIP = 6, 8, 0.05
STRUCTURES: dict[str, dict[str, Any]] = {
    "head": {"fine_tuning": "head"},
    "deep head": {"fine_tuning": "head", "head_hidden_sizes": (8,)},
    "one layer, first token": {"frozen_layers": 2},
    "two layers, mean": {"frozen_layers": 1, "pooling": "mean"},
    "two layers, last": {"frozen_layers": 1, "pooling": "last"},
    "all layers": {"fine_tuning": "full", "embeddings": "frozen"},
    "LoRA": {"fine_tuning": "lora", "adapter_rank": 2},
    "LoRA everywhere": {"fine_tuning": "lora", "adapter_targets": "all_linear"},
    "fresh layer": {"frozen_layers": 1, "reinitialised_layers": 1},
}


def settings(**given: Any) -> dict[str, Any]:
    return complete({"dropout": 0.0, "privacy_epsilon": 8.0, "batch_size": 8, **given})


def private(multiplier: float = 0.0, **given: Any) -> Private:
    mechanism = Mechanism(secret="7e" * 32, clip=CLIP, multipliers=((8.0, multiplier),))
    found = mechanism.of(settings(**given), {}, 64)
    assert found is not None
    return found


def model(
    pretrained: Pretrained, objective: Objective | None = None, start: int = 0, **given: Any
) -> Classifier:
    built = build_classifier(pretrained, settings(**given), 2, 3, start, objective)
    for name, parameter in built.trained().items():
        if "lora_B" in name:  # it begins at zero, and with it the gradient of the other factor
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1))
    built.train()
    return built


def step(labels: NDArray[np.int64] | None = None, rows: int = ROWS, index: int = 0) -> Step:
    rng = np.random.default_rng(4)
    ids = rng.integers(5, 20, (ROWS, WIDTH))
    mask = np.ones_like(ids)
    for row in range(ROWS):
        mask[row, WIDTH - row :] = 0
    own = np.arange(ROWS) % 2 if labels is None else labels
    return Step(index, 1e-3, ids[:rows], mask[:rows], own[:rows])


def by_hand(one: Classifier, given: Step) -> dict[str, Tensor]:
    """The sum of clipped gradients, text by text."""
    trained = one.trained()
    sums = {name: torch.zeros_like(p) for name, p in trained.items()}
    for row in range(len(given.labels)):
        texts, mask, labels = (
            torch.tensor(a[row : row + 1]) for a in (given.texts, given.mask, given.labels)
        )
        loss = one.objective.loss(one(texts, mask), labels)
        gradients = torch.autograd.grad(loss, list(trained.values()))
        norm = float(torch.sqrt(sum((g.double() ** 2).sum() for g in gradients)))
        for name, gradient in zip(trained, gradients, strict=True):
            sums[name] += gradient * min(1.0, CLIP / norm)
    return sums


def put(one: Classifier, own: Private, given: Step, accumulation: int = 1) -> dict[str, Tensor]:
    PrivateBackward(one, choose_precision("cpu"), own).put_gradients(given, accumulation)
    assert all(p.grad is not None for p in one.trained().values())
    return {name: p.grad for name, p in one.trained().items() if p.grad is not None}


def assert_alike(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("given", STRUCTURES.values(), ids=STRUCTURES)
def test_the_gradient_of_each_text_is_clipped_by_itself(
    pretrained: Pretrained, given: dict[str, Any]
) -> None:
    wanted = {name: total / 8 for name, total in by_hand(model(pretrained, **given), step()).items()}
    assert_alike(put(model(pretrained, **given), private(), step()), wanted)
    assert sum(float(w.abs().sum()) for w in wanted.values()) > 0


@pytest.mark.parametrize(
    ("objective", "labels", "given"),
    [
        (lambda: Objective(smoothing=0.2), np.arange(ROWS) % 2, {}),
        (LabelSets, np.arange(2 * ROWS).reshape(ROWS, 2) % 3 // 2, {}),
        (
            Tags,
            np.where(np.arange(ROWS * WIDTH).reshape(ROWS, WIDTH) % WIDTH < 3, 1, -100),
            {"pooling": "none"},
        ),
    ],
    ids=["smoothed", "label sets", "tags"],
)
def test_the_loss_of_a_text_is_its_own_whatever_the_task(
    pretrained: Pretrained,
    objective: Callable[[], Objective],
    labels: NDArray[np.int64],
    given: dict[str, Any],
) -> None:
    given = {"frozen_layers": 2, **given}
    read = step(labels)
    wanted = {n: t / 8 for n, t in by_hand(model(pretrained, objective(), **given), read).items()}
    assert_alike(put(model(pretrained, objective(), **given), private(), read), wanted)


def test_hidden_states_are_read_as_ids_are(pretrained: Pretrained) -> None:
    hidden = np.random.default_rng(2).normal(size=(ROWS, WIDTH, 32)).astype(np.float32)
    read = replace(step(), texts=hidden)
    given = {"frozen_layers": 1, "pooling": "mean"}
    wanted = {n: t / 8 for n, t in by_hand(model(pretrained, None, 1, **given), read).items()}
    assert_alike(put(model(pretrained, None, 1, **given), private(), read), wanted)


def test_it_is_the_step_of_opacus(pretrained: Pretrained) -> None:
    from opacus import GradSampleModule
    from opacus.optimizers import DPOptimizer

    theirs = model(pretrained, frozen_layers=1)
    wrapped = GradSampleModule(theirs, loss_reduction="mean")
    optimizer = DPOptimizer(
        torch.optim.SGD(list(theirs.trained().values()), lr=0.0),
        noise_multiplier=0.0,
        max_grad_norm=CLIP,
        expected_batch_size=8,
        loss_reduction="mean",
    )
    read = step()
    logits = wrapped(torch.tensor(read.texts), torch.tensor(read.mask))
    torch.nn.functional.cross_entropy(logits, torch.tensor(read.labels)).backward()
    optimizer.step()
    wanted = {name: p.grad.clone() for name, p in theirs.trained().items() if p.grad is not None}
    assert_alike(put(model(pretrained, frozen_layers=1), private(), read), wanted)


@pytest.mark.parametrize("accumulation", [2, 4, 100])
def test_parts_give_the_same_step(pretrained: Pretrained, accumulation: int) -> None:
    given = {"frozen_layers": 2}
    whole = put(model(pretrained, **given), private(1.5), step())
    assert_alike(put(model(pretrained, **given), private(1.5), step(), accumulation), whole)


def test_the_noise_is_that_of_the_training_and_the_step(pretrained: Pretrained) -> None:
    given = {"frozen_layers": 2}
    plain, own = put(model(pretrained, **given), private(), step(index=5)), private(2.0)
    noisy = put(model(pretrained, **given), own, step(index=5))
    drawn = torch.cat([8 * (noisy[name] - plain[name]).flatten() for name in plain]).numpy()
    np.testing.assert_allclose(drawn, own.noise(5, drawn.size), rtol=1e-3, atol=1e-5)


def test_a_step_without_texts_is_noise_alone(pretrained: Pretrained) -> None:
    own = private(2.0)
    found = put(model(pretrained, frozen_layers=2), own, step(rows=0, index=1))
    drawn = torch.cat([8 * g.flatten() for g in found.values()]).numpy()
    np.testing.assert_allclose(drawn, own.noise(1, drawn.size), rtol=1e-5)


def test_a_text_whose_gradient_is_not_finite_counts_as_none(pretrained: Pretrained) -> None:
    hidden = np.random.default_rng(2).normal(size=(ROWS, WIDTH, 32)).astype(np.float32)
    hidden[2] = np.nan
    given = {"frozen_layers": 2, "pooling": "mean"}
    read = replace(step(), texts=hidden)
    others = [row for row in range(ROWS) if row != 2]
    rest = Step(0, 1e-3, hidden[others], read.mask[others], read.labels[others])
    found = put(model(pretrained, None, 2, **given), private(), read)
    assert_alike(found, put(model(pretrained, None, 2, **given), private(), rest))


def test_the_loop_tells_of_a_private_training_whether_it_is_finite_and_no_loss(
    pretrained: Pretrained,
) -> None:
    parameters = settings(frozen_layers=2)
    one = model(pretrained, frozen_layers=2)
    backward = PrivateBackward(one, choose_precision("cpu"), private(1.0))
    before = {name: p.detach().clone() for name, p in one.trained().items()}
    result = train_segment(backward, build_optimizer(one, parameters), [step(), step(index=1)], 1, 1e-9)
    assert result.loss == 0.0
    assert all(not torch.equal(before[name], p) for name, p in one.trained().items()), (
        "gradient_clip has no part in it"
    )
    hopeless = replace(step(), rate=float("inf"))
    assert np.isnan(train_segment(backward, build_optimizer(one, parameters), [hopeless], 1, 1.0).loss)
