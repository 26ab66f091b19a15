"""Learning rates of every step, as values: what two schedules share is seen in their numbers, never in their names.

The courses are those of transformers' ``get_scheduler`` and torch's ``OneCycleLR`` (checked step by step in the tests),
with one more shape of cool-down and a warm-up by slope. Before a decay begins no rate depends on the horizon, but for a
warm-up by ratio. Two of transformers are not here: ``reduce_lr_on_plateau`` and ``greedy`` set a rate by the evaluations
before it, while a training is planned, and its states named, before its first step. One-cycle leaves the momentum as it is,
which torch cycles unless told not to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    end_rate: float = 1e-7
    timescale: int = 0
    waves: float = 0.5
    min_ratio: float = 0.0
    start_ratio: float = 0.0
    warmup_shape: str = "linear"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    decay_ratio: float = 0.2
    decay_shape: str = "cosine"


def schedule_of(parameters: Mapping[str, Any]) -> Schedule:
    """The schedule of a training with these active parameters; constant where its optimizer has none."""
    fields = {field: parameters[name] for name, field in _FIELDS.items() if name in parameters}
    return Schedule(parameters.get("schedule", "constant"), **fields)


_FIELDS = {
    "warmup_ratio": "warmup_ratio",
    "warmup_slope": "warmup_slope",
    "schedule_cycles": "cycles",
    "schedule_power": "power",
    "schedule_end_rate": "end_rate",
    "schedule_timescale": "timescale",
    "schedule_waves": "waves",
    "schedule_min_ratio": "min_ratio",
    "schedule_start_ratio": "start_ratio",
    "schedule_warmup_shape": "warmup_shape",
    "schedule_div_factor": "div_factor",
    "schedule_final_div_factor": "final_div_factor",
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
    rise, fall = _RISES.get(schedule.name, _line), _COURSES[schedule.name]

    def rate(step: int) -> float:
        if step >= warmup:
            return peak * fall(step, warmup, total_steps, schedule, peak)
        # By slope: this product alone, so that trainings of other peaks and horizons have the same bits.
        return peak * rise(step, warmup, total_steps, schedule, peak) if slope is None else slope * step

    return np.array([rate(step) for step in range(total_steps)], dtype=np.float64)


def warmup_steps(schedule: Schedule, peak: float, total_steps: int) -> int:
    """Steps before the rate reaches ``peak``; a warm-up by slope may have more of them than the training has steps."""
    slope = schedule.warmup_slope
    if schedule.name == "one_cycle":
        return math.floor(total_steps * schedule.warmup_ratio)  # its peak may lie between two steps
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


def _wave(progress: float, schedule: Schedule) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * schedule.waves * 2.0 * progress))


def _above_floor(share: float, schedule: Schedule) -> float:
    """A share of the way down to the least rate, as a share of the peak."""
    return max(0.0, share * (1.0 - schedule.min_ratio) + schedule.min_ratio)


def _cosine(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    return _above_floor(_wave((step - warmup) / max(1, total - warmup), schedule), schedule)


def _cosine_with_restarts(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    progress = (step - warmup) / max(1, total - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * ((schedule.cycles * progress) % 1.0))))


def _early_cosine(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    """A step ahead of ``_cosine``, so that the last one has the least rate."""
    return _cosine(step + 1, warmup, total, schedule, peak)


def _early_line(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    start = schedule.start_ratio
    return start + (1.0 - start) * step / max(1, warmup - 1) if start else (step + 1) / warmup


def _polynomial(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    end = min(schedule.end_rate, peak)
    remaining = 1 - (step - warmup) / (total - warmup)
    return float(((peak - end) * remaining**schedule.power + end) / peak)


def _inverse_sqrt(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    timescale = schedule.timescale or warmup or INVERSE_SQRT_TIMESCALE
    return 1.0 / math.sqrt((step + timescale - warmup) / timescale)


def _one_cycle(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    """Smith and Topin 2019 in two phases, the second down to below the first rate, as torch has them by default."""
    top = total * schedule.warmup_ratio - 1  # a step, or a place between two
    first = 1 / schedule.div_factor
    if step <= top:
        return _half_cosine(first, 1.0, step / top if top else 1.0)
    return _half_cosine(1.0, first / schedule.final_div_factor, (step - top) / (total - 1 - top))


def _half_cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) / 2 * (math.cos(math.pi * progress) + 1)


def _warmup_stable_decay(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    start = _decay_start(schedule, warmup, total)
    if step < start:
        return 1.0
    return _above_floor(_DECAYS[schedule.decay_shape]((step - start) / (total - start), schedule), schedule)


def _line(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    return step / warmup


def _warmup_of_stable_decay(step: int, warmup: int, total: int, schedule: Schedule, peak: float) -> float:
    return _above_floor(_WARMUPS[schedule.warmup_shape](step / warmup), schedule)


def _decay_start(schedule: Schedule, warmup: int, total: int) -> int:
    """The step at which the cool-down begins: never before the warm-up's end."""
    return min(max(total - math.ceil(total * schedule.decay_ratio), warmup), total)


_WARMUPS: dict[str, Callable[[float], float]] = {
    "linear": lambda progress: progress,
    "cosine": lambda progress: 0.5 * (1.0 - math.cos(math.pi * progress)),
    "one_minus_sqrt": lambda progress: 1.0 - math.sqrt(1.0 - progress),
}

# What is left of the way down by progress of the cool-down, 0 to 1. The last two: Haegele et al. 2024, "Scaling Laws and
# Compute-Optimal Training Beyond Fixed Training Durations", section 3.
_DECAYS: dict[str, Callable[[float, Schedule], float]] = {
    "linear": lambda progress, _: 1.0 - progress,
    "cosine": _wave,
    "one_minus_sqrt": lambda progress, _: 1.0 - math.sqrt(progress),
    "one_minus_square": lambda progress, _: 1.0 - progress**2,
}

_RISES: dict[str, Course] = {
    "wsd": _warmup_of_stable_decay,
    "cosine_warmup_with_min_lr": _early_line,
    "one_cycle": _one_cycle,
}
_COURSES: dict[str, Course] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _cosine_with_restarts,
    "cosine_with_min_lr": _cosine,
    "cosine_warmup_with_min_lr": _early_cosine,
    "polynomial": _polynomial,
    "inverse_sqrt": _inverse_sqrt,
    "one_cycle": _one_cycle,
    "wsd": _warmup_stable_decay,
}
