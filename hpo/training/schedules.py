"""Learning rates of every step, as values: what two schedules share is seen in their numbers, never in their names.

The courses are those of transformers' ``get_scheduler`` (checked step by step in the tests).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL_END = 1e-7  # the rate at which transformers' polynomial ends
INVERSE_SQRT_TIMESCALE = 10_000  # steps; transformers' timescale where there is no warmup


@dataclass(frozen=True)
class Schedule:
    """A schedule's name and shape; the meaning of each field stands in ``hpo.config.parameters``."""

    name: str
    warmup_ratio: float
    cycles: int = 1
    power: float = 1.0
    decay_ratio: float = 0.2


def learning_rates(schedule: Schedule, peak: float, total_steps: int) -> NDArray[np.float64]:
    """Learning rate of each step of one training.

    Args:
        peak: highest rate.
        total_steps: optimizer steps of the whole training, however early it may be pruned.

    Returns:
        Shape (total_steps,).
    """
    warmup = math.ceil(total_steps * schedule.warmup_ratio)
    factor = _COURSES[schedule.name]

    def rate(step: int) -> float:
        if step < warmup:
            return peak * (step / max(1, warmup))
        return peak * factor(step, warmup, total_steps, schedule, peak)

    return np.array([rate(step) for step in range(total_steps)], dtype=np.float64)


Course = Callable[
    [int, int, int, Schedule, float], float
]  # step, warmup steps, total steps, schedule, peak -> factor


def _constant(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    return 1.0


def _linear(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    return max(0.0, (total - step) / max(1, total - warmup))


def _cosine(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    progress = (step - warmup) / max(1, total - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * progress)))


def _cosine_with_restarts(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    progress = (step - warmup) / max(1, total - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * ((schedule.cycles * progress) % 1.0))))


def _polynomial(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    end = min(POLYNOMIAL_END, peak)
    remaining = 1 - (step - warmup) / (total - warmup)
    return float(((peak - end) * remaining**schedule.power + end) / peak)


def _inverse_sqrt(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    timescale = warmup or INVERSE_SQRT_TIMESCALE
    return 1.0 / math.sqrt((step + timescale - warmup) / timescale)


def _warmup_stable_decay(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    decay = min(math.ceil(total * schedule.decay_ratio), total - warmup)
    stable_end = total - decay
    if step < stable_end:
        return 1.0
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * (step - stable_end) / max(1, decay))))


_COURSES: dict[str, Course] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _cosine_with_restarts,
    "polynomial": _polynomial,
    "inverse_sqrt": _inverse_sqrt,
    "wsd": _warmup_stable_decay,
}
