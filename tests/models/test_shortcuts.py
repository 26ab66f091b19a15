"""Less work in a body against the whole body: equal but for the order of sums, or not taken.

Random bodies with weights ten times as large as their first ones, so that attention, which at the first ones hardly
matters, does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers as hf
from torch import Tensor

from hpo.config.parameters import complete
from hpo.models.classifier import build_classifier
from hpo.models.pretrained import Pretrained
from hpo.models.shortcuts import read_first_token, stretch, wide, works_for_first_token, works_with_wide_mask
from hpo.records.schema import ModelInfo

LAYERS = 3
SIZES: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
}
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
BODIES: dict[str, Callable[[], Any]] = {
    "bert": lambda: hf.BertModel(hf.BertConfig(**SIZES), add_pooling_layer=False),
    "roberta": lambda: hf.RobertaModel(hf.RobertaConfig(**SIZES, pad_token_id=1), add_pooling_layer=False),
    "electra": lambda: hf.ElectraModel(hf.ElectraConfig(**SIZES, embedding_size=16)),
    "distilbert": lambda: hf.DistilBertModel(
        hf.DistilBertConfig(
            vocab_size=40, dim=32, n_layers=LAYERS, n_heads=4, hidden_dim=64, max_position_embeddings=256
        )
    ),
    "gpt2": lambda: hf.GPT2Model(
        hf.GPT2Config(
            vocab_size=40,
            n_embd=32,
            n_layer=LAYERS,
            n_head=4,
            n_positions=256,
            bos_token_id=1,
            eos_token_id=2,
        )
    ),
    "modernbert": lambda: hf.ModernBertModel(hf.ModernBertConfig(**SIZES, **SPECIAL)),
    "prelayernorm": lambda: hf.RobertaPreLayerNormModel(
        hf.RobertaPreLayerNormConfig(**SIZES, pad_token_id=1), add_pooling_layer=False
    ),
    "convbert": lambda: hf.ConvBertModel(hf.ConvBertConfig(**SIZES, embedding_size=32)),
    "mobilebert": lambda: hf.MobileBertModel(hf.MobileBertConfig(**SIZES), add_pooling_layer=False),
}
TAKE_BOTH = ("bert", "roberta", "electra", "distilbert")
# Sums in another order: of values whose standard deviation is near 1.
TOLERANCE: dict[str, float] = {"rtol": 1e-4, "atol": 2e-5}


def body_of(name: str) -> Pretrained:
    torch.manual_seed(0)
    body = BODIES[name]().eval().requires_grad_(False)
    with torch.no_grad():
        for parameter in body.parameters():
            if parameter.ndim == 2:
                parameter.mul_(10)
    info = ModelInfo(source=name, licence="", layers=LAYERS, hidden_size=32, parameters=0, sha256=name)
    return Pretrained(body=body, tokenizer=None, info=info)


def batch() -> tuple[Tensor, Tensor]:
    """Three texts of different lengths, padded on the right."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 40, (3, 9), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    mask[2, 2:] = 0
    return ids, mask


def passed(pretrained: Pretrained, ids: Tensor, mask: Tensor, depths: tuple[int, ...]) -> Tensor:
    """Hidden states before the last of ``depths``, by one stretch after another, zero where padded as they are stored."""
    hidden, first = ids, 0
    for depth in depths:
        hidden = stretch(pretrained.body, first, depth)(hidden, mask) * mask[..., None]
        first = depth
    return hidden.clone()  # out of inference mode


def gradients(model: Any, texts: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits, and the gradients of what is trained, by name."""
    logits = model.train()(texts, mask)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1])).backward()
    return logits.detach(), {name: p.grad for name, p in model.trained().items()}


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", [*TAKE_BOTH, "mobilebert", "prelayernorm"])
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


@pytest.mark.parametrize("name", ["gpt2", "modernbert", "convbert"])  # a convolution reads what is padded
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


@pytest.mark.parametrize("name", TAKE_BOTH)
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
    ("name", "works"), [("bert", True), ("roberta", True), ("gpt2", False), ("modernbert", False)]
)
def test_a_mask_of_all_pairs_is_given_to_bodies_that_attend_to_all(name: str, works: bool) -> None:
    body = body_of(name).body
    assert works_with_wide_mask(body) is works
    ids, mask = batch()
    if works:
        found = body(input_ids=ids, attention_mask=wide(mask)).last_hidden_state
        wanted = body(input_ids=ids, attention_mask=mask).last_hidden_state
        torch.testing.assert_close(found[mask.bool()], wanted[mask.bool()], **TOLERANCE)


def test_an_unknown_layer_is_left_alone() -> None:
    assert not read_first_token(body_of("gpt2").body)
