"""Where a body of transformers keeps its layers, and what stands before them."""

from __future__ import annotations

import copy
from typing import Any

import torch
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


def frozen_parts(body: nn.Module, count: int, embeddings: bool = False) -> list[nn.Module]:
    """What freezing ``count`` layers freezes: all that stands before the layers, the lowest ``count``, and with all of
    them what stands behind (a last norm). ``embeddings`` freezes what stands before even where ``count`` is 0."""
    _, layers = layers_of(body)
    if count == len(layers):
        return list(body.children())
    before = [getattr(body, name) for name in stands_before(body)]
    return [*before, *layers[:count]] if count or embeddings else []


def keep_lowest(body: Any, count: int) -> None:
    """Take all but the lowest ``count`` layers out of ``body``, as ``num_hidden_layers`` of transformers does."""
    path, layers = layers_of(body)
    parent, _, name = path.rpartition(".")
    setattr(body.get_submodule(parent), name, layers[:count])
    body.config.num_hidden_layers = count


def steps_below_head(body: nn.Module, name: str) -> int:
    """How far below the head a parameter of ``body`` stands: 0 behind the layers, 1 in the top one, and so on; what stands
    before the layers is one step below the lowest."""
    path, layers = layers_of(body)
    if name.startswith(f"{path}."):
        index = name.removeprefix(f"{path}.").split(".", 1)[0]
        return len(layers) - int(index)
    return len(layers) + 1 if name.split(".", 1)[0] in stands_before(body) else 0


def reinitialise(body: Any, count: int, seed: int) -> None:
    """Draw the weights of the highest ``count`` layers of ``body`` anew from ``seed``, on the CPU, as the architecture's own
    code draws those of a model before its pretraining (Zhang et al. 2021, "Revisiting few-sample BERT fine-tuning")."""
    _, layers = layers_of(body)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for layer in layers[len(layers) - count :]:
            drawn = copy.deepcopy(layer).cpu()
            drawn.apply(body._init_weights)  # noqa: SLF001 - there is no public name for a part of a model
            layer.load_state_dict(drawn.state_dict())
