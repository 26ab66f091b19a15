"""Decoders in GGUF files, as safetensors and a tokenizer that load like any other model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from hpo.models.folders import check_size
from hpo.models.gguf_header import read_gguf_header


def write_safetensors(source: Path, folder: Path) -> None:
    """Write body and tokenizer of the GGUF file ``source`` into ``folder``, quantized weights unpacked to float32.

    Raises:
        ValueError: the file lacks weights, or its header lies.
        FaultError: it says that it is a larger model than it holds.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    there = read_gguf_header(source)

    # The whole path: a bare name would be looked for in the current folder first.
    place, file = str(source.parent), str(source.absolute())
    check_size(AutoConfig.from_pretrained(place, gguf_file=file), there.tensors, 2 * there.numbers)
    AutoTokenizer.from_pretrained(place, gguf_file=file, trust_remote_code=False).save_pretrained(folder)
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        place, gguf_file=file, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
    )
    model, report = loaded
    body = model.base_model
    unset = {f"{model.base_model_prefix}.{name}" for name, _ in body.named_parameters()} & set(
        report["missing_keys"]
    )
    if unset:
        raise ValueError(f"it has no weights for {len(unset)} tensors, such as {min(unset)}")
    config = body.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the weights are plain now
    config.save_pretrained(folder)
    weights = {name: tensor.contiguous() for name, tensor in body.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
