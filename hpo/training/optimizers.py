"""Optimizers over the trained parameters alone: a frozen one would still decay under a zero gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import torch
from schedulefree import AdamWScheduleFree

from hpo.models.classifier import Classifier


def build_optimizer(model: Classifier, parameters: Mapping[str, Any]) -> torch.optim.Optimizer:
    """The optimizer that ``parameters`` name, with weight decay on matrices and none on biases and norms.

    The loop sets the learning rate at each step: the step's, times ``factor`` of the group. Those that have a fused form are
    fused: on a CPU a foreach step of AdamW takes three times as long (`python -m benchmarks optimizer`). One of
    schedule-free
    AdamW takes twice as long there as a step tensor by tensor.
    """
    groups = _groups(model, parameters)
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
            on_gpu = any(p.is_cuda for p in model.trained().values())
            averaging = AdamWScheduleFree(groups, lr=0.0, **_adam(parameters), foreach=on_gpu)
            averaging.train()
            optimizer: torch.optim.Optimizer = averaging
            return optimizer
        case other:
            raise ValueError(f"no optimizer is named {other!r}")


def _groups(model: Classifier, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The trained parameters by weight decay and, where it matters, by layer: k steps below the head the factor is
    layer_decay^k.

    Layers that are unfrozen one after another have groups of their own: fused SGD wants the momenta of all of a group, or
    of none.
    """
    layer_decay = parameters.get("layer_decay", 1.0)
    by_layer = layer_decay != 1 or parameters.get("unfreezing") == "gradual"
    groups: dict[tuple[bool, int], dict[str, Any]] = {}
    for name, parameter in model.trained().items():
        is_matrix, below = parameter.ndim >= 2, model.below_head[name] if by_layer else 0
        group = {
            "params": [],
            "weight_decay": parameters["weight_decay"] if is_matrix else 0.0,
            "factor": layer_decay**below,
        }
        groups.setdefault((is_matrix, below), group)["params"].append(parameter)
    return list(groups.values())


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
