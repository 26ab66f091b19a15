"""The training loop: one segment, from the state at its start to the state at its end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from hpo.seeds import derive
from hpo.training.backward import Backward
from hpo.training.course import Step
from hpo.training.mixup import draw_mix
from hpo.training.parts import parts
from hpo.training.precision import on_device
from hpo.training.private_steps import PrivateBackward


@dataclass(frozen=True)
class Trained:
    """What a segment cost and showed: ``loss`` is the mean over its steps, in nats, NaN or infinite where it diverged.

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
        mixup: alpha of ``hpo.training.mixup``, within each part; 0: texts are not mixed.
    """
    started = time.perf_counter()
    parameters = list(backward.model.trained().values())
    backward.model.train()
    losses = []
    for step in steps:
        for group in optimizer.param_groups:
            group["lr"] = step.rate * group["factor"]
        backward.model.unfreeze(step.unfrozen)
        if isinstance(backward, PrivateBackward):
            backward.put_gradients(step, accumulation)
        else:
            losses.append(_backward(backward, step, seed, accumulation, mixup))
            clip_grad_norm_(parameters, clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    mean = _mean_loss(backward, losses)  # the one synchronisation of a segment
    return Trained(mean, time.perf_counter() - started)


def _mean_loss(backward: Backward, losses: list[Tensor]) -> float:
    if isinstance(backward, PrivateBackward):
        return 0.0 if backward.is_finite() else math.nan
    return float(torch.stack(losses).double().mean())


def _backward(backward: Backward, step: Step, seed: int, accumulation: int, mixup: float) -> Tensor:
    """The loss of a step, with its gradients in place: of all rows at once, or added up part by part."""
    device, count = backward.precision.device, len(step.labels)
    mass = backward.model.objective.mass
    whole = mass(step.labels)
    losses = []
    for part, rows in enumerate(parts(count, accumulation)):
        torch.manual_seed(derive(seed, "dropout", step.index, *([part] if part else [])))
        given = [array[rows] for array in (step.texts, step.mask, step.labels)]
        mix = draw_mix(seed, step.index, rows.stop - rows.start, mixup) if mixup else ()
        batch = tuple(on_device(array, device) for array in (*given, *mix))
        losses.append(backward(batch, mass(given[2]) / whole))
    return losses[0] if len(losses) == 1 else torch.stack(losses).sum()
