"""Where a body of transformers keeps its layers, and what stands before them."""

from __future__ import annotations

from typing import Any

from torch import nn

from hpo.errors import UserError


def layers_of(body: Any) -> tuple[str, nn.ModuleList]:
    """Name and list of the transformer layers: the one module list as long as the model is deep."""
    depth = body.config.num_hidden_layers
    for name, module in body.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return name, module
    raise UserError(
        f"{type(body).__name__} has no list of {depth} layers, so that none can be frozen",
        "Choose an encoder such as BERT, RoBERTa, DistilBERT or MiniLM.",
    )


def stands_before(body: nn.Module) -> list[str]:
    """Names of the body's children before the layers: the embeddings."""
    top = layers_of(body)[0].split(".", 1)[0]
    names = []
    for name, _ in body.named_children():
        if name == top:
            break
        names.append(name)
    return names


def frozen_parts(body: nn.Module, count: int) -> list[nn.Module]:
    """What freezing ``count`` layers freezes: all that stands before the layers, the lowest ``count``, and with all of
    them what stands behind (a last norm)."""
    _, layers = layers_of(body)
    if count == len(layers):
        return list(body.children())
    before = [getattr(body, name) for name in stands_before(body)]
    return [*before, *layers[:count]] if count else []
