"""Learning rates of every step, as values: what two schedules share is seen in their numbers, never in their names.

The courses are those of transformers' ``get_scheduler`` (checked step by step in the tests), with one more shape of
cool-down and a warm-up by slope. Before a decay begins no rate depends on the horizon, but for a warm-up by ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL_END = 1e-7  # the rate at which transformers' polynomial ends
INVERSE_SQRT_TIMESCALE = 10_000  # steps; transformers' timescale where there is no warmup


@dataclass(frozen=True)
class Schedule:
    """A schedule's name and shape; the meaning of each field stands in ``hpo.config.parameters``.

    With a ``warmup_slope`` the warm-up is by slope, and ``warmup_ratio`` is not read.
    """

    name: str
    warmup_ratio: float = 0.0
    warmup_slope: float | None = None
    cycles: int = 1
    power: float = 1.0
    decay_ratio: float = 0.2
    decay_shape: str = "cosine"


def schedule_of(parameters: Mapping[str, Any]) -> Schedule:
    """The schedule of a training with these active parameters."""
    fields = {field: parameters[name] for name, field in _FIELDS.items() if name in parameters}
    return Schedule(parameters["schedule"], **fields)


_FIELDS = {
    "warmup_ratio": "warmup_ratio",
    "warmup_slope": "warmup_slope",
    "schedule_cycles": "cycles",
    "schedule_power": "power",
    "schedule_decay_ratio": "decay_ratio",
    "schedule_decay_shape": "decay_shape",
}


def learning_rates(schedule: Schedule, peak: float, total_steps: int) -> NDArray[np.float64]:
    """Learning rate of each step of one training.

    Args:
        peak: highest rate. A warm-up by slope that the training is too short for does not reach it.
        total_steps: optimizer steps of the whole training, however early it may be pruned.

    Returns:
        Shape (total_steps,).
    """
    warmup = warmup_steps(schedule, peak, total_steps)
    slope = schedule.warmup_slope
    factor = _COURSES[schedule.name]

    def rate(step: int) -> float:
        if step >= warmup:
            return peak * factor(step, warmup, total_steps, schedule, peak)
        # By slope: this product alone, so that trainings of other peaks and horizons have the same bits.
        return peak * (step / warmup) if slope is None else slope * step

    return np.array([rate(step) for step in range(total_steps)], dtype=np.float64)


def warmup_steps(schedule: Schedule, peak: float, total_steps: int) -> int:
    """Steps before the rate reaches ``peak``; a warm-up by slope may have more of them than the training has steps."""
    slope = schedule.warmup_slope
    if slope is None:
        return math.ceil(total_steps * schedule.warmup_ratio)
    steps = math.ceil(peak / slope)
    # 1e-3 / 1e-6 is a little over 1000 in float64, and the product of 1000 steps is the peak already.
    return steps - 1 if slope * (steps - 1) >= peak else steps


def trunk_steps(schedule: Schedule, peak: float, total_steps: int) -> int:
    """Number of first steps of a warmup-stable-decay training that cool-downs of other shapes share with it.

    With a warm-up by slope, or none, longer trainings share them too. The first step of a cool-down still has the
    peak, so that it counts.
    """
    return min(
        _decay_start(schedule, warmup_steps(schedule, peak, total_steps), total_steps) + 1, total_steps
    )


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
    start = _decay_start(schedule, warmup, total)
    if step < start:
        return 1.0
    return max(0.0, _DECAYS[schedule.decay_shape]((step - start) / (total - start)))


def _decay_start(schedule: Schedule, warmup: int, total: int) -> int:
    """The step at which the cool-down begins: never before the warm-up's end."""
    return min(max(total - math.ceil(total * schedule.decay_ratio), warmup), total)


# Share of the peak by progress of the cool-down, 0 to 1. The last two: Haegele et al. 2024, "Scaling Laws and
# Compute-Optimal Training Beyond Fixed Training Durations", section 3.
_DECAYS: dict[str, Callable[[float], float]] = {
    "linear": lambda progress: 1.0 - progress,
    "cosine": lambda progress: 0.5 * (1.0 + math.cos(math.pi * progress)),
    "one_minus_sqrt": lambda progress: 1.0 - math.sqrt(progress),
    "one_minus_square": lambda progress: 1.0 - progress**2,
}

_COURSES: dict[str, Course] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _cosine_with_restarts,
    "polynomial": _polynomial,
    "inverse_sqrt": _inverse_sqrt,
    "wsd": _warmup_stable_decay,
}
