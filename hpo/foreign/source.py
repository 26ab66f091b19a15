"""What the readers of other tools' files hand over: trainings by the names that their source gives things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any

from hpo.errors import UserError
from hpo.records.search import ParameterInfo

History = Mapping[int, Any]  # how far a training was -> what was measured there


def no_history(_name: str) -> History:
    """Of a source that has only what a training came to."""
    return {}


@dataclass(frozen=True)
class Entry:
    """One training, or one row that is a part of it, as its source has it.

    Attributes:
        path: of the source, for messages.
        place: within it: ``line 7``, ``trial 3 of study 'cosine'``.
        study: what the source keeps it in: a study, an experiment, a folder, a file.
        attributes: everything that is said of it, by name: parameters, results, tags.
        parameters: what of it is configuration, or may be (``Source.parameters_known``).
        state: how it ended, in the source's word; None: not said.
        reason: why it ended so; empty: not said.
        seconds: that it took; None: not said.
        history: values of a result on the way, by its name.
    """

    path: str
    place: str
    study: str
    attributes: Mapping[str, Any]
    parameters: Mapping[str, Any]
    state: str | None = None
    reason: str = ""
    seconds: float | None = None
    history: Callable[[str], History] = no_history

    @property
    def where(self) -> str:
        """Path and place."""
        return f"{self.path}, {self.place}"


@dataclass(frozen=True)
class Source:
    """Everything that one reader found.

    Attributes:
        label: what the records say they were imported from, without folders of this machine.
        kind: what an attribute is called in messages: ``column``.
        results: attributes that are results; None: the source does not tell.
        parameters_known: whether the source tells configuration from results.
        long: whether rows may be rungs of one training, and tell its state, cost and number.
        score: the attribute that is the objective's value; None: the source has none.
        final: whether the objective's value is the score, whatever was measured on the way.
        metric: what the objective is called; maximize: its direction. None: not said.
        resource: what the history counts.
        cost: what the seconds of an entry are; empty: entries have none.
        space: parameters whose distribution the source has.
        notes: what a user should know about the reading.
    """

    label: str
    entries: tuple[Entry, ...]
    kind: str
    results: tuple[str, ...] | None = None
    parameters_known: bool = True
    long: bool = False
    score: str | None = None
    final: bool = False
    metric: str | None = None
    maximize: bool | None = None
    resource: str = "step"
    cost: str = ""
    space: Mapping[str, ParameterInfo] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Names of all attributes, in the order in which they came."""
        found: dict[str, None] = {}
        for entry in self.entries:
            found |= dict.fromkeys(entry.attributes)
        return tuple(found)


def base_name(path: str) -> str:
    """The last part of a path, or of the path of a URL."""
    return PurePath(path.rstrip("/").split("?", 1)[0]).name or path


def listed(names: tuple[str, ...] | list[str]) -> str:
    """Names for a message; the first of very many."""
    shown = ", ".join(repr(name) for name in names[:30])
    return shown + (f" and {len(names) - 30} more" if len(names) > 30 else "")


def chosen(asked: tuple[str, ...], there: list[str], path: str, kind: str) -> list[str]:
    """The names of ``there`` that were asked for, in that order; all where none was.

    Raises:
        UserError: one is not there, or nothing is.
    """
    if not there:
        raise UserError(f"{path} holds no {kind}", "Name a source that holds finished trainings.")
    for name in asked:
        if name not in there:
            nearest = get_close_matches(name, there, n=1, cutoff=0.0)[0]
            raise UserError(
                f"{path}: no {kind} {name!r}; there are {listed(there)}",
                f"Name one of them, such as {nearest!r}.",
            )
    return list(asked) or there
