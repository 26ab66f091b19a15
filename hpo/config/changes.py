"""What differs between two Experiments, told before a changed space file is refused over records that exist."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """One line for each difference of two JSON dumps of an Experiment, such as ``budget.trials: 4 -> 6``."""
    return list(_changes(old, new, ""))


def _changes(old: Any, new: Any, where: str) -> Iterator[str]:
    if _plain(old) == _plain(new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old.get("kind") == new.get("kind"):
        for key in (*old, *(key for key in new if key not in old)):
            yield from _changes(old.get(key), new.get(key), f"{where}.{key}" if where else key)
    else:
        yield f"{where}: {_shown(old)} -> {_shown(new)}"


def _plain(value: Any) -> Any:
    """Lists for tuples, so that a dump read back from JSON equals one that never was JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(child) for key, child in value.items() if child is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _shown(value: Any) -> str:
    """A value as the space file writes it."""
    if value is None:
        return "not set"
    value = _plain(value)
    if isinstance(value, dict) and value.get("kind") == "fixed":
        value = value["value"]
    elif isinstance(value, dict):
        value = {key: child for key, child in value.items() if key != "kind" and child not in (False, {})}
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
