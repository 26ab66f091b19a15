"""Where a training is cut into segments: at its rungs, and where another training of the space may leave its path."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hpo.training.schedules import Schedule, trunk_steps, warmup_steps

# (epochs, schedule_decay_ratio) of every warmup-stable-decay training of the space.
Forks = tuple[tuple[float, float], ...]

# Chance that the state at a cut is gone on from, by kind of cut: what eviction weighs. The trial itself goes on from
# memory, so that its rungs are read again only after a stop or for a confirmation's best rung.
RUNG, SHARED = 0.3, 1.0
# A shared warm-up is worth a cut where it is at least this share of the training, or so many steps where it is by slope
# and trainings of all lengths must be cut alike: below it storing costs what it saves.
LEAST_WARMUP_SHARE, LEAST_WARMUP_STEPS = 0.1, 8


@dataclass(frozen=True)
class Cut:
    """The end of a segment: the index of the step after it, and the chance that its state is wanted (0: not kept)."""

    step: int
    chance: float


def plan_cuts(
    schedule: Schedule,
    peak: float,
    steps: int,
    rungs: Sequence[int],
    forks: Forks,
    texts: int,
    batch_size: int,
) -> tuple[Cut, ...]:
    """The cuts of one training, ascending, the last at its end.

    Args:
        steps: of the whole training.
        rungs: step indices at which it is evaluated; the last is ``steps``.
        texts: of the training split; an epoch on an open path is cut at its end, where a longer training goes on.
    """
    chances = dict.fromkeys(rungs, RUNG)
    chances[steps] = 0.0
    warmup = warmup_steps(schedule, peak, steps)
    least = LEAST_WARMUP_SHARE * steps if schedule.warmup_slope is None else LEAST_WARMUP_STEPS
    if max(least, 1) <= warmup < steps:
        chances[warmup] = SHARED
    path = _open_steps(schedule, peak, steps)
    for step in _forks(schedule, peak, forks, texts, batch_size) | _epoch_ends(steps, texts, batch_size):
        if step <= path:
            chances[step] = SHARED
    if 0 < path < steps:
        chances[path] = SHARED
    return tuple(Cut(step, chance) for step, chance in sorted(chances.items()))


def _open_steps(schedule: Schedule, peak: float, steps: int) -> int:
    """Number of first steps whose rates a longer training has too."""
    if schedule.name in ("constant", "inverse_sqrt"):
        return steps
    return trunk_steps(schedule, peak, steps) if schedule.name == "wsd" else 0


def _forks(schedule: Schedule, peak: float, forks: Forks, texts: int, batch_size: int) -> set[int]:
    """Where trainings of the space leave this one's trunk to cool down."""
    found = set()
    for epochs, ratio in forks:
        other = replace(schedule, name="wsd", decay_ratio=ratio)
        found.add(trunk_steps(other, peak, count_steps(texts, batch_size, epochs)))
    return found


def _epoch_ends(steps: int, texts: int, batch_size: int) -> set[int]:
    epoch = count_steps(texts, batch_size, 1)
    return set(range(epoch, steps + 1, epoch))


def count_steps(texts: int, batch_size: int, epochs: float) -> int:
    """Optimizer steps of a training: a short batch ends each epoch that ``batch_size`` does not divide."""
    whole, rest = divmod(math.ceil(texts * epochs), texts)
    return whole * math.ceil(texts / batch_size) + math.ceil(rest / batch_size)
