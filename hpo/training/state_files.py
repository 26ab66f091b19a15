"""A state in a file, with its digest: one that is not what was written is found when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from hpo.training.states import bits, state_digest
from hpo.training.tensor_files import Block, DamagedError, TensorFile

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def state_file(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> TensorFile:
    """What is written of a state, whose ``state_digest`` is among the metadata.

    Args:
        tensors: on the CPU, contiguous.
    """
    blocks = [
        Block(name, DTYPES[tensor.dtype], tuple(tensor.shape), bits(tensor))
        for name, tensor in tensors.items()
    ]
    return TensorFile(blocks, metadata)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a state's file, on the CPU.

    Raises:
        DamagedError: it is not what was written.
        FileNotFoundError: there is none.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            digest = (file.metadata() or {}).get("digest")
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError) as error:
        raise DamagedError(path) from error
    if digest != state_digest(tensors):
        raise DamagedError(path)
    return tensors
