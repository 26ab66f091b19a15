"""What is put on top of a body: pooling over tokens, and the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

# Standard deviation of the head's first weights (BERT, Devlin et al. 2019, initializer_range).
HEAD_DEVIATION = 0.02
# The parameters that tell what a head is and what it reads.
HEAD = ("head_hidden_sizes", "head_activation", "head_dropout", "pooling")
_ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU, "tanh": nn.Tanh}


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """One vector (batch, hidden) of the hidden states (batch, width, hidden) of each text; ``mask`` (batch, width).

    ``none`` leaves the hidden states as they are.
    """
    match pooling:
        case "none":
            return hidden
        case "cls":
            return hidden[:, 0]
        case "mean":
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            return (hidden * weights).sum(1) / weights.sum(1)
        case "max":
            return hidden.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(1)
        case "last":
            place = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(1)
            return hidden[torch.arange(len(hidden), device=hidden.device), place]
        case other:
            raise ValueError(f"no pooling is named {other!r}")


def has_bias(parameters: Mapping[str, Any]) -> bool:
    """Whether the head's last matrix has a bias. A linear head on the last token has none, as in the classes that
    transformers has for decoders, so that these can hold it."""
    return parameters["pooling"] != "last" or bool(parameters["head_hidden_sizes"])


def build_head(width: int, parameters: Mapping[str, Any], classes: int, seed: int) -> nn.Module:
    """A head for vectors of ``width``, its weights drawn from ``seed``."""
    rate = parameters["head_dropout"]
    layers: list[nn.Module] = [nn.Dropout(rate)]
    for size in parameters["head_hidden_sizes"]:
        layers += [nn.Linear(width, size), _ACTIVATIONS[parameters["head_activation"]](), nn.Dropout(rate)]
        width = size
    layers.append(nn.Linear(width, classes, bias=has_bias(parameters)))
    head = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.normal_(0.0, HEAD_DEVIATION, generator=generator)
    return head
