"""Values as other tools write them: text that is a number, a list, a word for how a training ended."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from hpo.errors import UserError
from hpo.json_text import parse_json

State = Literal["complete", "pruned", "failed", "open"]

_WORDS: dict[State, str] = {
    "complete": "complete completed finished success succeeded done ok terminated",
    "pruned": "pruned stopped early_stopped killed",
    "failed": "fail failed error errored crashed crash diverged preempted",
    "open": "running waiting pending scheduled queued paused",
}
_STATES = {word: state for state, words in _WORDS.items() for word in words.split()}
_CONFIRMING = {"confirmation", "confirm", "test", "final", "retrain", "retrained", "true", "yes", "1"}
_SEARCHING = {"search", "trial", "tuning", "tune", "train", "false", "no", "0"}
_DIGITS = re.compile("[+-]?[0-9]{1,1000}")


def is_missing(value: Any) -> bool:
    """Whether a cell or an attribute says nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


def number(value: Any, where: str, name: str) -> float | None:
    """A number, which may be infinite or NaN; None where nothing is said.

    Raises:
        UserError: it is none.
    """
    if is_missing(value):
        return None
    if not isinstance(value, bool) and not (isinstance(value, str) and "_" in value):  # to Python 3_5 is 35
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise UserError(
        f"{where}: {name!r}: found {value!r}; a number is required",
        "Correct it, or leave it empty where nothing was measured.",
    )


def whole(value: Any, where: str, name: str) -> int | None:
    """A whole number; None where nothing is said.

    Raises:
        UserError: it is none.
    """
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)  # a float has too few digits for some seeds
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = number(value, where, name)
    if found is None:
        return None
    if not math.isfinite(found) or found != int(found):
        raise UserError(
            f"{where}: {name!r}: found {value!r}; a whole number is required",
            "Count in smaller units, such as steps instead of epochs.",
        )
    return int(found)


def state(word: Any, where: str) -> State:
    """How a training ended, from the source's word for it.

    Raises:
        UserError: the word is not known.
    """
    text = str(word).strip().lower().replace(" ", "_").replace("-", "_")
    if text not in _STATES:
        known = "; ".join(f"{name}: {', '.join(words.split())}" for name, words in _WORDS.items())
        raise UserError(
            f"{where}: found the state {word!r}; known are {known}",
            "Replace the word by one of these, or name another column with --state.",
        )
    return _STATES[text]


def is_confirmation(word: Any, where: str) -> bool:
    """Whether a phase is the retraining of a selected configuration; nothing said is the search.

    Raises:
        UserError: the word is not known.
    """
    text = "" if is_missing(word) else str(word).strip().lower()
    if text in _CONFIRMING:
        return True
    if text and text not in _SEARCHING:
        known = f"{', '.join(sorted(_CONFIRMING))}; and of the search: {', '.join(sorted(_SEARCHING))}"
        raise UserError(
            f"{where}: found the phase {word!r}; known of a confirmation are {known}",
            "Replace the word by one of these, or name another column with --phase.",
        )
    return False


def plain(value: Any) -> Any:
    """A parameter's value: text that is a number, a truth value or a JSON list becomes one."""
    if not isinstance(value, str):
        return value if not isinstance(value, float) or math.isfinite(value) else str(value)
    text = value.strip()
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if "_" in text and not text.startswith(("[", "{")):
        return value  # to Python 3_5 is a number
    for read in (int, float, _listed):
        try:
            found = read(text)
        except ValueError:
            continue
        return found if not isinstance(found, float) or math.isfinite(found) else value
    return value


def _listed(text: str) -> Any:
    if not text.startswith(("[", "{")):
        raise ValueError(text)
    return parse_json(text)


def flat(nested: Mapping[str, Any], separator: str) -> dict[str, Any]:
    """A mapping without mappings in it, names joined by ``separator``."""
    found: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            inner = flat(value, separator)
            found |= {f"{name}{separator}{below}": deeper for below, deeper in inner.items()}
        else:
            found[str(name)] = value
    return found


def as_text(value: Any) -> str:
    """A value as a strategy's or a task's name."""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
