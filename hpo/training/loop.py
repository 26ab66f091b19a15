"""The training loop: one segment, from the state at its start to the state at its end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from hpo.pulse import progress
from hpo.seeds import derive
from hpo.training.backward import Backward
from hpo.training.course import Step
from hpo.training.mixup import draw_mix, part_with_partners
from hpo.training.parts import parts
from hpo.training.precision import on_device
from hpo.training.private_steps import PrivateBackward

Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Trained:
    """What a segment cost and showed: ``loss`` is the mean over its steps, in nats, NaN or infinite where it diverged: where
    a step's loss, or the norm of its gradient, was not finite.

    Of a private training it is 0 or NaN: its losses tell of the texts.
    """

    loss: float
    seconds: float


def train_segment(
    backward: Backward,
    optimizer: torch.optim.Optimizer,
    steps: Iterable[Step],
    seed: int,
    clip: float,
    accumulation: int = 1,
    mixup: float = 0.0,
) -> Trained:
    """Train the model of ``backward`` in place, one step after another, by its objective on each batch.

    Dropout is drawn from a generator seeded by (seed, step, part), so that a state carries no generator and a fork, a
    resumed training and an undisturbed one draw alike.

    Args:
        seed: of the training.
        clip: largest norm of the gradient; a private training clips that of each text instead.
        accumulation: parts of a batch whose gradients are added up.
        mixup: alpha of ``hpo.training.mixup``; 0: texts are not mixed.
    """
    started = time.perf_counter()
    parameters = list(backward.model.trained().values())
    backward.model.train()
    losses: list[Tensor] = []
    norms: list[Tensor] = []
    for step in steps:
        for group in optimizer.param_groups:
            group["lr"] = step.rate * group["factor"]
        backward.model.unfreeze(step.unfrozen)
        if isinstance(backward, PrivateBackward):
            backward.put_gradients(step, accumulation)
        else:
            losses.append(_backward(backward, step, seed, accumulation, mixup))
            norms.append(clip_grad_norm_(parameters, clip))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress()
    mean = _mean_loss(backward, losses, norms)  # the one synchronisation of a segment
    return Trained(mean, time.perf_counter() - started)


def _mean_loss(backward: Backward, losses: list[Tensor], norms: list[Tensor]) -> float:
    if isinstance(backward, PrivateBackward):
        return 0.0 if backward.is_finite() else math.nan
    # An infinite gradient is cut to NaN, which the weights of rare words may keep unseen for long. Times 0 it is NaN.
    return float((torch.stack(losses).double() + 0.0 * torch.stack(norms).double()).mean())


def _backward(backward: Backward, step: Step, seed: int, accumulation: int, mixup: float) -> Tensor:
    """The loss of a step, with its gradients in place: of all rows at once, or added up part by part."""
    device, count = backward.precision.device, len(step.labels)
    mass = backward.model.objective.mass
    whole = mass(step.labels)
    mix = draw_mix(seed, step.index, count, mixup) if mixup else None
    losses = []
    for part, rows in enumerate(parts(count, accumulation)):
        share = mass(step.labels[rows]) / whole if whole else 1.0
        if not share:
            continue  # no word of it has a label
        torch.manual_seed(derive(seed, "dropout", step.index, *([part] if part else [])))
        batch = _part(step, rows) if mix is None else _mixed(step, rows, *mix, mass, whole)
        losses.append(backward(tuple(on_device(array, device) for array in batch), 1.0 if mix else share))
    return losses[0] if len(losses) == 1 else torch.stack(losses).sum()


def _part(step: Step, items: slice | NDArray[np.int64]) -> Arrays:
    return step.texts[items], step.mask[items], step.labels[items]


def _mixed(
    step: Step,
    rows: slice,
    share: NDArray[np.float32],
    partners: NDArray[np.int64],
    mass: Callable[[NDArray[np.int64]], float],
    whole: float,
) -> Arrays:
    """Some rows of a step with their partners, and what of the step's loss each of the two labels decides."""
    items, places = part_with_partners(rows, partners)
    masses = np.array([mass(step.labels[rows]), mass(step.labels[partners[rows]])], np.float32) / np.float32(
        whole
    )
    return *_part(step, items), share, places, np.concatenate([share, 1 - share]) * masses
