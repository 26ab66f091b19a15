"""Where training computes and with which numbers: the choice, and the reason for it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hpo.errors import UserError
from hpo.records.setup import DeviceInfo

# Kinds of devices on which equal work gives equal bits. A GPU adds up gradients in no fixed order.
EXACT = ("cpu",)


@dataclass(frozen=True)
class Precision:
    """A device with the number format of its matrix products; weights and optimizer states are float32 on each."""

    device: torch.device
    info: DeviceInfo

    @property
    def texts_at_once(self) -> int:
        """Most texts of a batch without gradients. On a CPU few, for more outgrow its caches; on a GPU many fill it."""
        return 128 if self.device.type == "cuda" else 32

    @property
    def batch_overhead(self) -> int:
        """What a batch without gradients costs beside its tokens, in tokens.

        On a CPU the 2 ms of calls that two layers of MiniLM take, where a token takes 45 microseconds. On a GPU a guess,
        not measured: the calls of a layer take as long as its work on some thousand tokens.
        """
        return 2048 if self.device.type == "cuda" else 48

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Context in which the forward pass runs."""
        if self.info.precision == "bf16 autocast":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def numerics_class(self) -> str:
        """Within one class equal work gives equal bits; nothing is promised across classes."""
        i = self.info
        transformers = importlib.metadata.version("transformers")
        return f"torch {torch.__version__}, transformers {transformers}, {i.name}, {i.precision}, {i.threads} threads"


def on_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """``array`` as a tensor on ``device``; to a GPU from pinned memory, so that the copy runs beside the step before."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def choose_precision(requested: str | None) -> Precision:
    """The device that ``requested`` names (``cpu``, ``cuda``, ``cuda:1``, ``mps``), else the best at hand.

    Raises:
        UserError: there is no such device, or it does not answer.
    """
    name = requested or ("cuda" if torch.cuda.is_available() else "cpu")
    at_hand = _at_hand()
    if name not in at_hand:
        raise UserError(
            f"--device {name}: not at hand; this machine offers {', '.join(at_hand)}",
            "Leave --device out to take the best device at hand.",
        )
    device = torch.device(name)
    try:
        torch.empty(1, device=device)
    except RuntimeError as error:
        raise UserError(
            f"--device {name} does not answer: {(str(error).splitlines() or [type(error).__name__])[0]}",
            "Free the device, or name another with --device.",
        ) from error
    # Pinned, so that float32 means float32 on every card; the fast format of a card is bf16.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    precision, reason = _precision_of(device)
    info = DeviceInfo(
        name=_device_name(device),
        precision=precision,
        precision_reason=reason,
        threads=torch.get_num_threads(),
    )
    return Precision(device, info)


def _at_hand() -> list[str]:
    """Names of the devices of this machine that training knows."""
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = ["cuda", *(f"cuda:{i}" for i in range(cards))] if cards else []
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]


def _precision_of(device: torch.device) -> tuple[str, str]:
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16 autocast", "the GPU multiplies bf16 in hardware"
    if device.type == "cuda":
        return "float32", "the GPU has no bf16 in hardware"
    return "float32", "bf16 on a CPU is slower than float32 wherever it is emulated"


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
