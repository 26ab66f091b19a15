"""Rates by layer and gradual unfreezing against trainings written out here with the library's own parts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from hpo.data.task_data import TaskData
from hpo.models.classifier import Classifier, build_classifier
from hpo.models.pretrained import Pretrained
from hpo.training.backward import Backward
from hpo.training.course import Course
from hpo.training.examples import TrainingTexts
from hpo.training.loop import train_segment
from hpo.training.optimizers import build_optimizer
from hpo.training.precision import choose_precision
from hpo.training.states import capture
from tests.training.planning import plan

LAYERS = 3


@pytest.fixture(scope="module")
def texts(pretrained: Pretrained, task: TaskData) -> TrainingTexts:
    return TrainingTexts(task.train, pretrained.tokenizer, 32, None, seed=1)


def course_of(texts: TrainingTexts, **given: Any) -> Course:
    return plan(texts, 5, (), dropout=0.0, pooling="mean", schedule="constant", **given)


def trained(pretrained: Pretrained, course: Course, segments: int | None = None) -> tuple[Classifier, Any]:
    model = build_classifier(pretrained, course.parameters, 2, head_seed=9)
    optimizer = build_optimizer(model, course.parameters)
    backward = Backward(model, choose_precision("cpu"))
    for segment in range(len(course.cuts) if segments is None else segments):
        train_segment(backward, optimizer, course.steps_of(segment), 5, 1.0)
    return model, optimizer


def same_weights(found: Classifier, wanted: Classifier) -> None:
    for (name, a), (_, b) in zip(found.named_parameters(), wanted.named_parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)


def layer_of(name: str) -> int:
    """1 to 3 for the layers from the lowest up, 0 for the embeddings, 4 for the head: as in ELECTRA's published code."""
    if "encoder.layer." in name:
        return 1 + int(name.split("encoder.layer.")[1].split(".", maxsplit=1)[0])
    return 0 if "embeddings" in name else LAYERS + 1


def step_by_hand(model: Classifier, optimizer: torch.optim.Optimizer, step: Any) -> None:
    optimizer.zero_grad()
    logits = model(torch.tensor(step.texts), torch.tensor(step.mask))
    cross_entropy(logits, torch.tensor(step.labels)).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


@pytest.mark.parametrize("given", [{}, {"frozen_layers": 1}, {"fine_tuning": "full", "embeddings": "frozen"}])
def test_the_rate_falls_by_the_same_factor_from_layer_to_layer(
    pretrained: Pretrained, texts: TrainingTexts, given: dict[str, Any]
) -> None:
    course = course_of(texts, epochs=1.0, layer_decay=0.5, **given)
    ours, _ = trained(pretrained, course)
    theirs = build_classifier(pretrained, course.parameters, 2, head_seed=9).train()
    groups = [
        {
            "params": [p],
            "lr": 1e-3 * 0.5 ** (LAYERS + 1 - layer_of(name)),
            "weight_decay": 0.01 if p.ndim == 2 else 0.0,
        }
        for name, p in theirs.named_parameters()
        if p.requires_grad
    ]
    optimizer = torch.optim.AdamW(groups, foreach=False)
    for step in course.steps_of(0):
        step_by_hand(theirs, optimizer, step)
    same_weights(ours, theirs)


def test_the_rates_of_a_step_are_those_of_the_schedule_times_the_factors(
    pretrained: Pretrained, texts: TrainingTexts
) -> None:
    course = plan(texts, 5, (), schedule="linear", epochs=1.0, layer_decay=0.9)
    _, optimizer = trained(pretrained, course)
    last = course.rate_before(course.steps)
    rates = sorted({group["lr"] for group in optimizer.param_groups}, reverse=True)
    assert rates == pytest.approx([last * 0.9**k for k in range(LAYERS + 2)])
    _, plain = trained(pretrained, plan(texts, 5, (), schedule="linear", epochs=1.0))
    assert {group["lr"] for group in plain.param_groups} == {last}


def moved(pretrained: Pretrained, course: Course) -> set[int]:
    """Layers whose weights are no longer those of the start."""
    model, _ = trained(pretrained, course)
    start = dict(build_classifier(pretrained, course.parameters, 2, head_seed=9).named_parameters())
    return {layer_of(n) for n, p in model.named_parameters() if not torch.equal(p, start[n])}


@pytest.mark.parametrize(
    ("given", "layers"),
    [
        ({"fine_tuning": "full"}, {0, 1, 2, 3, 4}),
        ({"fine_tuning": "full", "embeddings": "frozen"}, {1, 2, 3, 4}),
        ({"fine_tuning": "head"}, {4}),
        ({"frozen_layers": 2}, {3, 4}),
        ({"fine_tuning": "lora", "frozen_layers": 1}, {2, 3, 4}),
        ({"fine_tuning": "dora"}, {1, 2, 3, 4}),
        ({"num_layers": 2, "frozen_layers": 1}, {2, 4}),
        ({"frozen_layers": 1, "reinitialised_layers": 1}, {2, 3, 4}),
    ],
)
def test_training_changes_what_it_is_told_to(
    pretrained: Pretrained, texts: TrainingTexts, given: dict[str, Any], layers: set[int]
) -> None:
    assert moved(pretrained, course_of(texts, epochs=1.0, **given)) == layers


@pytest.mark.parametrize("frozen", [0, 2])
@pytest.mark.parametrize("epochs", [1, 2, 4, 6])
def test_each_epoch_trains_one_layer_more_from_the_top(
    pretrained: Pretrained, texts: TrainingTexts, epochs: int, frozen: int
) -> None:
    course = course_of(texts, epochs=float(epochs), unfreezing="gradual", frozen_layers=frozen)
    least = frozen + 1 if frozen else 0
    assert moved(pretrained, course) == set(range(max(least, LAYERS + 2 - epochs), LAYERS + 2))


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_gradual_unfreezing_adds_layers_to_the_optimizer_as_they_are_unfrozen(
    pretrained: Pretrained, texts: TrainingTexts, name: str
) -> None:
    """Moments, and the steps by which Adam corrects their bias, begin when a layer is unfrozen."""
    course = course_of(texts, epochs=3.0, optimizer=name, unfreezing="gradual", learning_rate=3e-3)
    ours, optimizer = trained(pretrained, course)
    theirs = build_classifier(pretrained, course.parameters, 2, head_seed=9).train()
    theirs.requires_grad_(False)
    kind: Any = torch.optim.AdamW if name == "adamw" else torch.optim.SGD
    momentum = {} if name == "adamw" else {"momentum": 0.9}
    own: Any = None
    steps = [step for segment in range(len(course.cuts)) for step in course.steps_of(segment)]
    for index, step in enumerate(steps):
        if index % 8 == 0:  # an epoch of 64 texts in batches of 8
            unfrozen = [p for n, p in theirs.named_parameters() if layer_of(n) == LAYERS + 1 - index // 8]
            for parameter in unfrozen:
                parameter.requires_grad_(True)
                group = {"params": [parameter], "weight_decay": 0.01 if parameter.ndim == 2 else 0.0}
                if own is None:
                    own = kind([group], lr=3e-3, fused=True, **momentum)
                else:
                    own.add_param_group(group)
        step_by_hand(theirs, own, step)
    same_weights(ours, theirs)
    if name == "adamw":
        counts = {
            layer_of(n): float(optimizer.state[p]["step"])
            for n, p in ours.trained().items()
            if optimizer.state[p]
        }
        assert counts == {4: 24.0, 3: 16.0, 2: 8.0}


def test_a_state_holds_adapters_and_head_alone(pretrained: Pretrained, texts: TrainingTexts) -> None:
    course = course_of(texts, epochs=1.0, fine_tuning="lora", adapter_rank=2)
    model, optimizer = trained(pretrained, course)
    tensors = capture(model, optimizer).tensors
    weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model/")}
    assert all("lora" in name or name.startswith("model/head.") for name in weights)
    # Of queries and values in three layers a factor of 2 x 32 and one of 32 x 2; a linear head of two classes.
    assert sum(tensor.numel() for tensor in weights.values()) == 3 * 2 * 2 * 2 * 32 + 2 * 32 + 2
