"""Optimizers over the trained parameters alone: a frozen one would still decay under a zero gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def build_optimizer(model: nn.Module, parameters: Mapping[str, Any]) -> torch.optim.Optimizer:
    """The optimizer that ``parameters`` name, with weight decay on matrices and none on biases and norms.

    The learning rate is set by the loop at each step. All are fused: on a CPU a foreach step of AdamW takes three times as
    long (`python -m benchmarks optimizer`).
    """
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for _, p in named if p.ndim >= 2], "weight_decay": parameters["weight_decay"]},
        {"params": [p for _, p in named if p.ndim < 2], "weight_decay": 0.0},
    ]
    match parameters["optimizer"]:
        case "adamw":
            return torch.optim.AdamW(groups, lr=0.0, fused=True)
        case "adam":
            return torch.optim.Adam(groups, lr=0.0, fused=True)
        case "sgd":
            return torch.optim.SGD(groups, lr=0.0, momentum=parameters["momentum"], fused=True)
        case other:
            raise ValueError(f"no optimizer is named {other!r}")
