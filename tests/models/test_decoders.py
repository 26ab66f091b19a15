"""Decoders: what padding must not change, and what freezing layers freezes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from hpo.config.parameters import complete
from hpo.models.classifier import Classifier, build_classifier, structure_faults
from hpo.models.layers import layers_of, stands_before
from hpo.models.pretrained import Pretrained
from tests.models.bodies import BODIES, DECODERS, ENCODERS, LAYERS, body_of

POOLINGS = ("mean", "last")
FILLER = 7  # a word of the texts, as where a model has no padding token
TEXTS = ((5, 9, 7, 12), (31, 4), (8, 8, 20, 3, 15, 6, 11))


def padded(width: int, left: bool) -> tuple[Tensor, Tensor]:
    """Ids and mask of ``TEXTS``, filled up to ``width``."""
    ids, mask = torch.full((len(TEXTS), width), FILLER), torch.zeros(len(TEXTS), width, dtype=torch.int64)
    for row, text in enumerate(TEXTS):
        place = slice(width - len(text), width) if left else slice(0, len(text))
        ids[row, place] = torch.tensor(text)
        mask[row, place] = 1
    return ids, mask


def classifier(name: str, pooling: str) -> tuple[Pretrained, Classifier]:
    pretrained = body_of(name)
    return pretrained, build_classifier(pretrained, complete({"pooling": pooling}), 2, head_seed=4).eval()


def pooled(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """Of hidden states padded on the left."""
    return hidden[:, -1] if pooling == "last" else (hidden * mask[..., None]).sum(1) / mask.sum(1)[:, None]


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("name", DECODERS)
def test_padding_on_either_side_gives_the_logits_of_the_text_alone(name: str, pooling: str) -> None:
    pretrained, model = classifier(name, pooling)
    with torch.no_grad():
        alone = torch.cat([model(ids, torch.ones_like(ids)) for ids in map(one, TEXTS)])
        right = model(*padded(12, left=False))
        # Padding on the left as transformers' own generation gives it, with positions that count from the first word.
        ids, mask = padded(12, left=True)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        body: Any = pretrained.body
        hidden = body(input_ids=ids, attention_mask=mask, position_ids=positions).last_hidden_state
        left = model.head(pooled(hidden, mask, pooling))
    torch.testing.assert_close(right, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(left, alone, rtol=1e-5, atol=1e-5)


def one(text: tuple[int, ...]) -> Tensor:
    return torch.tensor([text])


@pytest.mark.parametrize("name", DECODERS)
def test_what_fills_up_a_batch_does_not_matter(name: str) -> None:
    _, model = classifier(name, "mean")
    ids, mask = padded(12, left=False)
    other = torch.where(mask == 1, ids, torch.tensor(23))
    with torch.no_grad():
        torch.testing.assert_close(model(other, mask), model(ids, mask), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_causal_where_it_is_a_decoder(name: str) -> None:
    assert body_of(name).causal is (name not in ENCODERS)


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("bert", ["embeddings"]),
        ("gpt2", ["wte", "wpe", "drop"]),
        ("llama", ["embed_tokens", "rotary_emb"]),
        ("phi", ["embed_tokens", "rotary_emb", "embed_dropout"]),
        ("opt", ["decoder.embed_tokens", "decoder.embed_positions"]),
        ("bloom", ["word_embeddings", "word_embeddings_layernorm"]),
    ],
)
def test_embeddings_stand_before_the_layers_and_a_last_norm_behind_wherever_it_is_written(
    name: str, before: list[str]
) -> None:
    assert stands_before(body_of(name).body) == before


@pytest.mark.parametrize("name", BODIES)
def test_freezing_a_layer_freezes_all_that_it_reads(name: str) -> None:
    """Checked by autograd: no trained parameter takes part in the hidden states before the first trained layer."""
    pretrained = body_of(name)
    model = build_classifier(pretrained, complete({"frozen_layers": 1, "pooling": "mean"}), 2, head_seed=4)
    seen: list[Tensor] = []
    layers = layers_in(model.body)
    layers[1].register_forward_pre_hook(lambda _layer, given: seen.append(given[0]))
    model.train()(*padded(8, left=False))
    assert not seen[0].requires_grad


@pytest.mark.parametrize(
    ("name", "norm"),
    [("llama", "norm"), ("gpt2", "ln_f"), ("phi", "final_layernorm"), ("opt", "decoder.final_layer_norm")],
)
def test_a_last_norm_is_trained_until_all_layers_are_frozen(name: str, norm: str) -> None:
    for frozen, trains in ((2, True), (3, False)):
        settings = complete({"frozen_layers": frozen, "pooling": "mean"})
        model = build_classifier(body_of(name), settings, 2, head_seed=4)
        assert (f"body.{norm}.weight" in model.trained()) is trains


# Falcon's layers read their rates from its configuration.
@pytest.mark.parametrize("name", sorted({*DECODERS} - {"falcon"}))
def test_dropout_leaves_frozen_layers_alone_and_acts_in_the_trained_ones(name: str) -> None:
    settings = complete({"frozen_layers": 1, "pooling": "mean", "dropout": 0.5})
    model = build_classifier(body_of(name), settings, 2, head_seed=4)
    body: Any = model.body
    layers = layers_in(body)
    seen: list[Tensor] = []
    layers[1].register_forward_pre_hook(lambda _layer, given: seen.append(given[0]))
    ids, mask = padded(8, left=False)
    outputs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model.train()
        outputs.append(body(input_ids=ids, attention_mask=mask).last_hidden_state)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(outputs[0], outputs[1])


def layers_in(body: Any) -> Any:
    return next(m for m in body.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == LAYERS)


class Words:
    """A tokenizer without a [CLS] token, or with one."""

    def __init__(self, cls_token_id: int | None) -> None:
        self.cls_token_id = cls_token_id


@pytest.mark.parametrize(
    ("name", "cls", "reason"),
    [
        ("gpt2", None, "the first token of this model sees no other"),
        ("llama", 1, "the first token of this model sees no other"),
        ("roberta", None, "texts of this model have no [CLS] token to read"),
    ],
)
def test_the_first_token_is_no_pooling_where_it_tells_nothing(
    name: str, cls: int | None, reason: str
) -> None:
    body = body_of(name)
    pretrained = Pretrained(body=body.body, tokenizer=Words(cls), info=body.info)
    assert structure_faults(pretrained, [], {"cls"}, 64) == {
        "pooling": f"cls was found; {reason}; allowed are last, mean and max"
    }
    assert structure_faults(pretrained, [], {"mean"}, 64) == {}


@pytest.mark.parametrize(
    ("name", "embeddings", "norm"),
    [
        ("opt", "decoder.embed_positions.weight", "decoder.final_layer_norm.weight"),
        ("gpt2", "wpe.weight", "ln_f.weight"),
        ("llama", "embed_tokens.weight", "norm.weight"),
    ],
)
def test_how_far_below_the_head_parts_of_a_decoder_stand(name: str, embeddings: str, norm: str) -> None:
    pretrained = body_of(name)
    model = build_classifier(pretrained, complete({"fine_tuning": "full", "pooling": "last"}), 2, head_seed=4)
    path, layers = layers_of(pretrained.body)
    below = {part: steps for part, steps in model.below_head.items() if part.startswith(f"body.{path}.")}
    assert below == {
        f"body.{path}.{index}.{part}": LAYERS - index
        for index, layer in enumerate(layers)
        for part, _ in layer.named_parameters()
    }
    assert (model.below_head[f"body.{embeddings}"], model.below_head[f"body.{norm}"]) == (LAYERS + 1, 0)


@pytest.mark.parametrize("given", [{"fine_tuning": "full", "embeddings": "frozen"}, {"fine_tuning": "lora"}])
@pytest.mark.parametrize("name", DECODERS)
def test_embeddings_alone_can_stay_as_pretrained(name: str, given: dict[str, Any]) -> None:
    """Checked by autograd: no trained parameter takes part in the hidden states before the first layer."""
    if given["fine_tuning"] == "lora":
        given = {**given, "adapter_targets": "all_linear"}
    model = build_classifier(body_of(name), complete({"pooling": "last", **given}), 2, head_seed=4)
    seen: list[Tensor] = []
    layers_in(model.body)[0].register_forward_pre_hook(lambda _layer, read: seen.append(read[0]))
    model.train()(*padded(8, left=False)).sum().backward()
    assert not seen[0].requires_grad
    assert all(parameter.grad is not None for parameter in model.trained().values())
