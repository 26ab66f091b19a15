"""Optimizers over the trained parameters alone: a frozen one would still decay under a zero gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import torch
from schedulefree import AdamWScheduleFree
from torch import nn


def build_optimizer(model: nn.Module, parameters: Mapping[str, Any]) -> torch.optim.Optimizer:
    """The optimizer that ``parameters`` name, with weight decay on matrices and none on biases and norms.

    The learning rate is set by the loop at each step. Those that have a fused form are fused: on a CPU a foreach step of
    AdamW takes three times as long (`python -m benchmarks optimizer`). One of schedule-free AdamW takes twice as long there
    as a step tensor by tensor.
    """
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for _, p in named if p.ndim >= 2], "weight_decay": parameters["weight_decay"]},
        {"params": [p for _, p in named if p.ndim < 2], "weight_decay": 0.0},
    ]
    match parameters["optimizer"]:
        case "adamw":
            return torch.optim.AdamW(groups, lr=0.0, **_adam(parameters), fused=True)
        case "adam":
            return torch.optim.Adam(groups, lr=0.0, **_adam(parameters), fused=True)
        case "sgd":
            return torch.optim.SGD(groups, lr=0.0, momentum=parameters["momentum"], fused=True)
        case "adafactor":
            return torch.optim.Adafactor(groups, lr=0.0)
        case "schedule_free_adamw":
            on_gpu = any(p.is_cuda for _, p in named)
            averaging = AdamWScheduleFree(groups, lr=0.0, **_adam(parameters), foreach=on_gpu)
            averaging.train()
            optimizer: torch.optim.Optimizer = averaging
            return optimizer
        case other:
            raise ValueError(f"no optimizer is named {other!r}")


def library(name: str) -> dict[str, str]:
    """The library, with its version, of an optimizer that torch does not have: its steps are in no other key."""
    return {"schedulefree": version("schedulefree")} if name == "schedule_free_adamw" else {}


def _adam(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"betas": (parameters["beta1"], parameters["beta2"]), "eps": parameters["epsilon"]}


@contextmanager
def as_scored(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """The parameters as they are scored and handed out, which schedule-free AdamW alone does not train them as.

    Gradients are taken at y, between the average x of all steps and the last of them, z; x is what is good (Defazio et al.
    2024, "The Road Less Scheduled", section 2). States hold y, whose bits come back here: to compute it from x again would
    round, and evaluations would change what is trained.
    """
    if not isinstance(optimizer, AdamWScheduleFree):
        yield
        return
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    trained = [p.detach().clone() for p in parameters]
    optimizer.eval()
    try:
        yield
    finally:
        optimizer.train()
        with torch.no_grad():
            for parameter, y in zip(parameters, trained, strict=True):
                parameter.copy_(y)
