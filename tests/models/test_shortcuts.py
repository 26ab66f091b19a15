"""Less work in a body against the whole body: equal but for the order of sums, or not taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from hpo.config.parameters import complete
from hpo.models.classifier import build_classifier
from hpo.models.shortcuts import read_first_token, wide, works_for_first_token, works_with_wide_mask
from tests.models.bodies import DECODERS, LAYERS, TOLERANCE, batch, body_of, passed

TAKE_BOTH = ("bert", "roberta", "electra", "distilbert")
TAKE_A_DEPTH = (*TAKE_BOTH, "mobilebert", "prelayernorm", "modernbert", *DECODERS)


def gradients(model: Any, texts: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits, and the gradients of what is trained, by name."""
    logits = model.train()(texts, mask)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1])).backward()
    return logits.detach(), {name: p.grad for name, p in model.trained().items()}


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", TAKE_A_DEPTH)
def test_a_body_that_begins_at_a_depth_trains_as_the_whole_body(name: str, depth: int, pooling: str) -> None:
    pretrained = body_of(name)
    assert pretrained.starts_at(depth)
    settings = complete({"frozen_layers": depth, "pooling": pooling, "dropout": 0.0})
    ids, mask = batch()
    whole = build_classifier(pretrained, settings, 2, head_seed=4)
    begun = build_classifier(pretrained, settings, 2, head_seed=4, start=depth)
    assert list(whole.trained()) == list(begun.trained())
    wanted, wanted_gradients = gradients(whole, ids, mask)
    found, found_gradients = gradients(begun, passed(pretrained, ids, mask, (depth,)), mask)
    torch.testing.assert_close(found, wanted, **TOLERANCE)
    for parameter, gradient in wanted_gradients.items():
        torch.testing.assert_close(found_gradients[parameter], gradient, **TOLERANCE, msg=parameter)


@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize("name", TAKE_BOTH)
def test_a_last_layer_for_the_first_token_alone_trains_as_the_whole_layer(name: str, frozen: int) -> None:
    pretrained = body_of(name)
    assert pretrained.first_token_works
    settings = complete({"frozen_layers": frozen, "pooling": "cls", "dropout": 0.0})
    ids, mask = batch()
    short = build_classifier(pretrained, settings, 2, head_seed=4)
    pretrained.__dict__["first_token_works"] = False
    whole = build_classifier(pretrained, settings, 2, head_seed=4)
    wanted, wanted_gradients = gradients(whole, ids, mask)
    found, found_gradients = gradients(short, ids, mask)
    assert short.body(input_ids=ids, attention_mask=mask).last_hidden_state.shape == (3, 1, 32)  # type: ignore[misc]
    torch.testing.assert_close(found, wanted, **TOLERANCE)
    for parameter, gradient in wanted_gradients.items():
        torch.testing.assert_close(found_gradients[parameter], gradient, **TOLERANCE, msg=parameter)


@pytest.mark.parametrize("name", TAKE_BOTH)
def test_the_logits_are_those_of_transformers(name: str) -> None:
    pretrained = body_of(name)
    ids, mask = batch()
    for settings in (complete({"pooling": "cls"}), complete({"pooling": "mean", "frozen_layers": 2})):
        model = build_classifier(pretrained, settings, 2, head_seed=4).eval()
        hidden = pretrained.body(input_ids=ids, attention_mask=mask).last_hidden_state
        sums = (hidden * mask[..., None]).sum(1)
        pooled = hidden[:, 0] if settings["pooling"] == "cls" else sums / mask.sum(1, keepdim=True)
        torch.testing.assert_close(model(ids, mask), model.head(pooled), **TOLERANCE)


@pytest.mark.parametrize("name", ["convbert"])  # a convolution reads what is padded
def test_a_body_that_cannot_begin_at_a_depth_runs_whole(name: str) -> None:
    pretrained = body_of(name)
    assert [depth for depth in range(LAYERS + 2) if pretrained.starts_at(depth)] == [LAYERS]
    assert not pretrained.first_token_works
    ids, mask = batch()
    hidden = pretrained.body(input_ids=ids, attention_mask=mask).last_hidden_state
    model = build_classifier(pretrained, complete({"pooling": "mean"}), 2, head_seed=4).eval()
    wanted = model.head((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
    torch.testing.assert_close(model(ids, mask), wanted, **TOLERANCE)
    frozen = complete({"pooling": "mean", "frozen_layers": LAYERS})
    begun = build_classifier(pretrained, frozen, 2, head_seed=4, start=LAYERS).eval()
    torch.testing.assert_close(begun(passed(pretrained, ids, mask, (LAYERS,)), mask), wanted, **TOLERANCE)


@pytest.mark.parametrize("name", ["gpt2", "modernbert", "prelayernorm", "convbert", "mobilebert"])
def test_a_last_layer_of_another_make_is_computed_for_all_tokens(name: str) -> None:
    pretrained = body_of(name)
    assert not works_for_first_token(pretrained.body)
    model = build_classifier(pretrained, complete({"pooling": "cls"}), 2, head_seed=4)
    ids, mask = batch()
    assert model.body(input_ids=ids, attention_mask=mask).last_hidden_state.shape == (3, 9, 32)  # type: ignore[misc]


@pytest.mark.parametrize("name", [*TAKE_BOTH, "llama", "gpt2", "opt"])
@pytest.mark.parametrize("way", [(1, 3), (2, 3), (1, 2, 3)])
def test_a_pass_in_several_stretches_has_the_bits_of_one(name: str, way: tuple[int, ...]) -> None:
    pretrained = body_of(name)
    ids, mask = batch()
    real = mask.bool()
    assert torch.equal(
        passed(pretrained, ids, mask, way)[real], passed(pretrained, ids, mask, (LAYERS,))[real]
    )


def test_the_probe_leaves_the_body_as_it_is() -> None:
    pretrained = body_of("bert")
    ids, mask = batch()
    before = pretrained.body(input_ids=ids, attention_mask=mask).last_hidden_state
    assert pretrained.starts_at(1)
    assert pretrained.first_token_works
    assert torch.equal(pretrained.body(input_ids=ids, attention_mask=mask).last_hidden_state, before)


def test_dropout_of_attention_falls_on_the_first_token_too() -> None:
    pretrained = body_of("bert")
    build = build_classifier(pretrained, complete({"frozen_layers": 2, "dropout": 0.5}), 2, head_seed=4)
    layer = build.body.encoder.layer[-1]  # type: ignore[union-attr, index]
    for module in (layer.attention.output.dropout, layer.output.dropout):  # type: ignore[union-attr]
        module.p = 0.0
    ids, mask = batch()

    def hidden() -> Tensor:
        return build.body(input_ids=ids, attention_mask=mask).last_hidden_state  # type: ignore[misc, no-any-return]

    build.train()
    assert not torch.equal(hidden(), hidden())
    build.eval()
    assert torch.equal(hidden(), hidden())


@pytest.mark.parametrize(
    ("name", "works"),
    [
        ("bert", True),
        ("roberta", True),
        ("llama", True),
        ("gpt2", True),
        ("modernbert", False),
        ("bloom", False),
    ],
)
def test_a_mask_of_all_pairs_is_given_to_bodies_that_attend_to_all_of_them(name: str, works: bool) -> None:
    pretrained = body_of(name)
    body: Any = pretrained.body
    assert pretrained.wide_mask_works is works
    ids, mask = batch()
    if works:
        found = body(input_ids=ids, attention_mask=wide(mask, pretrained.causal)).last_hidden_state
        wanted = body(input_ids=ids, attention_mask=mask).last_hidden_state
        torch.testing.assert_close(found[mask.bool()], wanted[mask.bool()], **TOLERANCE)


def test_a_decoder_is_not_shown_what_is_ahead() -> None:
    assert not works_with_wide_mask(body_of("gpt2").body, causal=False)


def test_an_unknown_layer_is_left_alone() -> None:
    assert not read_first_token(body_of("gpt2").body)
