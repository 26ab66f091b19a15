"""What is wrong with a space file, gathered so that all of it is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hpo.errors import UserError

Position = tuple[int, int]  # line and column, both from 1


@dataclass(frozen=True, order=True)
class Problem:
    """One error: where it is and what to say."""

    at: Position
    text: str


class SpaceFileError(UserError):
    """A space file has errors; the message has one line for each, sorted: ``file:line:column: what``."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        lines = (f"{path}:{p.at[0]}:{p.at[1]}: {p.text}" for p in self.problems)
        super().__init__("\n".join(lines), f"Correct the file, then try it with `hpo check --space {path}`.")


class Problems:
    """A list of problems that grows while a file is read."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, at: Position, found: str, allowed: str, nearest: str | None = None) -> None:
        """Note that ``found`` stands at ``at`` where ``allowed`` should; ``nearest`` is what was likely meant."""
        guess = f"; did you mean {nearest}?" if nearest is not None else ""
        self.found.append(Problem(at, f"{found}; allowed: {allowed}{guess}"))


def nearest_name(name: object, names: Iterable[str]) -> str | None:
    """The name most like ``name``, or None where none is near."""
    by_lower = {n.lower(): n for n in names}
    word = str(name).lower()
    near = difflib.get_close_matches(word, by_lower)
    # Of equally near names the one with the same letters: letters are swapped more often than replaced.
    return by_lower[max(near, key=lambda n: sorted(n) == sorted(word))] if near else None


def listed(names: Iterable[object]) -> str:
    """The names in one line, or ``nothing``."""
    return ", ".join(str(name) for name in names) or "nothing"
