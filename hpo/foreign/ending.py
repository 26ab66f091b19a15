"""How far a training was to go: where its source does not say how it ended, one that stopped before was pruned."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo.foreign.asked import Roles
from hpo.foreign.roles import bare_name
from hpo.foreign.source import Entry
from hpo.foreign.values import as_text, is_missing, plain
from hpo.records.run import AS_PRUNED

_BUDGET = re.compile(  # bare names such as epochs, max_steps, num_train_epochs
    "(?:max_)?budget|(?:(?:n|num|number_of|max|total|train|training)_?)*(?:epochs?|steps?|iterations?|iters?)"
)


@dataclass(frozen=True)
class Course:
    """One training on its way.

    Attributes:
        task: as the source has it; empty: not said.
        word: the source's for how it ended; None or empty: not said.
        rungs: (resource, validation score), in order.
        confirmation: whether it is the retraining of a selected configuration.
    """

    entry: Entry
    task: str
    word: Any
    rungs: tuple[tuple[int, float], ...]
    confirmation: bool


@dataclass(frozen=True)
class Ends:
    """How far the trainings of a source were to go.

    Attributes:
        resource: what rungs count.
        budget: the parameter that says it of each training; None: none does.
        shift: from a budget to the last rung of a training that came to it; -1 where rungs count from 0.
        longest: where there is no budget, the furthest that any trial of a task came; empty: nothing tells.
        note: what a user should know of it; empty: nothing.
    """

    resource: str
    budget: str | None = None
    shift: int = 0
    longest: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    def missed(self, course: Course) -> str:
        """That ``course`` stopped before its end; empty: it did not, or nothing tells."""
        if not course.rungs or course.confirmation:
            return ""
        last = course.rungs[-1][0]
        end, whose = self.longest.get(course.task, last), "the most of any"
        if self.budget is not None:
            own = _amount(course.entry, self.budget)
            end, whose = (own or last) + self.shift, f"by its own {self.budget}"
        return f"ended at {last} of {end} ({self.resource}), {whose}" if last < end else ""

    @property
    def before(self) -> str:
        """What a training that was pruned stopped before."""
        return "the longest of their task" if self.budget is None else f"their own {self.budget}"


def find_ends(courses: Sequence[Course], roles: Roles, resource: str, *, no_pruning: bool) -> Ends:
    """How far trainings were to go.

    A parameter that is named like a budget (``epochs``, ``max_steps``) says it of each training where it counts what rungs
    count: none went beyond its own, and one came to it. Without such a parameter it is as far as the longest trial of the
    task came. Where such a parameter differs from training to training and counts something else, nothing tells.

    Args:
        no_pruning: that no training stopped early.
    """
    trials = [course for course in courses if course.rungs and not course.confirmation]
    if all(not is_missing(course.word) for course in trials):
        return Ends(resource)
    if no_pruning:
        return Ends(resource, note=f"no training is {AS_PRUNED} for how far it came, as --no-pruning says")
    other: list[str] = []
    for name, budgets in _budgets(trials, roles):
        shift = max(course.rungs[-1][0] - own for course, own in zip(trials, budgets, strict=True))
        if shift in {0, -1}:
            counted = ", counted from 0" if shift else ""
            note = f"parameter {name}: taken as how far each training was to go ({resource}{counted})"
            return Ends(resource, budget=name, shift=shift, note=note)
        other += [name] if len(set(budgets)) > 1 else []
    if other:
        why = f"{', '.join(other)} differs from training to training and does not count what rungs count ({resource})"
        return Ends(resource, note=f"{why}: no training is {AS_PRUNED} for how far it came")
    longest: dict[str, int] = {}
    for course in trials:
        longest[course.task] = max(longest.get(course.task, 0), course.rungs[-1][0])
    return Ends(resource, longest=longest)


def _budgets(trials: Sequence[Course], roles: Roles) -> Iterator[tuple[str, list[int]]]:
    """Parameters that are named like a budget and hold a whole number for each of ``trials``: name, numbers."""
    taken = roles.taken() - set(roles.strategy)
    for name in dict.fromkeys(name for course in trials for name in course.entry.parameters):
        if name in taken or not _BUDGET.fullmatch(bare_name(name)):
            continue
        amounts = [_amount(course.entry, name) for course in trials]
        known = [amount for amount in amounts if amount is not None]
        if len(known) == len(trials):
            yield name, known


def _amount(entry: Entry, name: str) -> int | None:
    """A whole number from 1 on that stays the same on the way of a training; None: it is none."""
    value = plain(entry.parameters.get(name))
    on_the_way = {as_text(seen) for seen in entry.history(name).values()}
    if len(on_the_way) > 1 or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if math.isfinite(value) and value == int(value) and value >= 1 else None
