"""The counting model against torch's own counter of operations."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.trainings import horizon
from benchmarks.work import Body

SIZES = {"layers": 3, "hidden": 32, "feed_forward": 64, "classes": 2}
LENGTH = 11


def counted(parameters: dict[str, Any], *, train: bool) -> float:
    """Operations of one text of LENGTH tokens, by torch.utils.flop_counter on transformers' model."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import BertConfig, BertModel

    from benchmarks.peers.body import headed

    config = BertConfig(
        vocab_size=20,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        attn_implementation="eager",
    )
    model = headed(BertModel(config, add_pooling_layer=False), parameters, 2, 0)
    ids = torch.ones(1, LENGTH, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        loss = model(ids, torch.ones_like(ids), labels=torch.zeros(1, dtype=torch.long))["loss"]
        if train:
            loss.backward()
    return float(counter.get_total_flops())


@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize("head", [(), (8,)])
def test_the_counted_work_of_whole_layers_is_what_torch_counts(frozen: int, head: tuple[int, ...]) -> None:
    body = Body(**SIZES)
    parameters = {"frozen_layers": frozen, "head_hidden_sizes": head, "pooling": "mean", "dropout": 0.0}
    below = body.prefix(LENGTH, frozen)
    assert body.forward(LENGTH, parameters) + below == counted(parameters, train=False)
    assert body.training(LENGTH, parameters) + below == counted(parameters, train=True)


def test_reading_cls_alone_costs_less_and_only_in_the_last_layer() -> None:
    body = Body(**SIZES)
    parameters = {"frozen_layers": 1, "head_hidden_sizes": (), "pooling": "cls"}
    whole = body.forward(LENGTH, parameters | {"pooling": "mean"})
    saved = whole - body.forward(LENGTH, parameters)
    h, f, rest = 32, 64, LENGTH - 1
    assert saved == rest * (4 * h * h + 4 * h * f + 4 * LENGTH * h)


@pytest.mark.parametrize(
    ("texts", "size", "epochs", "steps"),
    [(256, 16, 2, 32), (40, 4, 1, 10), (50, 16, 1, 4), (50, 16, 2, 8), (50, 16, 1.5, 6), (48, 16, 0.5, 2)],
)
def test_the_horizon_counts_each_epochs_short_batch(texts: int, size: int, epochs: float, steps: int) -> None:
    assert horizon(texts, {"batch_size": size, "epochs": epochs}) == steps
