"""Planned trainings for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.config.parameters import complete
from hpo.training.course import Course, Planner
from hpo.training.cuts import Forks
from hpo.training.examples import TrainingTexts
from hpo.training.privacy import Mechanism

ORIGIN = {"weights": "w", "numerics": "n", "classes": 2, "first_token": True}
MECHANISM = Mechanism(secret="5a" * 32, clip=1.0, multipliers=((8.0, 1.5), (1.0, 6.0)))


def plan(
    texts: TrainingTexts,
    seed: int = 1,
    rungs: tuple[int, ...] = (32, 64),
    forks: Forks = (),
    origin: Mapping[str, Any] = ORIGIN,
    start: int = 0,
    mechanism: Mechanism | None = MECHANISM,
    **given: Any,
) -> Course:
    """The course of a training on ``texts``: two epochs in batches of 8 at a peak of 1e-3, but for what is ``given``."""
    settings = complete({"epochs": 2.0, "batch_size": 8, "learning_rate": 1e-3, **given})
    return Planner(texts, rungs, origin, forks, lambda _: start, mechanism).plan(settings, seed)


def state_keys(course: Course) -> dict[int, str]:
    """Number of steps taken to the key of the state then, at each cut."""
    return dict(zip((0, *(cut.step for cut in course.cuts)), course.keys, strict=True))


def every_key(course: Course) -> list[str]:
    """The keys after each step, as a course that is cut after each has them."""
    from dataclasses import replace

    from hpo.training.course import _keys
    from hpo.training.cuts import Cut

    cuts = tuple(Cut(step, 0.0) for step in range(1, course.steps + 1))
    return list(_keys(replace(course, cuts=cuts), course.keys[0]))
