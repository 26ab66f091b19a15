"""Which structures are found to have a gradient of each text by Opacus, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hpo.models.pretrained import Pretrained
from hpo.training.private_probe import unsupported
from tests.models.bodies import body_of
from tests.training.test_private_steps import STRUCTURES, by_hand, model, private, put, settings, step

EMBEDDINGS_FROZEN = {"fine_tuning": "full", "embeddings": "frozen"}


@pytest.mark.parametrize("given", STRUCTURES.values(), ids=STRUCTURES)
def test_what_works_is_found_to_work(pretrained: Pretrained, given: dict[str, Any]) -> None:
    assert unsupported(pretrained, [settings(**given)]) is None
    assert (
        unsupported(pretrained, [settings(**given, **({} if "pooling" in given else {"pooling": "none"}))])
        is None
    )


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"fine_tuning": "full"}, "position_embeddings"),
        ({}, "position_embeddings"),
        ({"fine_tuning": "dora"}, ""),
    ],
    ids=["full", "top layers with the embeddings", "DoRA"],
)
def test_what_opacus_has_no_gradient_of_each_text_for_is_found_out(
    pretrained: Pretrained, given: dict[str, Any], named: str
) -> None:
    found = unsupported(pretrained, [settings(fine_tuning="head"), settings(**given)])
    assert found is not None
    assert named in found
    assert "what works with most models is" in found


def test_a_probe_leaves_the_pretrained_model_as_it_was(pretrained: Pretrained) -> None:
    def hooks() -> int:
        return sum(len(m._backward_hooks) + len(m._forward_hooks) for m in pretrained.body.modules())

    before, hooked = {name: p.detach().clone() for name, p in pretrained.body.named_parameters()}, hooks()
    unsupported(pretrained, [settings(fine_tuning="full", embeddings="frozen")])
    for name, parameter in pretrained.body.named_parameters():
        assert torch.equal(before[name], parameter)
    assert hooks() == hooked


@pytest.mark.parametrize(
    ("architecture", "given"),
    [
        ("bert", EMBEDDINGS_FROZEN),  # the gradient of its key biases is rounding alone
        ("roberta", {"fine_tuning": "full"}),
        ("gpt2", EMBEDDINGS_FROZEN),
        ("llama", {"fine_tuning": "full"}),
        ("qwen3", {"fine_tuning": "lora", "adapter_targets": "all_linear"}),
    ],
)
def test_other_architectures_have_gradients_of_each_text_too(
    architecture: str, given: dict[str, Any]
) -> None:
    pretrained, given = body_of(architecture), {"pooling": "mean", **given}
    assert unsupported(pretrained, [settings(**given)]) is None
    wanted = {n: t / 8 for n, t in by_hand(model(pretrained, **given), step()).items()}
    found = put(model(pretrained, **given), private(), step())
    largest = max(float(w.abs().max()) for w in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5 * largest, msg=name)


@pytest.mark.parametrize("architecture", ["modernbert", "opt", "falcon"])
def test_an_architecture_whose_layers_opacus_does_not_know_is_refused_but_for_the_head(
    architecture: str,
) -> None:
    pretrained = body_of(architecture)
    found = unsupported(pretrained, [settings(frozen_layers=1, pooling="mean")])
    assert found is not None
    assert "fine_tuning: top_layers" in found
    assert unsupported(pretrained, [settings(fine_tuning="head", pooling="mean")]) is None
