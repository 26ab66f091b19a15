"""What training keeps of a pretrained model and what of it it changes, as the parameters tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The parameters that decide which layers there are and what becomes of them.
LAYERS = ("num_layers", "fine_tuning", "frozen_layers", "reinitialised_layers", "adapter_targets")
ADAPTED = ("lora", "dora")  # values of ``fine_tuning`` that train adapters and no weight of the model


def kept_layers(parameters: Mapping[str, Any], layers: int) -> int:
    """Lowest layers that are kept of a model of so many."""
    return int(parameters["num_layers"]) or layers


def frozen_layers(parameters: Mapping[str, Any], layers: int) -> int:
    """Lowest layers of a model of so many that stay as pretrained, with all below them."""
    match parameters["fine_tuning"]:
        case "full":
            return 0
        case "head":
            return kept_layers(parameters, layers)
        case _:
            return int(parameters["frozen_layers"])


def freezes_embeddings(parameters: Mapping[str, Any]) -> bool:
    """Whether what stands before the layers stays as pretrained even where no layer does."""
    return parameters["fine_tuning"] in ADAPTED or parameters.get("embeddings") == "frozen"
