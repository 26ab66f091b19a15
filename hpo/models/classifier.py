"""A pretrained body, what of it is frozen, what the head reads, and the head."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hpo.data.batches import own_width, widest_within
from hpo.models.layers import frozen_parts, layers_of
from hpo.models.objective import OBJECTIVE, Objective
from hpo.models.pretrained import Pretrained
from hpo.models.shortcuts import read_first_token, start_at, wide

# Standard deviation of the head's first weights (BERT, Devlin et al. 2019, initializer_range).
HEAD_DEVIATION = 0.02


# The parameters that tell one classifier from another.
STRUCTURE = ("frozen_layers", "head_hidden_sizes", "pooling", "dropout", *OBJECTIVE)


class Classifier(nn.Module):
    """Texts to logits: body, pooling over tokens, head. Frozen parts stay in eval mode whatever ``train()`` says.

    Where the body begins at a depth, it takes hidden states in place of token ids; where it begins past the last layer,
    there is none.
    """

    def __init__(
        self,
        body: nn.Module | None,
        head: nn.Module,
        pooling: str,
        frozen: Sequence[nn.Module],
        wide_mask: bool = False,
        objective: Objective | None = None,
    ) -> None:
        super().__init__()
        self.objective = objective or Objective()
        self.body = body
        self.head = head
        self._pooling = pooling
        self._wide_mask = wide_mask
        self._frozen = tuple(frozen)  # a plain tuple: these are submodules of the body already

    def forward(self, texts: Tensor, mask: Tensor) -> Tensor:
        """Logits (batch, classes) of texts padded on the right; (batch, width, classes) without pooling.

        Args:
            texts: token ids (batch, width) int64, or hidden states (batch, width, hidden).
            mask: (batch, width) int64.
        """
        hidden = texts
        if self.body is not None:
            given = {"inputs_embeds": texts} if texts.is_floating_point() else {"input_ids": texts}
            attended = wide(mask) if self._wide_mask else mask
            hidden = self.body(**given, attention_mask=attended).last_hidden_state
        if self._pooling == "none":
            pooled = hidden
        elif self._pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        logits: Tensor = self.head(pooled)
        return logits

    @property
    def runs_ahead(self) -> bool:
        """Whether no pass waits for the device to end its work."""
        return self.body is None or self._wide_mask

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
    pretrained: Pretrained,
    parameters: Mapping[str, Any],
    classes: int,
    head_seed: int,
    start: int = 0,
    objective: Objective | None = None,
) -> Classifier:
    """A fresh classifier on the pretrained body: a copy of what is trained, the frozen parts themselves.

    Args:
        parameters: those of ``STRUCTURE`` are read.
        classes: number of logits.
        head_seed: of the head's first weights.
        start: depth at which the body begins: 0 reads token ids, k (at most ``frozen_layers``) hidden states before
            layer k.
        objective: what its logits mean; None: one class a text.
    """
    rate, pooling = parameters["dropout"], parameters["pooling"]
    head = _build_head(
        pretrained.info.hidden_size, parameters["head_hidden_sizes"], classes, rate, head_seed
    ).to(next(pretrained.body.parameters()).device)
    if start == pretrained.info.layers:
        return Classifier(None, head, pooling, (), objective=objective)
    body, frozen = _copy_body(pretrained.body, parameters["frozen_layers"])
    _set_dropout(body, frozen, rate)
    start_at(body, start)
    trains_last = parameters["frozen_layers"] < pretrained.info.layers  # else it is the pretrained body's own
    if pooling == "cls" and trains_last and pretrained.first_token_works:
        read_first_token(body)
    on_gpu = next(pretrained.body.parameters()).is_cuda
    wide_mask = on_gpu and pretrained.wide_mask_works
    return Classifier(body, head, pooling, frozen, wide_mask, objective)


def classifier_on(body: Any, parameters: Mapping[str, Any], classes: int) -> Classifier:
    """A classifier of a whole body and a head that is still to be loaded, by the parameters of ``STRUCTURE``."""
    width, rate = body.config.hidden_size, parameters["dropout"]
    head = _build_head(width, parameters["head_hidden_sizes"], classes, rate, seed=0)
    return Classifier(body, head, parameters["pooling"], ())


def _copy_body(body: nn.Module, count: int) -> tuple[nn.Module, list[nn.Module]]:
    """A copy that shares the frozen parts, which nothing changes, and these parts."""
    frozen = frozen_parts(body, count)
    copied = copy.deepcopy(body, {id(module): module for module in frozen})
    shared = {id(p) for module in frozen for p in module.parameters()}
    for parameter in copied.parameters():
        parameter.requires_grad_(id(parameter) not in shared)
    return copied, frozen


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
    if positions is not None and (width := own_width(max_length)) > positions:
        faults["max_length"] = (
            f"{max_length} was found, which is padded to {width}; the model has {positions} positions; "
            f"allowed is at most {widest_within(positions)}"
        )
    layers_of(pretrained.body)
    return faults


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
