from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from hpo.config.parameters import complete
from hpo.models.classifier import Classifier, build_classifier, structure_faults
from hpo.models.pretrained import Pretrained


def trained_layers(model: Classifier) -> set[str]:
    return {".".join(name.split(".")[:4]) for name in model.trained() if "encoder.layer" in name}


def test_freezing_k_layers_freezes_the_embeddings_and_the_lowest_k(pretrained: Pretrained) -> None:
    model = build_classifier(pretrained, complete({"frozen_layers": 2}), 2, head_seed=0)
    assert trained_layers(model) == {"body.encoder.layer.2"}
    assert not any("embeddings" in name for name in model.trained())


def test_freezing_none_trains_the_embeddings_too(pretrained: Pretrained) -> None:
    model = build_classifier(pretrained, complete({}), 2, head_seed=0)
    assert len(trained_layers(model)) == 3
    assert "body.embeddings.word_embeddings.weight" in model.trained()


def test_frozen_parts_stay_in_eval_mode_and_trained_parts_follow(pretrained: Pretrained) -> None:
    model = build_classifier(pretrained, complete({"frozen_layers": 2}), 2, head_seed=0)
    model.train()
    layers = model.body.encoder.layer  # type: ignore[union-attr]
    assert [layer.training for layer in layers] == [False, False, True]  # type: ignore[union-attr]
    assert not model.body.embeddings.training  # type: ignore[union-attr]
    assert model.head.training


def test_dropout_is_set_where_training_happens(pretrained: Pretrained) -> None:
    model = build_classifier(pretrained, complete({"frozen_layers": 1, "dropout": 0.37}), 2, head_seed=0)
    rates = {n: m.p for n, m in model.named_modules() if isinstance(m, nn.Dropout)}
    assert {r for n, r in rates.items() if "layer.1" in n or "layer.2" in n or "head" in n} == {0.37}
    assert {r for n, r in rates.items() if "layer.0" in n or "embeddings" in n} == {0.1}


@pytest.mark.parametrize(("sizes", "shapes"), [((), [(2, 32)]), ((8, 4), [(8, 32), (4, 8), (2, 4)])])
def test_the_head_has_the_hidden_sizes_asked_for(
    pretrained: Pretrained, sizes: tuple[int, ...], shapes: list[tuple[int, int]]
) -> None:
    model = build_classifier(pretrained, complete({"head_hidden_sizes": sizes}), 2, head_seed=0)
    assert [tuple(p.shape) for p in model.head.parameters() if p.ndim == 2] == shapes


def test_the_heads_first_weights_are_a_function_of_its_seed(pretrained: Pretrained) -> None:
    first, again, other = (
        build_classifier(pretrained, complete({}), 2, head_seed=seed).head.state_dict()["1.weight"]
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "last"])
def test_padding_does_not_change_the_logits(pretrained: Pretrained, pooling: str) -> None:
    model = build_classifier(pretrained, complete({"pooling": pooling}), 2, head_seed=0).eval()
    ids = torch.tensor([[2, 6, 7, 3]])
    padded = torch.tensor([[2, 6, 7, 3, 0, 0, 0]])
    with torch.no_grad():
        short = model(ids, torch.ones_like(ids))
        long = model(padded, (padded != 0).long())
    torch.testing.assert_close(short, long, rtol=1e-5, atol=1e-6)


def output(body: Any) -> torch.Tensor:
    ids = torch.tensor([[2, 6, 7, 3]])
    hidden: torch.Tensor = body(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    return hidden


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("frozen", [0, 1, 2, 3])
@pytest.mark.parametrize("start", [0, 1])
def test_a_classifier_trains_a_copy_and_leaves_the_pretrained_body_as_it_is(
    pretrained: Pretrained, frozen: int, pooling: str, start: int
) -> None:
    before = output(pretrained.body)
    names = [name for name, _ in pretrained.body.named_modules()]
    settings = complete({"frozen_layers": frozen, "dropout": 0.9, "pooling": pooling})
    depth = frozen if start else 0
    model = build_classifier(pretrained, settings, 2, head_seed=0, start=depth).train()
    with torch.no_grad():
        for parameter in model.trained().values():
            parameter.add_(1.0)
    assert not pretrained.body.training
    assert not any(p.requires_grad for p in pretrained.body.parameters())
    assert [name for name, _ in pretrained.body.named_modules()] == names
    assert torch.equal(output(pretrained.body), before)


@pytest.mark.parametrize("frozen", [0, 1, 2, 3])
def test_frozen_weights_are_shared_and_trained_ones_are_not(pretrained: Pretrained, frozen: int) -> None:
    model = build_classifier(pretrained, complete({"frozen_layers": frozen}), 2, head_seed=0)
    theirs = {p.data_ptr() for p in pretrained.body.parameters()}
    assert not {p.data_ptr() for p in model.trained().values()} & theirs
    assert {p.data_ptr() for p in model.body.parameters() if not p.requires_grad} <= theirs  # type: ignore[union-attr]
    assert sum(p.numel() for p in model.trained().values()) + sum(
        p.numel() for p in model.parameters() if not p.requires_grad
    ) == sum(p.numel() for p in model.parameters())


def test_what_the_model_cannot_do_is_named(pretrained: Pretrained) -> None:
    assert structure_faults(pretrained, [complete({"frozen_layers": 3})], {"cls"}, 64) == {}
    assert structure_faults(pretrained, [complete({"frozen_layers": 4})], {"cls"}, 65) == {
        "frozen_layers": "4 was found; the model has 3 layers, all of which may be frozen",
        "max_length": "65 was found, which is padded to 72; the model has 64 positions; allowed is at most 64",
    }


def test_a_length_counts_with_its_padding(pretrained: Pretrained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained.body.config, "max_position_embeddings", 63)
    assert structure_faults(pretrained, [complete({})], {"cls"}, 62) == {}
    assert structure_faults(pretrained, [complete({})], {"cls"}, 63) == {
        "max_length": "63 was found, which is padded to 64; the model has 63 positions; allowed is at most 62"
    }
