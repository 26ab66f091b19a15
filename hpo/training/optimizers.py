"""Optimizers over the trained parameters alone: a frozen one would still decay under a zero gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from hpo.models.classifier import Classifier


def build_optimizer(model: Classifier, parameters: Mapping[str, Any]) -> torch.optim.Optimizer:
    """The optimizer that ``parameters`` name, with weight decay on matrices and none on biases and norms.

    The loop sets the learning rate at each step: the step's, times ``factor`` of the group. All are fused: on a CPU a
    foreach step of AdamW takes three times as long (`python -m benchmarks optimizer`).
    """
    groups = _groups(model, parameters)
    match parameters["optimizer"]:
        case "adamw":
            return torch.optim.AdamW(groups, lr=0.0, fused=True)
        case "adam":
            return torch.optim.Adam(groups, lr=0.0, fused=True)
        case "sgd":
            return torch.optim.SGD(groups, lr=0.0, momentum=parameters["momentum"], fused=True)
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
