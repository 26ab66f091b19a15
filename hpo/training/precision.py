"""Where training computes and with which numbers: the choice, and the reason for it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
from dataclasses import dataclass
from pathlib import Path

import torch

from hpo.errors import UserError
from hpo.records.schema import DeviceInfo


@dataclass(frozen=True)
class Precision:
    """A device with the number format of its matrix products; weights and optimizer states are float32 on each."""

    device: torch.device
    info: DeviceInfo

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


def choose_precision(requested: str | None) -> Precision:
    """The device that ``requested`` names (``cpu``, ``cuda``, ``cuda:1``, ``mps``), else the best at hand.

    Raises:
        UserError: there is no such device.
    """
    name = requested or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
        if device.type not in ("cpu", "cuda", "mps"):
            raise RuntimeError(device.type)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        cards = torch.cuda.device_count()
        raise UserError(
            f"--device {name}: not at hand; this machine offers cpu"
            + (f" and {cards} CUDA devices" if cards else ""),
            "Leave --device out to take the best device at hand.",
        ) from error
    precision, reason = _precision_of(device)
    info = DeviceInfo(
        name=_device_name(device),
        precision=precision,
        precision_reason=reason,
        threads=torch.get_num_threads(),
    )
    return Precision(device, info)


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
