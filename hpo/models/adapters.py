"""Low-rank adapters beside frozen linear maps, as peft makes them: LoRA (Hu et al. 2021) and DoRA (Liu et al. 2024)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from hpo.models.layers import layers_of

# Queries and values of architectures of which peft's own table has none.
_QUERIES_AND_VALUES = {"distilbert": ["q_lin", "v_lin"], "modernbert": ["Wqkv"]}


def adapter_targets(body: Any, first: int, which: str) -> list[str]:
    """Names of the linear maps in the layers of ``body`` from ``first`` on that adapters stand beside.

    Args:
        which: ``all_linear``, or ``attention``: queries and values; where the architecture computes them in one map with
            the keys, that map.

    Returns:
        None at all where queries and values of the architecture are not known.
    """
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN
    from transformers.pytorch_utils import Conv1D

    path, layers = layers_of(body)
    linear = [
        f"{path}.{index}.{name}"
        for index in range(first, len(layers))
        for name, module in layers[index].named_modules()
        if isinstance(module, nn.Linear | Conv1D)
    ]
    if which == "all_linear":
        return linear
    attention = {**KNOWN, **_QUERIES_AND_VALUES}.get(body.config.model_type)
    if not isinstance(attention, list):  # of a few models it is a pattern over a larger whole
        return []
    return [name for name in linear if name.rpartition(".")[2] in attention]


def adapt(body: Any, first: int, parameters: Mapping[str, Any], seed: int) -> None:
    """Put adapters into the layers of ``body`` from ``first`` on; nothing else of it is trained.

    They begin as no change: one factor of each is zero, the other drawn from ``seed`` (Hu et al. 2021, section 4.1). They
    have no dropout of their own.
    """
    from peft import LoraConfig, inject_adapter_in_model
    from transformers.pytorch_utils import Conv1D

    targets = adapter_targets(body, first, parameters["adapter_targets"])
    config = LoraConfig(
        r=parameters["adapter_rank"],
        lora_alpha=parameters["adapter_alpha"],
        target_modules=targets,
        use_dora=parameters["fine_tuning"] == "dora",
        fan_in_fan_out=isinstance(body.get_submodule(targets[0]), Conv1D),
    )
    with torch.random.fork_rng(devices=[]):  # peft draws on the CPU, from the generator of the process
        torch.default_generator.manual_seed(seed)
        inject_adapter_in_model(config, body)


def merged(body: Any) -> Any:
    """A copy of ``body`` in which adapters are added to the maps that they stand beside (Hu et al. 2021, section 4.1), and
    are gone; ``body`` itself, whose maps others may share, stays as it is."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    whole = copy.deepcopy(body)
    for name, module in list(whole.named_modules()):
        if isinstance(module, BaseTunerLayer):
            adapted: Any = module
            adapted.merge()
            whole.set_submodule(name, adapted.get_base_layer())
    vars(whole).pop("peft_config", None)
    return whole
