"""A pretrained body, what of it is frozen, what the head reads, and the head."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hpo.data.batches import padded_width, widest_within
from hpo.errors import UserError
from hpo.models.pretrained import Pretrained

# Standard deviation of the head's first weights (BERT, Devlin et al. 2019, initializer_range).
HEAD_DEVIATION = 0.02


class Classifier(nn.Module):
    """Texts to logits: body, pooling over tokens, head. Frozen parts stay in eval mode whatever ``train()`` says."""

    def __init__(self, body: nn.Module, head: nn.Module, pooling: str, frozen: list[nn.Module]) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self._pooling = pooling
        self._frozen = frozen  # a plain list: these are submodules of the body already

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """``ids`` and ``mask`` (batch, width) int64, padded on the right -> logits (batch, classes)."""
        hidden = self.body(input_ids=ids, attention_mask=mask).last_hidden_state  # (batch, width, hidden)
        if self._pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        logits: Tensor = self.head(pooled)
        return logits

    def train(self, mode: bool = True) -> Classifier:
        """Set the mode of what is trained; ``nn.Module.train`` would turn dropout of frozen layers on again."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}


def build_classifier(
    pretrained: Pretrained, parameters: Mapping[str, Any], classes: int, head_seed: int
) -> Classifier:
    """A fresh classifier from a copy of the pretrained body.

    Args:
        parameters: ``frozen_layers``, ``head_hidden_sizes``, ``pooling`` and ``dropout`` are read.
        classes: number of logits.
        head_seed: of the head's first weights.
    """
    body = copy.deepcopy(pretrained.body)
    frozen = _freeze(body, parameters["frozen_layers"])
    _set_dropout(body, frozen, parameters["dropout"])
    head = _build_head(
        pretrained.info.hidden_size,
        parameters["head_hidden_sizes"],
        classes,
        parameters["dropout"],
        head_seed,
    )
    return Classifier(body, head, parameters["pooling"], frozen)


def structure_faults(
    pretrained: Pretrained, most_frozen: int, poolings: set[str], max_length: int
) -> dict[str, str]:
    """What of a space this architecture cannot do: parameter (or ``max_length``) to what is wrong and what is allowed.

    Args:
        most_frozen: largest ``frozen_layers`` of the space.
        poolings: every ``pooling`` of the space.
        max_length: tokens that a text may have.
    """
    faults: dict[str, str] = {}
    layers = pretrained.info.layers
    if most_frozen > layers:
        faults["frozen_layers"] = (
            f"{most_frozen} was found; the model has {layers} layers, all of which may be frozen"
        )
    if "cls" in poolings and pretrained.tokenizer.cls_token_id is None:
        faults["pooling"] = "cls was found; texts of this model have no [CLS] token to read; allowed is mean"
    positions = getattr(pretrained.body.config, "max_position_embeddings", None)
    if positions is not None and (width := padded_width(max_length)) > positions:
        faults["max_length"] = (
            f"{max_length} was found, which is padded to {width}; the model has {positions} positions; "
            f"allowed is at most {widest_within(positions)}"
        )
    _layers(pretrained.body)
    return faults


def _layers(body: Any) -> tuple[str, nn.ModuleList]:
    """Name and list of the transformer layers: the one module list as long as the model is deep."""
    depth = body.config.num_hidden_layers
    for name, module in body.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return name, module
    raise UserError(
        f"{type(body).__name__} has no list of {depth} layers, so that none can be frozen",
        "Choose an encoder such as BERT, RoBERTa, DistilBERT or MiniLM.",
    )


def _freeze(body: nn.Module, count: int) -> list[nn.Module]:
    """Freeze the embeddings (all that stands before the layers) and the lowest ``count`` layers; 0 freezes nothing."""
    if count == 0:
        return []
    name, layers = _layers(body)
    frozen: list[nn.Module] = list(layers[:count])
    top = name.split(".", 1)[0]
    for child_name, child in body.named_children():
        if child_name == top:
            break
        frozen.append(child)
    for module in frozen:
        module.requires_grad_(False)
    if count == len(layers):  # a norm after the last layer belongs to a body that is frozen whole
        body.requires_grad_(False)
        frozen.append(body)
    return frozen


def _set_dropout(body: nn.Module, frozen: list[nn.Module], rate: float) -> None:
    inactive = {id(m) for module in frozen for m in module.modules()}
    for module in body.modules():
        if id(module) in inactive:
            continue
        if isinstance(module, nn.Dropout):
            module.p = rate
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = rate  # type: ignore[assignment]


def _build_head(
    width: int, hidden_sizes: tuple[int, ...], classes: int, dropout: float, seed: int
) -> nn.Module:
    layers: list[nn.Module] = [nn.Dropout(dropout)]
    for size in hidden_sizes:
        layers += [nn.Linear(width, size), nn.GELU(), nn.Dropout(dropout)]
        width = size
    layers.append(nn.Linear(width, classes))
    head = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.normal_(0.0, HEAD_DEVIATION, generator=generator)
    return head
