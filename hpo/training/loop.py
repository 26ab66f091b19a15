"""The training loop: one segment, from the state at its start to the state at its end."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch.nn.utils import clip_grad_norm_

from hpo.seeds import derive
from hpo.training.backward import Backward
from hpo.training.course import Step
from hpo.training.mixup import draw_mix
from hpo.training.precision import on_device


@dataclass(frozen=True)
class Trained:
    """What a segment cost and showed: ``loss`` is the mean over its steps, in nats, NaN or infinite where it diverged."""

    loss: float
    seconds: float


def train_segment(
    backward: Backward,
    optimizer: torch.optim.Optimizer,
    steps: Iterable[Step],
    seed: int,
    clip: float,
    mixup: float = 0.0,
) -> Trained:
    """Train the model of ``backward`` in place, one step after another, by its objective on each batch.

    Dropout is drawn from a generator seeded by (seed, step), so that a state carries no generator and a fork, a resumed
    training and an undisturbed one draw alike.

    Args:
        seed: of the training.
        clip: largest norm of the gradient.
        mixup: alpha of ``hpo.training.mixup``; 0: texts are not mixed.
    """
    started = time.perf_counter()
    device = backward.precision.device
    parameters = list(backward.model.trained().values())
    backward.model.train()
    losses = []
    for step in steps:
        torch.manual_seed(derive(seed, "dropout", step.index))
        for group in optimizer.param_groups:
            group["lr"] = step.rate * group["factor"]
        backward.model.unfreeze(step.unfrozen)
        texts, mask, labels = (on_device(a, device) for a in (step.texts, step.mask, step.labels))
        mix = draw_mix(seed, step.index, len(step.labels), mixup) if mixup else ()
        losses.append(backward((texts, mask, labels, *(on_device(a, device) for a in mix))))
        clip_grad_norm_(parameters, clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    mean = float(torch.stack(losses).double().mean())  # the one synchronisation of a segment
    return Trained(mean, time.perf_counter() - started)
