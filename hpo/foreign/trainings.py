"""Trainings with their roles known: strategy, task, scores, state."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hpo.errors import UserError
from hpo.foreign.asked import Asked, Roles
from hpo.foreign.ending import Course, Ends, find_ends
from hpo.foreign.joining import joined
from hpo.foreign.roles import parameters, text_of
from hpo.foreign.source import Entry, Source
from hpo.foreign.values import is_confirmation, is_missing, number, state, whole
from hpo.records.run import AS_PRUNED


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        where: path and place of it in its source; place: the latter alone.
        task, replicate: as the source has them; empty: not said.
        seed: -1: not recorded.
        rungs: (resource, validation score).
        score: on validation; None where it is not complete, or not recorded.
        best_rung: index of the rung with that score.
        confirmation: whether it is the retraining of a selected configuration.
    """

    where: str
    place: str
    task: str
    strategy: str
    replicate: str
    seed: int
    parameters: Mapping[str, Any]
    state: Literal["complete", "pruned", "failed"]
    reason: str
    rungs: tuple[tuple[int, float], ...]
    score: float | None
    best_rung: int | None
    test_score: float | None
    seconds: float | None
    confirmation: bool


@dataclass(frozen=True)
class _Reader:
    """Reads the entries of one source.

    Attributes:
        divisor: of scores, which may be percents.
    """

    source: Source
    asked: Asked
    roles: Roles
    maximize: bool
    divisor: float

    def course(self, entry: Entry) -> Course:
        """What of a training tells how it ended."""
        roles, attributes = self.roles, entry.attributes
        retrained = roles.phase is not None and is_confirmation(attributes.get(roles.phase), entry.where)
        return Course(
            entry=entry,
            task=text_of(entry, roles.task, self.source.kind),
            word=entry.state if roles.state is None else attributes.get(roles.state),
            rungs=self._history(entry, roles.score),
            confirmation=retrained,
        )

    def read(self, course: Course, ends: Ends) -> Training | None:
        """One training; None while it runs."""
        roles, entry = self.roles, course.entry
        ended, reason = _ended(course, ends)
        if ended == "open":
            return None
        score, best, test_score = self._scores(course) if ended == "complete" else (None, None, None)
        if ended == "complete" and not course.confirmation and roles.score is not None and score is None:
            ended, reason = "failed", f"no finite score ({entry.place})"
            test_score = None
        return Training(
            where=entry.where,
            place=entry.place,
            task=course.task,
            strategy=text_of(entry, roles.strategy, self.source.kind) if roles.strategy else entry.study,
            replicate=text_of(entry, (roles.replicate,), self.source.kind) if roles.replicate else "",
            seed=_seed(entry, roles.seed),
            parameters=parameters(entry, self.source, self.asked, self.roles),
            state=ended,
            reason=reason,
            rungs=course.rungs,
            score=score,
            best_rung=best,
            test_score=test_score,
            seconds=self._seconds(entry),
            confirmation=course.confirmation,
        )

    def _scores(self, course: Course) -> tuple[float | None, int | None, float | None]:
        """Score, its rung, and the test score of a complete training."""
        entry, rungs = course.entry, course.rungs
        score = self._finite(entry, self.roles.score)
        if rungs and not self.source.final:
            pick = max if self.maximize else min
            score = pick(value for _, value in rungs)
        best = next((index for index, (_, value) in enumerate(rungs) if value == score), None)
        test = self._finite(entry, self.roles.test_score)
        if best is not None and self.roles.test_score is not None:
            test = dict(self._history(entry, self.roles.test_score)).get(rungs[best][0], test)
        return score, best, test

    def _history(self, entry: Entry, name: str | None) -> tuple[tuple[int, float], ...]:
        """Finite values of a result on the way; one value at 0 is no way."""
        if name is None:
            return ()
        history = sorted(entry.history(name).items())
        read = ((seen, number(value, entry.where, name)) for seen, value in history)
        points = tuple(
            (seen, value / self.divisor) for seen, value in read if value is not None and math.isfinite(value)
        )
        return () if [seen for seen, _ in points] == [0] else points

    def _finite(self, entry: Entry, name: str | None) -> float | None:
        value = None if name is None else number(entry.attributes.get(name), entry.where, name)
        return value / self.divisor if value is not None and math.isfinite(value) else None

    def _seconds(self, entry: Entry) -> float | None:
        name = self.roles.cost
        seconds = entry.seconds if name is None else number(entry.attributes.get(name), entry.where, name)
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            raise UserError(
                f"{entry.where}: {name!r}: found {seconds:g}; seconds are required, 0 or more",
                "Correct it, or leave it empty.",
            )
        return seconds


def trainings(
    source: Source, asked: Asked, roles: Roles, *, maximize: bool
) -> tuple[list[Training], list[str]]:
    """The trainings of ``source`` in its order, and what a user should know about them.

    Scores are shares where percents were asked for. Of a history the best score counts, unless the source says which
    value is the training's; its test score is that of the same moment where the source has one.

    Raises:
        UserError: a value is not what its role requires.
    """
    entries = joined(source, asked, roles) if roles.rung is not None else source.entries
    reader = _Reader(source, asked, roles, maximize, 100.0 if asked.percent else 1.0)
    courses = [reader.course(entry) for entry in entries]
    ends = find_ends(courses, roles, roles.rung or source.resource, no_pruning=asked.no_pruning)
    read = [reader.read(course, ends) for course in courses]
    found = [training for training in read if training is not None]
    notes = [ends.note] if ends.note else []
    if len(found) < len(read):
        notes.append(f"{len(read) - len(found)} not ended, left out")
    inferred = sum(AS_PRUNED in training.reason for training in found)
    if inferred:
        notes.append(f"{inferred} ended before {ends.before}: {AS_PRUNED}")
    return found, notes


def _ended(course: Course, ends: Ends) -> tuple[Literal["complete", "pruned", "failed", "open"], str]:
    """State and reason: the source's word, else by how far the training came."""
    entry = course.entry
    if not is_missing(course.word):
        return state(course.word, entry.where), entry.reason or f"{course.word} ({entry.place})"
    missed = ends.missed(course)
    if missed:
        return "pruned", f"{missed}; {AS_PRUNED} ({entry.place})"
    return "complete", f"taken as complete ({entry.place})"


def _seed(entry: Entry, name: str | None) -> int:
    seed = None if name is None else whole(entry.attributes.get(name), entry.where, name)
    if seed is not None and not 0 <= seed < 2**63:
        raise UserError(
            f"{entry.where}: {name!r}: found {seed}; a seed is 0 to 2^63 - 1",
            "Leave it empty where there was none.",
        )
    return -1 if seed is None else seed


def states(found: Iterable[Training]) -> str:
    """``31 complete, 7 pruned, 2 failed``."""
    counts = Counter(training.state for training in found)
    return ", ".join(f"{counts[name]:,} {name}" for name in ("complete", "pruned", "failed") if counts[name])
