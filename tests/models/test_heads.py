from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from hpo.config.parameters import complete
from hpo.models.classifier import build_classifier
from hpo.models.heads import build_head, pool
from hpo.models.pretrained import Pretrained


def one_by_one(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Each text by itself, without its padding."""
    rows = [states[real.bool()] for states, real in zip(hidden, mask, strict=True)]
    how = {
        "cls": lambda row: row[0],
        "mean": lambda row: row.mean(0),
        "max": lambda row: row.max(0).values,
        "last": lambda row: row[-1],
    }[pooling]
    return torch.stack([how(row) for row in rows])


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "last"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_pooling_reads_real_tokens_alone(pooling: str, side: str) -> None:
    hidden = torch.randn(4, 7, 5, generator=torch.Generator().manual_seed(3)) - 2  # mostly below 0
    mask = torch.tensor([[1] * n + [0] * (7 - n) for n in (7, 4, 1, 2)])
    if side == "left":
        mask = mask.flip(1)
    if pooling == "cls" and side == "left":
        pytest.skip("the first place is padding there")
    torch.testing.assert_close(pool(hidden, mask, pooling), one_by_one(hidden, mask, pooling))


def test_an_unknown_pooling_is_an_error() -> None:
    with pytest.raises(ValueError, match="no pooling is named 'sum'"):
        pool(torch.zeros(1, 2, 3), torch.ones(1, 2), "sum")


@pytest.mark.parametrize(
    ("activation", "function"), [("gelu", nn.functional.gelu), ("relu", torch.relu), ("tanh", torch.tanh)]
)
def test_each_hidden_layer_of_the_head_is_followed_by_the_activation(activation: str, function: Any) -> None:
    given = complete({"head_hidden_sizes": (6, 4), "head_activation": activation})
    head = build_head(5, given, 3, seed=1).eval()
    first, second, last = (m for m in head if isinstance(m, nn.Linear))  # type: ignore[attr-defined]
    read = 50 * torch.randn(8, 5, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(head(read), last(function(second(function(first(read))))))


def rates(pretrained: Pretrained, **given: float) -> tuple[set[float], set[float]]:
    """Dropout of the body and of the head."""
    model = build_classifier(pretrained, complete({"head_hidden_sizes": (8,), **given}), 2, head_seed=0)
    body, head = (
        {m.p for m in part.modules() if isinstance(m, nn.Dropout)} for part in (model.body, model.head)
    )  # type: ignore[union-attr]
    return body, head


def test_the_head_has_a_dropout_of_its_own_and_else_that_of_the_layers(pretrained: Pretrained) -> None:
    assert rates(pretrained, dropout=0.3) == ({0.3}, {0.3})
    assert rates(pretrained, dropout=0.3, head_dropout=0.5) == ({0.3}, {0.5})
    assert rates(pretrained, head_dropout=0.0) == ({0.1}, {0.0})
