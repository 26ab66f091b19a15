"""Which attribute of a source is what: as the user says, else by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from hpo.errors import UserError
from hpo.foreign.asked import Asked, Roles
from hpo.foreign.source import Entry, Source, listed
from hpo.foreign.values import as_text, is_missing, plain

_PREFIXES = ("parameters.", "params.", "param.", "config.", "config/", "hparams.", "params_")
_VALIDATION = ("validation", "val", "valid", "eval", "dev")
_MEASURES = ("score", "accuracy", "acc", "f1", "loss")
_SCORES = [f"{split}_{measure}" for measure in _MEASURES for split in _VALIDATION]
_USUAL = {
    "strategy": ["strategy", "method", "algorithm"],
    "task": ["task", "dataset"],
    "replicate": ["replicate", "repeat"],
    "seed": ["seed", "random_seed"],
    "phase": ["phase"],
}
_USUAL_IN_ROWS = {
    "trial": ["trial", "trial_id", "draw", "number"],
    "rung": ["rung", "budget", "epoch", "training_iteration"],
    "cost": ["cost", "seconds", "runtime", "duration"],
    "state": ["state", "status"],
}
_NAMED = ("strategy", "task", "replicate", "seed")  # what a study's name may tell


def named(source: Source, pattern: str | None) -> Source:
    """``source`` with what the names of its studies tell as attributes ``{strategy}``, ``{task}`` and so on.

    Raises:
        UserError: the pattern is none, or a study has another name.
    """
    if pattern is None:
        return source
    parts = re.split(r"(\{[^{}]*\})", pattern)
    wrong = [part for part in parts[1::2] if part[1:-1] not in _NAMED or parts.count(part) > 1]
    if wrong or len(parts) < 2:
        allowed = ", ".join(f"{{{name}}}" for name in _NAMED)
        raise UserError(
            f"--study-names {pattern!r}: found {', '.join(wrong) or 'no field'}; allowed are {allowed}, each once",
            "Give a pattern such as '{strategy}-{replicate}'.",
        )
    expression = re.compile(
        "".join(f"(?P<{p[1:-1]}>.+?)" if p in parts[1::2] else re.escape(p) for p in parts)
    )
    entries = []
    for entry in source.entries:
        match = expression.fullmatch(entry.study)
        if match is None:
            raise UserError(
                f"{entry.path}: the name {entry.study!r} does not fit --study-names {pattern!r}",
                "Change the pattern, or name the studies to read with --study.",
            )
        told = {f"{{{name}}}": text for name, text in match.groupdict().items()}
        entries.append(replace(entry, attributes={**entry.attributes, **told}))
    return replace(source, entries=tuple(entries))


def choose(source: Source, asked: Asked) -> Roles:
    """The roles of the attributes of ``source``.

    Raises:
        UserError: an attribute that was asked for is not there, or nothing is a score.
    """
    names = source.names()
    usual = _USUAL | (_USUAL_IN_ROWS if source.long else {})
    roles = (*_USUAL, *_USUAL_IN_ROWS)
    for role in roles:
        for name in asked.roles.names(role):
            _check(source, names, name, role)
    found: dict[str, Any] = {}
    for role in roles:
        inherent = [f"{{{role}}}"] if role in _NAMED else []
        found[role] = getattr(asked.roles, role) or _first(names, [*inherent, *usual.get(role, [])])
    for role in ("strategy", "task"):
        found[role] = (found[role],) if isinstance(found[role], str) else found[role] or ()
    score, test_score = _scores(source, asked, names)
    return Roles(**found, score=score, test_score=test_score)


def guessed(roles: Roles, asked: Asked, source: Source, role: str) -> bool:
    """Whether ``role`` was given by an attribute's name alone: no option names it, nor does the source say it itself."""
    names = roles.names(role)
    if not names or names == asked.roles.names(role) or names[0].startswith("{"):
        return False
    return role != "score" or roles.score != source.score


def _scores(source: Source, asked: Asked, names: Sequence[str]) -> tuple[str | None, str | None]:
    measured = names if source.results is None else source.results
    said = asked.roles
    for role, name in (("score", said.score), ("test-score", said.test_score)):
        if name is not None:
            _check(source, measured, name, role)
    score = said.score or source.score or _first(measured, ["score", *_SCORES])
    test = said.test_score or _first(measured, _tests(score))
    searched = source.results is not None and said.test_score is None
    if score is None and (test is None or searched):  # what a search tried is no confirmation of anything
        raise UserError(
            f"{source.label}: no {source.kind} is known as a score; there are {listed(list(measured)) or 'none'}",
            "Name the validation score with --score, or the test score with --test-score, or both.",
        )
    return score, test


def _tests(score: str | None) -> list[str]:
    """Usual names of the test score: of the same measure as the validation score ``score``."""
    if score is None:
        return [f"test_{measure}" for measure in _MEASURES]
    bare = bare_name(score)
    stem = next((bare.removeprefix(f"{s}_") for s in _VALIDATION if bare.startswith(f"{s}_")), bare)
    return [f"test_{stem}", *(["test_score"] if stem in {"value", "objective"} else [])]


def bare_name(name: str) -> str:
    """An attribute's name without what tools put before it, in small letters and underscores."""
    for prefix in ("metrics.", "tags.", *_PREFIXES):
        name = name.removeprefix(prefix)
    return re.sub(r"[^a-z0-9{}]+", "_", name.lower()).strip("_")


def _first(names: Iterable[str], usual: Sequence[str]) -> str | None:
    """The attribute whose name comes first in ``usual``."""
    by_bare = {bare_name(name): name for name in reversed(list(names))}
    return next((by_bare[name] for name in usual if name in by_bare), None)


def _check(source: Source, names: Sequence[str], name: str, role: str) -> None:
    if name not in names:
        nearest = get_close_matches(name, names, n=1, cutoff=0.0)
        raise UserError(
            f"{source.label}: no {source.kind} {name!r}; there are {listed(list(names)) or 'none'}",
            f"Name one of them, such as `--{role} {nearest[0]!r}`." if nearest else "Leave the option out.",
        )


def text_of(entry: Entry, names: Sequence[str], kind: str) -> str:
    """What several attributes say together.

    Raises:
        UserError: one says nothing.
    """
    parts = []
    for name in names:
        value = entry.attributes.get(name)
        if is_missing(value):
            raise UserError(f"{entry.where}: {kind} {name!r} is empty", "Give every training a value of it.")
        parts.append(as_text(value))
    return ", ".join(parts)


def parameters(entry: Entry, source: Source, asked: Asked, roles: Roles) -> dict[str, Any]:
    """The configuration of a training: what was asked for, else what the source or a name's beginning says is one."""
    known = source.parameters_known
    patterns = asked.parameters or (("*",) if known else tuple(f"{prefix}*" for prefix in _PREFIXES))
    taken = roles.taken() - set(roles.strategy)
    found = {}
    for name, value in entry.parameters.items():
        wanted = any(fnmatchcase(name, pattern) for pattern in patterns)
        if wanted and name not in taken and (known or not is_missing(value)):
            found[name if known else _without_prefix(name)] = plain(value)
    return found


def _without_prefix(name: str) -> str:
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)
