"""A training's state as named tensors: the trained parameters and the optimizer's moments and counts, nothing frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from hpo.models.classifier import Classifier

# What an optimizer counts for all parameters of a group together, as numbers: schedule-free AdamW's steps, the sum of the
# weights of its average, and the highest rate so far.
COUNTED = ("k", "weight_sum", "lr_max")


@dataclass(frozen=True)
class Captured:
    """A state that nothing changes any more.

    Attributes:
        tensors: by name, on the device that trained them.
        ready: on a GPU, which is still at work when they are handed out: when they hold the state.
    """

    tensors: dict[str, Tensor]
    ready: torch.cuda.Event | None

    def on_cpu(self) -> dict[str, Tensor]:
        """The tensors on the CPU; from a GPU into pinned memory, on a stream beside what is trained meanwhile."""
        if self.ready is None:
            return {name: tensor.cpu() for name, tensor in self.tensors.items()}
        stream = torch.cuda.Stream()
        stream.wait_event(self.ready)
        with torch.cuda.stream(stream):
            copies = {
                name: torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(
                    tensor, non_blocking=True
                )
                for name, tensor in self.tensors.items()
            }
        stream.synchronize()
        return copies


def capture(model: Classifier, optimizer: torch.optim.Optimizer) -> Captured:
    """The state of now, not shared with the model."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in model.trained().items():
        tensors[f"model/{name}"] = _copy(parameter)
        for slot, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{slot}/{name}"] = _copy(value)
    for number, group in enumerate(optimizer.param_groups):
        for slot in COUNTED:
            if slot in group:
                tensors[f"group/{slot}/{number}"] = torch.tensor(group[slot], dtype=torch.float64)
    ready = None
    if any(tensor.is_cuda for tensor in tensors.values()):
        ready = torch.cuda.Event()
        ready.record()
    return Captured(tensors, ready)


def restore(model: Classifier, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Set ``model`` and ``optimizer``, freshly built, to a captured state."""
    trained = model.trained()
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(tensors[f"model/{name}"])
    for name, value in tensors.items():
        kind, _, rest = name.partition("/")
        slot, _, of = rest.partition("/")
        if kind == "optimizer":
            parameter = trained[of]
            optimizer.state[parameter][slot] = value.to(parameter.device, copy=True)
        elif kind == "group":
            group = optimizer.param_groups[int(of)]
            group[slot] = type(group[slot])(value.item())


def state_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and bits."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(bits(tensors[name]))
    return "sha256:" + digest.hexdigest()


def bits(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous tensor on the CPU, of any type, not copied."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().clone(memory_format=torch.contiguous_format)
