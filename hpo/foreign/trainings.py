"""Trainings with their roles known: strategy, task, scores, state."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from hpo.errors import UserError
from hpo.foreign.asked import Asked
from hpo.foreign.roles import PREFIXES, Roles, text_of
from hpo.foreign.source import Entry, Source
from hpo.foreign.values import as_text, is_confirmation, is_missing, number, plain, state, whole


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
        longest: the furthest that any training of a task came.
        divisor: of scores, which may be percents.
    """

    source: Source
    asked: Asked
    roles: Roles
    maximize: bool
    longest: Mapping[str, int]
    divisor: float

    def read(self, entry: Entry) -> Training | None:
        """One training; None while it runs."""
        roles, attributes = self.roles, entry.attributes
        task = text_of(entry, roles.task, self.source.kind)
        rungs = _history(entry, roles.score, self.divisor)
        confirmation = roles.phase is not None and is_confirmation(attributes.get(roles.phase), entry.where)
        ended, reason = self._ended(entry, None if confirmation else self.longest[task], rungs)
        if ended == "open":
            return None
        score, best, test_score = self._scores(entry, rungs) if ended == "complete" else (None, None, None)
        if ended == "complete" and not confirmation and roles.score is not None and score is None:
            ended, reason = "failed", f"no finite score ({entry.place})"
            test_score = None
        return Training(
            where=entry.where,
            place=entry.place,
            task=task,
            strategy=text_of(entry, roles.strategy, self.source.kind) if roles.strategy else entry.study,
            replicate=text_of(entry, (roles.replicate,), self.source.kind) if roles.replicate else "",
            seed=_seed(entry, roles.seed),
            parameters=parameters(entry, self.source, self.asked, self.roles),
            state=ended,
            reason=reason,
            rungs=rungs,
            score=score,
            best_rung=best,
            test_score=test_score,
            seconds=self._seconds(entry),
            confirmation=confirmation,
        )

    def _ended(
        self, entry: Entry, longest: int | None, rungs: tuple[tuple[int, float], ...]
    ) -> tuple[Literal["complete", "pruned", "failed", "open"], str]:
        """State and reason; without a word of the source's, one that ended before the ``longest`` was pruned."""
        word = entry.state if self.roles.state is None else entry.attributes.get(self.roles.state)
        if not is_missing(word):
            return state(word, entry.where), entry.reason or f"{word} ({entry.place})"
        last = rungs[-1][0] if rungs else None
        if last is not None and longest is not None and last < longest:
            resource = self.roles.rung or self.source.resource
            reached = f"ended at {last} of {longest} ({resource}), the most of any"
            return "pruned", f"{reached}; taken as pruned ({entry.place})"
        return "complete", f"taken as complete ({entry.place})"

    def _scores(
        self, entry: Entry, rungs: tuple[tuple[int, float], ...]
    ) -> tuple[float | None, int | None, float | None]:
        """Score, its rung, and the test score of a complete training."""
        score = _finite(entry, self.roles.score, self.divisor)
        if rungs and not self.source.final:
            pick = max if self.maximize else min
            score = pick(value for _, value in rungs)
        best = next((index for index, (_, value) in enumerate(rungs) if value == score), None)
        test = _finite(entry, self.roles.test_score, self.divisor)
        if best is not None and self.roles.test_score is not None:
            test = dict(_history(entry, self.roles.test_score, self.divisor)).get(rungs[best][0], test)
        return score, best, test

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
    divisor = 100.0 if asked.percent else 1.0
    longest: dict[str, int] = {}
    for entry in entries:
        task = text_of(entry, roles.task, source.kind)
        last = max(_history(entry, roles.score, divisor), default=(0, 0.0))[0]
        longest[task] = max(longest.get(task, 0), last)
    reader = _Reader(source, asked, roles, maximize, longest, divisor)
    read = [reader.read(entry) for entry in entries]
    found = [training for training in read if training is not None]
    notes = []
    if len(found) < len(read):
        notes.append(f"{len(read) - len(found)} not ended, left out")
    inferred = sum("taken as pruned" in training.reason for training in found)
    if inferred:
        notes.append(f"{inferred} ended before the longest of their task: taken as pruned")
    return found, notes


def parameters(entry: Entry, source: Source, asked: Asked, roles: Roles) -> dict[str, Any]:
    """The configuration of a training: what was asked for, else what the source or a name's beginning says is one."""
    known = source.parameters_known
    patterns = asked.parameters or (("*",) if known else tuple(f"{prefix}*" for prefix in PREFIXES))
    taken = roles.taken() - set(roles.strategy)
    found = {}
    for name, value in entry.parameters.items():
        wanted = any(fnmatchcase(name, pattern) for pattern in patterns)
        if wanted and name not in taken and (known or not is_missing(value)):
            found[name if known else _without_prefix(name)] = plain(value)
    return found


def joined(source: Source, asked: Asked, roles: Roles) -> tuple[Entry, ...]:
    """Rows that are rungs of one training as one entry: the last row's attributes, and all rows' values as history.

    Rows belong together where study, strategy, task, replicate, seed, phase and the training's number (or else its
    parameters) are equal.

    Raises:
        UserError: a rung is missing, no whole number, or there twice.
    """
    assert roles.rung is not None
    whose = (*roles.strategy, *roles.task, roles.replicate, roles.seed, roles.phase, roles.trial)
    names = [name for name in whose if name is not None]
    groups: dict[tuple[str, ...], dict[int, Entry]] = {}
    for entry in source.entries:
        key = (entry.study, *(as_text(entry.attributes.get(name)) for name in names))
        if roles.trial is None:
            key = (*key, as_text(parameters(entry, source, asked, roles)))
        rung = whole(entry.attributes.get(roles.rung), entry.where, roles.rung)
        if rung is None:
            raise UserError(
                f"{entry.where}: {roles.rung!r} is empty", "Say in every row how far its training was."
            )
        rows = groups.setdefault(key, {})
        if rung in rows:
            raise UserError(
                f"{entry.where}: {roles.rung!r} {rung} stands in {rows[rung].place} too, for the same training",
                "Name what tells trainings apart with --trial or --parameter.",
            )
        rows[rung] = entry
    return tuple(_joined(rows) for rows in groups.values())


def _joined(rows: Mapping[int, Entry]) -> Entry:
    last = rows[max(rows)]

    def history(name: str) -> dict[int, Any]:
        return {rung: rows[rung].attributes.get(name) for rung in sorted(rows)}

    return Entry(
        path=last.path,
        place=last.place,
        study=last.study,
        attributes=last.attributes,
        parameters=last.parameters,
        state=last.state,
        history=history,
    )


def _history(entry: Entry, name: str | None, divisor: float) -> tuple[tuple[int, float], ...]:
    """Finite values of a result on the way; one value at 0 is no way."""
    if name is None:
        return ()
    read = ((seen, number(value, entry.where, name)) for seen, value in sorted(entry.history(name).items()))
    points = tuple(
        (seen, value / divisor) for seen, value in read if value is not None and math.isfinite(value)
    )
    return () if [seen for seen, _ in points] == [0] else points


def _finite(entry: Entry, name: str | None, divisor: float) -> float | None:
    value = None if name is None else number(entry.attributes.get(name), entry.where, name)
    return value / divisor if value is not None and math.isfinite(value) else None


def _seed(entry: Entry, name: str | None) -> int:
    seed = None if name is None else whole(entry.attributes.get(name), entry.where, name)
    if seed is not None and not 0 <= seed < 2**63:
        raise UserError(
            f"{entry.where}: {name!r}: found {seed}; a seed is 0 to 2^63 - 1",
            "Leave it empty where there was none.",
        )
    return -1 if seed is None else seed


def _without_prefix(name: str) -> str:
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def states(found: Iterable[Training]) -> str:
    """``31 complete, 7 pruned, 2 failed``."""
    counts = Counter(training.state for training in found)
    return ", ".join(f"{counts[name]:,} {name}" for name in ("complete", "pruned", "failed") if counts[name])
