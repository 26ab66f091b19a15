"""The classifier that peers train: transformers' own model and a head, frozen as a training says."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class HeadedBody(nn.Module):
    """Body, [CLS] or mean, head; with ``labels`` the mean cross-entropy too, as the Trainer wants it."""

    def __init__(self, body: nn.Module, head: nn.Module, pooling: str) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.pooling = pooling

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None, **_unread: Any
    ) -> dict[str, Tensor]:
        """``input_ids``, ``attention_mask`` (batch, width) int64, ``labels`` (batch,) -> logits (batch, classes)."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        logits = self.head(pooled)
        if labels is None:
            return {"logits": logits}
        return {"loss": cross_entropy(logits.float(), labels), "logits": logits}


def headed(body: nn.Module, parameters: Mapping[str, Any], classes: int, seed: int) -> HeadedBody:
    """A fresh classifier on a copy of ``body``."""
    torch.manual_seed(seed)
    model = HeadedBody(copy.deepcopy(body), _head(body, parameters, classes), parameters["pooling"])
    freeze(model.body, parameters["frozen_layers"])
    set_dropout(model.body, parameters["dropout"])
    return model


def freeze(body: Any, count: int) -> list[nn.Module]:
    """Freeze the embeddings and the lowest ``count`` layers of a BERT; 0 freezes nothing. Returns what is frozen."""
    frozen: list[nn.Module] = [body.embeddings, *body.encoder.layer[:count]] if count else []
    for module in frozen:
        module.requires_grad_(False)
    return frozen


def set_dropout(body: nn.Module, rate: float) -> None:
    """One rate for every dropout of the body."""
    for module in body.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate


def _head(body: Any, parameters: Mapping[str, Any], classes: int) -> nn.Sequential:
    width, rate = body.config.hidden_size, parameters["dropout"]
    layers: list[nn.Module] = [nn.Dropout(rate)]
    for size in parameters["head_hidden_sizes"]:
        layers += [nn.Linear(width, size), nn.GELU(), nn.Dropout(rate)]
        width = size
    layers.append(nn.Linear(width, classes))
    return nn.Sequential(*layers)
